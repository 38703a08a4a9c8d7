package flv

import (
	"bytes"
	"encoding/binary"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/media/bitstream"
	"github.com/tuttilive/tutti/internal/media/timeline"
)

// longestOffset is how far showing may lie from decoding and be believed.
const longestOffset = 10 * time.Second

// Demuxer turns the bodies of FLV tags, or of RTMP's sound and picture messages, into frames. A body belongs to the
// demuxer from then on; frames share its bytes. It belongs to one goroutine.
type Demuxer struct {
	timeline timeline.Timeline
	video    videoDemuxer
	audio    audioDemuxer
}

// Video reads a picture tag that arrived at now. The frame is nil when the tag holds none. After ErrMalformed the next
// tag can be tried, after ErrUnsupported not.
func (d *Demuxer) Video(timestamp uint32, body []byte, now time.Duration) (*media.Frame, error) {
	v := &d.video
	f, offset, err := v.read(body)
	if err != nil || f == nil {
		v.lost = v.lost || err != nil
		return nil, err
	}
	dts, jumped := d.timeline.At(media.Video, timestamp, now)
	f.DTS, f.PTS = dts, dts
	if offset > 0 && offset <= longestOffset {
		f.PTS += offset
	}
	if jumped {
		v.latest = 0
	}
	v.reorder(f)
	f.Discontinuity = jumped || v.lost
	v.lost = false
	return f, nil
}

// Audio reads a sound tag that arrived at now, like Video.
func (d *Demuxer) Audio(timestamp uint32, body []byte, now time.Duration) (*media.Frame, error) {
	a := &d.audio
	f, err := a.read(body)
	if err != nil || f == nil {
		a.lost = a.lost || err != nil
		return nil, err
	}
	dts, jumped := d.timeline.At(media.Audio, timestamp, now)
	dts = a.clock.Next(dts, f.Duration, jumped)
	f.DTS, f.PTS = dts, dts
	f.Discontinuity = jumped || a.lost
	a.lost = false
	return f, nil
}

// VideoFormat and AudioFormat are what the last sequence headers said, nil before.
func (d *Demuxer) VideoFormat() *media.Format { return d.video.format }
func (d *Demuxer) AudioFormat() *media.Format { return d.audio.format }

// videoDemuxer reads picture tags without their time.
type videoDemuxer struct {
	codec      media.Codec
	sets       bitstream.ParameterSets // H.264 and H.265
	lengthSize int
	extra      []byte // parameter sets beyond those that a format holds, as units that go before keyframes
	format     *media.Format
	base       *media.Format // what format was made of when it is a copy with Reordered set
	reordered  bool
	latest     time.Duration // largest PTS so far
	lost       bool
}

// read gives the frame in a tag and its composition offset.
func (v *videoDemuxer) read(body []byte) (*media.Frame, time.Duration, error) {
	if len(body) < 1 {
		return nil, 0, malformed("empty picture tag")
	}
	if body[0]&0x80 != 0 {
		return v.readEnhanced(body)
	}
	frameType := body[0] >> 4
	codec := media.NoCodec
	switch id := body[0] & 0xf; id {
	case legacyAVC:
		codec = media.H264
	case legacyHEVC:
		codec = media.H265
	default:
		return nil, 0, unsupported("video codec %d; send H.264", id)
	}
	if frameType == commandFrame {
		return nil, 0, nil
	}
	if len(body) < 5 {
		return nil, 0, malformed("picture tag of %d bytes", len(body))
	}
	switch body[1] {
	case legacySequenceHeader:
		return nil, 0, v.configure(codec, body[5:])
	case legacyCoded:
		return v.frame(codec, frameType == keyFrame, int24(body[2:]), body[5:])
	}
	return nil, 0, nil // end of sequence
}

// readEnhanced reads a tag with an ExVideoTagHeader (Enhanced RTMP).
func (v *videoDemuxer) readEnhanced(body []byte) (*media.Frame, time.Duration, error) {
	if len(body) < 5 {
		return nil, 0, malformed("picture tag of %d bytes", len(body))
	}
	frameType, packet, rest := body[0]>>4&7, body[0]&0xf, body[5:]
	if packet > packetMetadata {
		return nil, 0, unsupported("enhanced picture packet type %d (multitrack or later); send one plain track", packet)
	}
	if packet == packetMetadata || packet == packetSequenceEnd || frameType == commandFrame {
		return nil, 0, nil
	}
	var codec media.Codec
	switch four := fourCC(body[1:5]); four {
	case fourAVC:
		codec = media.H264
	case fourHEVC:
		codec = media.H265
	case fourAV1:
		codec = media.AV1
	case fourVP9:
		codec = media.VP9
	case fourVP8:
		codec = media.VP8
	default:
		return nil, 0, unsupported("video codec %q; send H.264", four[:])
	}
	if packet == packetSequenceStart {
		return nil, 0, v.configure(codec, rest)
	}
	var offset time.Duration
	if packet == packetCoded && (codec == media.H264 || codec == media.H265) {
		if len(rest) < 3 {
			return nil, 0, malformed("picture tag of %d bytes", len(body))
		}
		offset, rest = int24(rest), rest[3:]
	}
	return v.frame(codec, frameType == keyFrame, offset, rest)
}

