package fmp4

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/media/bitstream"
)

var (
	// ErrEncrypted tells that what is in a track is encrypted for each sample (ISO 23001-7), as DRM does it.
	ErrEncrypted = errors.New("fmp4: the samples are encrypted (SAMPLE-AES, DRM), which is not read")
	// ErrUnsupported tells that nothing in a stream can be taken.
	ErrUnsupported = errors.New("fmp4: nothing of the stream can be taken: send H.264, H.265, AV1 or VP9, and AAC or Opus")
	// errNotTaken tells that a track is of another codec than those that are taken.
	errNotTaken = errors.New("fmp4: not taken")
)

// description says how the samples of a track are coded: what a sample entry says (ISO 14496-12, section 8.5.2).
type description struct {
	codec media.Codec
	// format is nil where the samples say it themselves.
	format     *media.Format
	lengthSize int                     // of H.264 and H.265
	sets       bitstream.ParameterSets // of H.264 and H.265
	extra      []byte                  // parameter sets beyond those that a format holds, as units that go before keyframes
}

// describe reads a sample entry.
func describe(kind string, b []byte) (*description, error) {
	const visual, audio = 78, 28 // bytes before the boxes in an entry
	r := reader{b: b}
	switch kind {
	case "encv", "enca":
		return nil, ErrEncrypted
	case "avc1", "avc3", "hvc1", "hev1", "av01", "vp09":
		r.skip(24)
		width, height := int(r.uint16()), int(r.uint16())
		if r.skip(visual - 28); r.short {
			return nil, fmt.Errorf("fmp4: a sample entry of %d bytes", len(b))
		}
		switch kind {
		case "av01":
			return describeAV1(inside(r.b, "av1C"))
		case "vp09":
			return describeVP9(inside(r.b, "vpcC"), width, height)
		case "avc1", "avc3":
			return describeH264(inside(r.b, "avcC"))
		}
		return describeH265(inside(r.b, "hvcC"))
	case "mp4a", "Opus":
		r.skip(8)
		version := r.uint16() // QuickTime's
		r.skip(audio - 10)
		if version == 1 {
			r.skip(16)
		}
		if r.short || version > 1 {
			return nil, fmt.Errorf("fmp4: a sample entry of %d bytes, version %d", len(b), version)
		}
		if kind == "Opus" {
			return describeOpus(inside(r.b, "dOps"))
		}
		return describeAAC(inside(r.b, "esds"))
	}
	return nil, errNotTaken
}

func describeH264(record []byte) (*description, error) {
	c, err := bitstream.ParseAVCConfig(bytes.Clone(record))
	if err != nil {
		return nil, err
	}
	d := &description{codec: media.H264, lengthSize: c.LengthSize}
	return d, d.begin(c.SPS, c.PPS)
}

func describeH265(record []byte) (*description, error) {
	c, err := bitstream.ParseHEVCConfig(bytes.Clone(record))
	if err != nil {
		return nil, err
	}
	d := &description{codec: media.H265, lengthSize: c.LengthSize}
	return d, d.begin(c.VPS, c.SPS, c.PPS)
}

// maxExtra bounds what goes before each keyframe, of which a segment may be full.
const maxExtra = 1 << 10

// begin takes parameter sets of each kind, the first into the format. There may be none: avc3 and hev1 have them among the pictures.
func (d *description) begin(kinds ...[][]byte) error {
	d.sets.Codec = d.codec
	all := true
	for _, sets := range kinds {
		if len(sets) == 0 {
			all = false
			continue
		}
		for _, set := range sets {
			if !d.sets.Add(set) {
				d.extra = bitstream.AppendUnit(d.extra, set)
			}
		}
	}
	if len(d.extra) > maxExtra {
		return fmt.Errorf("fmp4: further parameter sets of %d bytes", len(d.extra))
	}
	if d.format = d.sets.Format(); d.format == nil && all {
		return fmt.Errorf("fmp4: the parameter sets of %v cannot be read", d.codec)
	}
	return nil
}

