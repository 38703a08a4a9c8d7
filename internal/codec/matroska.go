package codec

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/tuttilive/tutti/internal/media"
)

// Pictures and sound go into a worker as Matroska (RFC 9559): the one container that ffmpeg reads at low latency, that frames and
// times every codec, and that takes a few bytes a frame. Each frame is a cluster of its own.

const (
	idEBML, idSegment, idInfo, idTracks, idCluster = 0x1A45DFA3, 0x18538067, 0x1549A966, 0x1654AE6B, 0x1F43B675
)

// element appends an EBML element with a size of 8 bytes, which is always enough.
func element(b []byte, id uint32, payload ...byte) []byte {
	b = elementHead(b, id, len(payload))
	return append(b, payload...)
}

func elementHead(b []byte, id uint32, size int) []byte {
	for shift := 24; shift >= 0; shift -= 8 {
		if id>>shift != 0 {
			b = append(b, byte(id>>shift))
		}
	}
	return binary.BigEndian.AppendUint64(b, uint64(size)|1<<56)
}

func number(v uint64) []byte { return binary.BigEndian.AppendUint64(nil, v) }

// matroskaHeader describes a stream of one picture track with times in milliseconds.
func matroskaHeader(f *media.Format) ([]byte, error) {
	var name string
	private := f.Config
	switch f.Codec {
	case media.H264:
		name, private = "V_MPEG4/ISO/AVC", avcConfig(f)
		if private == nil {
			return nil, fmt.Errorf("codec: H.264 without parameter sets")
		}
	case media.H265:
		name, private = "V_MPEGH/ISO/HEVC", hevcConfig(f)
		if private == nil {
			return nil, fmt.Errorf("codec: H.265 without parameter sets")
		}
	case media.VP8:
		name, private = "V_VP8", nil
	case media.VP9:
		name, private = "V_VP9", nil
	case media.AV1:
		name, private = "V_AV1", nil // the sequence header is in the stream
	default:
		return nil, unsupported("%s is no picture codec", f.Codec)
	}

	return matroskaTrack(1, name, private, matroskaVideo(f.Width, f.Height, nil)), nil
}

// matroskaRaw is matroskaHeader for pictures in I420.
func matroskaRaw(width, height int) []byte {
	return matroskaTrack(1, "V_UNCOMPRESSED", nil, matroskaVideo(width, height, []byte("I420")))
}

// matroskaVideo is what a picture track has to say; layout is that of uncompressed pictures.
func matroskaVideo(width, height int, layout []byte) []byte {
	video := element(nil, 0xB0, number(uint64(max(width, 1)))...)
	video = element(video, 0xBA, number(uint64(max(height, 1)))...)
	if layout != nil {
		video = element(video, 0x2EB524, layout...)
	}
	return element(nil, 0xE0, video...)
}

// matroskaSound is matroskaHeader for AAC.
func matroskaSound(f *media.Format) []byte {
	rate := binary.BigEndian.AppendUint64(nil, math.Float64bits(float64(f.SampleRate)))
	sound := element(nil, 0xB5, rate...)
	sound = element(sound, 0x9F, byte(f.Channels))
	return matroskaTrack(2, "A_AAC", f.Config, element(nil, 0xE1, sound...))
}

// matroskaTrack is the beginning of a stream of one track, of a kind (1 picture, 2 sound), with what the codec and the kind have to say.
func matroskaTrack(kind byte, name string, private, detail []byte) []byte {
	head := element(nil, 0x4286, 1)
	head = element(head, 0x42F7, 1)
	head = element(head, 0x42F2, 4)
	head = element(head, 0x42F3, 8)
	head = element(head, 0x4282, []byte("matroska")...)
	head = element(head, 0x4287, 4)
	head = element(head, 0x4285, 2)
	b := element(nil, idEBML, head...)

	// The segment has no known size: it ends with the stream.
	b = append(b, 0x18, 0x53, 0x80, 0x67, 0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)
	info := element(nil, 0x2AD7B1, number(1_000_000)...)
	info = element(info, 0x4D80, []byte("tutti")...)
	info = element(info, 0x5741, []byte("tutti")...)
	b = element(b, idInfo, info...)

	track := element(nil, 0xD7, 1)
	track = element(track, 0x73C5, 1)
	track = element(track, 0x83, kind)
	track = element(track, 0x9C, 0)
	track = element(track, 0x86, []byte(name)...)
	if len(private) > 0 {
		track = element(track, 0x63A2, private...)
	}
	track = append(track, detail...)
	return element(b, idTracks, element(nil, 0xAE, track...)...)
}

// matroskaFrame appends one frame; at is its time in milliseconds.
func matroskaFrame(b []byte, at int64, keyframe bool, payload []byte) []byte {
	return append(matroskaFrameHead(b, at, keyframe, len(payload)), payload...)
}

// matroskaFrameHead appends what comes before a frame's bytes.
func matroskaFrameHead(b []byte, at int64, keyframe bool, size int) []byte {
	const timeSize, blockHead = 1 + 8 + 8, 1 + 8 + 4
	b = elementHead(b, idCluster, timeSize+blockHead+size)
	b = element(b, 0xE7, number(uint64(at))...)
	b = elementHead(b, 0xA3, 4+size)
	flags := byte(0)
	if keyframe {
		flags = 0x80
	}
	return append(b, 0x81, 0, 0, flags)
}

// avcConfig is an AVCDecoderConfigurationRecord (ISO 14496-15, section 5.3.3.1).
func avcConfig(f *media.Format) []byte {
	if len(f.SPS) < 4 || len(f.PPS) == 0 || len(f.SPS) > 1<<15 || len(f.PPS) > 1<<15 {
		return nil
	}
	b := []byte{1, f.SPS[1], f.SPS[2], f.SPS[3], 0xff, 0xe1}
	b = binary.BigEndian.AppendUint16(b, uint16(len(f.SPS)))
	b = append(b, f.SPS...)
	b = append(b, 1)
	b = binary.BigEndian.AppendUint16(b, uint16(len(f.PPS)))
	return append(b, f.PPS...)
}

// hevcConfig is an HEVCDecoderConfigurationRecord (ISO 14496-15, section 8.3.3.1). Its profile fields are left zero:
// the decoder reads the parameter sets.
func hevcConfig(f *media.Format) []byte {
	sets := [][]byte{f.VPS, f.SPS, f.PPS}
	b := make([]byte, 23, 128)
	b[0], b[21], b[22] = 1, 0x0f, byte(len(sets)) // lengths of 4 bytes
	for i, s := range sets {
		if len(s) < 2 || len(s) > 1<<15 {
			return nil
		}
		b = append(b, 0x80|byte(32+i), 0, 1)
		b = binary.BigEndian.AppendUint16(b, uint16(len(s)))
		b = append(b, s...)
	}
	return b
}