// configure takes a sequence header.
func (v *videoDemuxer) configure(codec media.Codec, record []byte) error {
	var sets [][][]byte // of each kind
	lengthSize := 4
	switch codec {
	case media.H264:
		c, err := bitstream.ParseAVCConfig(record)
		if err != nil {
			return err
		}
		sets, lengthSize = [][][]byte{c.SPS, c.PPS}, c.LengthSize
	case media.H265:
		c, err := bitstream.ParseHEVCConfig(record)
		if err != nil {
			return err
		}
		sets, lengthSize = [][][]byte{c.VPS, c.SPS, c.PPS}, c.LengthSize
	case media.AV1:
		f, err := av1Format(record)
		if err != nil {
			return err
		}
		v.use(codec, f)
		return nil
	case media.VP9:
		if len(record) < 8 || len(record) > maxConfig {
			return malformed("vpcC of %d bytes", len(record))
		}
		v.use(codec, &media.Format{Codec: codec, Config: record})
		return nil
	default:
		v.use(codec, &media.Format{Codec: codec})
		return nil
	}
	if v.codec != codec {
		v.sets = bitstream.ParameterSets{Codec: codec}
	}
	v.lengthSize, v.extra = lengthSize, nil
	v.sets.Picture()
	for _, kind := range sets {
		for _, unit := range kind {
			if !v.sets.Add(unit) {
				v.extra = bitstream.AppendUnit(v.extra, unit)
			}
		}
	}
	f := v.sets.Format()
	if f == nil {
		return malformed("parameter sets")
	}
	v.use(codec, f)
	return nil
}

// use makes a format the current one, unless it says the same as that.
func (v *videoDemuxer) use(codec media.Codec, f *media.Format) {
	if codec == v.codec && v.base != nil && (f == v.base || same(f, v.base)) {
		return
	}
	if codec != v.codec {
		v.reordered = false
	}
	v.codec, v.base, v.format = codec, f, f
	if v.reordered {
		v.markReordered()
	}
}

func same(a, b *media.Format) bool {
	return a.Codec == b.Codec && a.Width == b.Width && a.Height == b.Height && string(a.Config) == string(b.Config) &&
		string(a.SPS) == string(b.SPS) && string(a.PPS) == string(b.PPS) && string(a.VPS) == string(b.VPS)
}

// frame makes a frame of a tag's payload.
func (v *videoDemuxer) frame(codec media.Codec, key bool, offset time.Duration, payload []byte) (*media.Frame, time.Duration, error) {
	if len(payload) == 0 {
		return nil, 0, nil
	}
	var err error
	switch codec {
	case media.H264, media.H265:
		if v.codec != codec || v.format == nil {
			if err := v.lookInside(codec, payload); err != nil {
				return nil, 0, err
			}
		}
		if payload, key, err = v.units(payload, key); err != nil || len(payload) == 0 {
			return nil, 0, err
		}
	case media.AV1:
		sequence := bitstream.AV1Sequence(payload)
		key = key && sequence != nil || sequence != nil
		if err := v.learn(codec, key, func() (*media.Format, error) {
			w, h, err := bitstream.AV1Size(sequence)
			return &media.Format{Codec: codec, Width: w, Height: h, Config: sequence}, err
		}); err != nil {
			return nil, 0, err
		}
	case media.VP9:
		key = bitstream.VP9Keyframe(payload)
		if err := v.learn(codec, key, func() (*media.Format, error) {
			w, h, err := bitstream.VP9Size(payload)
			return &media.Format{Codec: codec, Width: w, Height: h, Config: v.config()}, err
		}); err != nil {
			return nil, 0, err
		}
	case media.VP8:
		key = bitstream.VP8Keyframe(payload)
		if err := v.learn(codec, key, func() (*media.Format, error) {
			w, h, err := bitstream.VP8Size(payload)
			return &media.Format{Codec: codec, Width: w, Height: h}, err
		}); err != nil {
			return nil, 0, err
		}
	}
	if v.codec != codec || v.format == nil {
		return nil, 0, malformed("%v picture before a keyframe", codec)
	}
	return &media.Frame{Format: v.format, Payload: payload, Keyframe: key}, offset, nil
}