func describeAV1(record []byte) (*description, error) {
	const header = 4 // AV1 Codec ISO Media File Format Binding, section 2.3.3
	if len(record) < header || len(record) > maxParameterSet {
		return nil, fmt.Errorf("fmp4: av1C of %d bytes", len(record))
	}
	d := &description{codec: media.AV1}
	return d, d.takeAV1(bitstream.AV1Sequence(record[header:]))
}

// takeAV1 takes a sequence header, where there is one.
func (d *description) takeAV1(sequence []byte) error {
	if sequence == nil || d.format != nil && bytes.Equal(d.format.Config, sequence) {
		return nil
	}
	width, height, err := bitstream.AV1Size(sequence)
	if err == nil {
		d.format = &media.Format{Codec: media.AV1, Width: width, Height: height, Config: bytes.Clone(sequence)}
	}
	return err
}

func describeVP9(record []byte, width, height int) (*description, error) {
	const least = 12
	if len(record) < least || len(record) > maxParameterSet || width == 0 || height == 0 {
		return nil, fmt.Errorf("fmp4: vpcC of %d bytes for %dx%d", len(record), width, height)
	}
	return &description{codec: media.VP9, format: &media.Format{Codec: media.VP9, Width: width, Height: height, Config: bytes.Clone(record)}}, nil
}

func describeOpus(record []byte) (*description, error) {
	const least = 11 // Encapsulation of Opus in ISO Base Media File Format, section 4.3.2
	if len(record) < least || record[1] == 0 {
		return nil, fmt.Errorf("fmp4: dOps of %d bytes", len(record))
	}
	if channels := record[1]; channels > 2 || record[10] != 0 {
		return nil, errNotTaken
	}
	return &description{codec: media.Opus, format: &media.Format{Codec: media.Opus, SampleRate: 48000, Channels: int(record[1])}}, nil
}

// describeAAC finds the AudioSpecificConfig among descriptors (ISO 14496-1, section 7.2.6).
func describeAAC(b []byte) (*description, error) {
	const es, decoder, specific = 3, 4, 5 // tags
	r := reader{b: b}
	r.full()
	b = descriptor(r.b, es)
	if len(b) < 3 {
		return nil, errors.New("fmp4: esds without a stream")
	}
	flags := b[2]
	skip := 3
	if flags&0x80 != 0 {
		skip += 2
	}
	if flags&0x40 != 0 && len(b) > skip {
		skip += 1 + int(b[skip])
	}
	if flags&0x20 != 0 {
		skip += 2
	}
	if skip > len(b) {
		return nil, errors.New("fmp4: esds that is cut short")
	}
	b = descriptor(b[skip:], decoder)
	const before = 13 // the decoder's own descriptor
	if len(b) < before {
		return nil, errors.New("fmp4: esds without a decoder")
	}
	if object := b[0]; object != 0x40 && (object < 0x66 || object > 0x68) { // MPEG-4 and MPEG-2 AAC
		return nil, errNotTaken
	}
	config := descriptor(b[before:], specific)
	if len(config) > maxAudioConfig {
		return nil, fmt.Errorf("fmp4: AudioSpecificConfig of %d bytes", len(config))
	}
	f, err := bitstream.AACFormat(bytes.Clone(config))
	if err != nil {
		return nil, err
	}
	return &description{codec: media.AAC, format: f}, nil
}

// descriptor finds what is in the first descriptor with a tag.
func descriptor(b []byte, tag byte) []byte {
	for len(b) >= 2 {
		found, size, at := b[0], 0, 1
		for more := true; more; at++ {
			if at > 4 || at == len(b) {
				return nil
			}
			size, more = size<<7|int(b[at]&0x7f), b[at]&0x80 != 0
		}
		if size > len(b)-at {
			return nil
		}
		if found == tag {
			return b[at : at+size]
		}
		b = b[at+size:]
	}
	return nil
}
