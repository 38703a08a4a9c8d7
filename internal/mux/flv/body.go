package flv

import (
	"encoding/binary"
	"fmt"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/media/bitstream"
)

// maxConfig bounds a codec's own configuration; real ones have tens of bytes.
const maxConfig = 4 << 10

// Can tells whether a codec has a place in FLV as we write it.
func Can(c media.Codec) bool {
	switch c {
	case media.H264, media.H265, media.AV1, media.VP9, media.VP8, media.AAC, media.Opus:
		return true
	}
	return false
}

// numbered is the number of codecs of pictures that are written by one, else 0.
func numbered(c media.Codec, oldHEVC bool) byte {
	switch {
	case c == media.H264:
		return legacyAVC
	case c == media.H265 && oldHEVC:
		return legacyHEVC
	}
	return 0
}

// enhanced is the FourCC of codecs that are written by Enhanced RTMP.
func enhanced(c media.Codec) fourCC {
	switch c {
	case media.H265:
		return fourHEVC
	case media.AV1:
		return fourAV1
	case media.VP9:
		return fourVP9
	case media.VP8:
		return fourVP8
	case media.Opus:
		return fourOpus
	}
	return fourCC{}
}

// videoSequenceHeader is the body of the tag that configures a decoder; nil when the codec needs none.
func videoSequenceHeader(f *media.Format, oldHEVC bool) ([]byte, error) {
	var record []byte
	switch f.Codec {
	case media.H264:
		record = bitstream.AVCRecord(f)
	case media.H265:
		record = bitstream.HEVCRecord(f)
	case media.AV1:
		var err error
		if record, err = av1Record(f); err != nil {
			return nil, err
		}
	case media.VP9:
		record = vpcC(f)
	case media.VP8:
		return nil, nil
	}
	if record == nil {
		return nil, fmt.Errorf("flv: %v format cannot be written", f.Codec)
	}
	if number := numbered(f.Codec, oldHEVC); number != 0 {
		return append([]byte{keyFrame<<4 | number, legacySequenceHeader, 0, 0, 0}, record...), nil
	}
	four := enhanced(f.Codec)
	body := append([]byte{0x80 | keyFrame<<4 | packetSequenceStart}, four[:]...)
	return append(body, record...), nil
}

// vpcC is the format's own configuration, or that of the 8-bit 4:2:0 stream which nearly every VP9 stream is. It begins
// with the version and flags of a full box, as ffmpeg writes it.
func vpcC(f *media.Format) []byte {
	if len(f.Config) >= 8 && len(f.Config) <= maxConfig {
		return f.Config
	}
	const level, bitDepthAndSubsampling, unspecified = 31, 8<<4 | 1<<1, 2
	return []byte{1, 0, 0, 0, 0, level, bitDepthAndSubsampling, unspecified, unspecified, unspecified, 0, 0}
}

func audioSequenceHeader(f *media.Format) ([]byte, error) {
	switch f.Codec {
	case media.AAC:
		if len(f.Config) < 2 || len(f.Config) > maxConfig {
			return nil, fmt.Errorf("flv: AAC format with an AudioSpecificConfig of %d bytes", len(f.Config))
		}
		return append([]byte{aacHeader, legacySequenceHeader}, f.Config...), nil
	case media.Opus:
		body := append([]byte{legacyEx<<4 | packetSequenceStart}, fourOpus[:]...)
		return appendOpusHead(body, f), nil
	}
	return nil, fmt.Errorf("flv: no place for codec %v", f.Codec)
}

// aacHeader says AAC, 44 kHz, 16 bits, stereo, which it must whatever the sound really is (E.4.2.1).
const aacHeader = legacyAAC<<4 | 3<<2 | 1<<1 | 1

// appendOpusHead appends an identification header (RFC 7845, section 5.1).
func appendOpusHead(dst []byte, f *media.Format) []byte {
	const preSkip = 312
	dst = append(dst, "OpusHead"...)
	dst = append(dst, 1, byte(max(f.Channels, 1)))
	dst = binary.LittleEndian.AppendUint16(dst, preSkip)
	dst = binary.LittleEndian.AppendUint32(dst, 48000)
	return append(dst, 0, 0, 0)
}

// appendVideoHeader appends what stands before a frame's payload. The composition offset is in milliseconds.
func appendVideoHeader(dst []byte, f *media.Frame, offset int64, oldHEVC bool) []byte {
	frameType := byte(interFrame)
	if f.Keyframe {
		frameType = keyFrame
	}
	const largest = 1<<23 - 1
	o := uint32(min(max(offset, 0), largest))
	if number := numbered(f.Format.Codec, oldHEVC); number != 0 {
		return append(dst, frameType<<4|number, legacyCoded, byte(o>>16), byte(o>>8), byte(o))
	}
	four := enhanced(f.Format.Codec)
	if f.Format.Codec == media.H265 && o != 0 {
		dst = append(append(dst, 0x80|frameType<<4|packetCoded), four[:]...)
		return append(dst, byte(o>>16), byte(o>>8), byte(o))
	}
	packet := byte(packetCoded)
	if f.Format.Codec == media.H265 {
		packet = packetCodedX
	}
	return append(append(dst, 0x80|frameType<<4|packet), four[:]...)
}

// appendParameterSets repeats the parameter sets of H.264 and H.265 before the picture of a keyframe. mpegts.js holds the last picture back until the next one
// comes, and gives it to the decoder after the sequence header of what follows: a keyframe that is the last before new parameters could not be
// decoded with those, and the browser would give up the whole stream.
func appendParameterSets(dst []byte, f *media.Frame) []byte {
	if f.Format.Codec != media.H264 && f.Format.Codec != media.H265 || !f.Keyframe {
		return dst
	}
	for _, set := range [][]byte{f.Format.VPS, f.Format.SPS, f.Format.PPS} {
		if len(set) > 0 {
			dst = append(binary.BigEndian.AppendUint32(dst, uint32(len(set))), set...)
		}
	}
	return dst
}

func appendAudioHeader(dst []byte, f *media.Format) []byte {
	if f.Codec == media.AAC {
		return append(dst, aacHeader, legacyCoded)
	}
	return append(append(dst, legacyEx<<4|packetCoded), fourOpus[:]...)
}