// learn takes the format from a keyframe of a codec that carries it there.
func (v *videoDemuxer) learn(codec media.Codec, key bool, format func() (*media.Format, error)) error {
	if !key {
		return nil
	}
	f, err := format()
	if err != nil {
		return err
	}
	v.use(codec, f)
	return nil
}

func (v *videoDemuxer) config() []byte {
	if v.base == nil || v.codec != media.VP9 {
		return nil
	}
	return v.base.Config
}

// lookInside finds the parameter sets of a stream without a sequence header, if they are among its pictures: with lengths of 4 bytes, or
// with start codes.
func (v *videoDemuxer) lookInside(codec media.Codec, payload []byte) error {
	v.codec, v.base, v.format, v.extra, v.reordered = codec, nil, nil, nil, false
	v.sets = bitstream.ParameterSets{Codec: codec}
	units := bitstream.Units(payload)
	if v.lengthSize = 4; bytes.HasPrefix(payload, []byte{0, 0, 0, 1}) || bytes.HasPrefix(payload, []byte{0, 0, 1}) {
		v.lengthSize, units = startCodes, bitstream.SplitAnnexB(payload)
	}
	for unit := range units {
		v.sets.Add(unit)
	}
	f := v.sets.Format()
	if f == nil {
		return malformed("%v picture before its sequence header", codec)
	}
	v.use(codec, f)
	return nil
}

// startCodes stands for units that are divided by start codes where their lengths should be, as some write them that send no sequence header.
const startCodes = 0

// units brings NAL units into the form that media.Frame asks for and takes parameter sets out.
func (v *videoDemuxer) units(payload []byte, key bool) ([]byte, bool, error) {
	var err error
	if v.lengthSize == startCodes {
		var relengthed []byte
		for unit := range bitstream.SplitAnnexB(payload) {
			relengthed = bitstream.AppendUnit(relengthed, unit)
		}
		payload = relengthed
	} else if payload, err = bitstream.Relength(payload, v.lengthSize); err != nil {
		return nil, false, err
	}
	plain, pictures := true, false
	v.sets.Picture()
	for unit := range bitstream.Units(payload) {
		keep, picture, random := v.classify(unit)
		plain, pictures, key = plain && keep, pictures || picture, key || random
	}
	if !pictures {
		payload = nil // parameter sets or SEI alone; they count from the next picture on
	}
	if plain && (!key || v.extra == nil) || payload == nil {
		return payload, key, nil
	}
	kept := make([]byte, 0, len(v.extra)+len(payload))
	if key {
		kept = append(kept, v.extra...)
	}
	v.sets.Picture()
	for unit := range bitstream.Units(payload) {
		if keep, _, _ := v.classify(unit); keep {
			kept = bitstream.AppendUnit(kept, unit)
		}
	}
	return kept, key, nil
}

// classify takes in a parameter set and tells of a unit whether it stays in the payload, is part of a picture, and lets
// decoding begin.
func (v *videoDemuxer) classify(unit []byte) (keep, picture, random bool) {
	if v.sets.Add(unit) {
		v.use(v.codec, v.sets.Format())
		return false, false, false
	}
	return bitstream.Classify(v.codec, unit)
}

// reorder finds out from what comes whether pictures are shown in another order than they are decoded, where the
// parameter sets did not say so: a picture is shown before one that came earlier, or the first one is held back.
func (v *videoDemuxer) reorder(f *media.Frame) {
	back := f.PTS < v.latest
	held := v.latest == 0 && f.PTS > f.DTS && v.silentAboutOrder()
	if !f.Format.Reordered && (back || held) {
		v.reordered = true
		v.markReordered()
		f.Format = v.format
	}
	v.latest = max(v.latest, f.PTS)
}

func (v *videoDemuxer) silentAboutOrder() bool {
	if v.codec != media.H264 {
		return false
	}
	p, err := bitstream.ParseH264SPS(v.base.SPS)
	return err == nil && p.Reorder < 0
}

func (v *videoDemuxer) markReordered() {
	if !v.base.Reordered {
		f := *v.base
		f.Reordered = true
		v.format = &f
	}
}

// int24 is a signed composition offset in milliseconds.
func int24(b []byte) time.Duration {
	n := int32(binary.BigEndian.Uint32([]byte{b[0], b[1], b[2], 0})) >> 8
	return time.Duration(n) * time.Millisecond
}
