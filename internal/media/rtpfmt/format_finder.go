package rtpfmt

import (
	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/media/bitstream"
)

// FormatFinder learns a stream's format from its packets alone, without making frames of them. It belongs to one
// goroutine.
type FormatFinder struct {
	codec  media.Codec
	sets   bitstream.ParameterSets
	at     uint32 // timestamp of the picture whose sets were looked at
	format *media.Format
	layers []LayerSize
}

// LayerSize is the size of a spatial layer in pixels.
type LayerSize struct{ Width, Height int }

// Layers are the sizes of the spatial layers of the newest keyframe, from small to large, where they are signalled. The
// slice is replaced, never changed.
func (f *FormatFinder) Layers() []LayerSize { return f.layers }

// NewFormatFinder makes a finder for a codec.
func NewFormatFinder(codec media.Codec) *FormatFinder {
	f := &FormatFinder{codec: codec, sets: bitstream.ParameterSets{Codec: codec}}
	if codec == media.Opus {
		f.format = OpusFormat
	}
	return f
}

// Look reads a packet that Parse has seen and gives the format as known then: the same pointer as long as it stays the
// same, nil while it is unknown. Of VP9 and AV1 it has the size only. It costs little unless the packet begins an access unit.
func (f *FormatFinder) Look(p *media.Packet) *media.Format {
	if !p.Start {
		return f.format
	}
	switch f.codec {
	case media.H264, media.H265:
		if p.Timestamp != f.at {
			f.at = p.Timestamp
			f.sets.Picture()
		}
		for unit := range wholeUnits(f.codec, p.Payload) {
			f.sets.Add(unit)
		}
		f.format = f.sets.Format()
	case media.VP8:
		if p.Keyframe {
			f.resize(bitstream.VP8Size(p.Payload[p.Descriptor.Size:]))
		}
	case media.VP9:
		if d, ok := parseVP9Descriptor(p.Payload); ok && p.Keyframe {
			if f.layers = vp9Sizes(p.Payload, d); len(f.layers) > 0 {
				largest := f.layers[len(f.layers)-1]
				f.resize(largest.Width, largest.Height, nil)
			} else {
				f.resize(bitstream.VP9Size(p.Payload[d.size:]))
			}
		}
	case media.AV1:
		if sequence := firstSequence(p.Payload); p.Keyframe && sequence != nil {
			f.resize(bitstream.AV1Size(sequence))
		}
	}
	return f.format
}

func (f *FormatFinder) resize(width, height int, err error) {
	if err == nil && (f.format == nil || f.format.Width != width || f.format.Height != height) {
		f.format = &media.Format{Codec: f.codec, Width: width, Height: height}
	}
}

// firstSequence is the sequence header that a payload of AV1 begins with, nil when it does not.
func firstSequence(b []byte) []byte {
	if len(b) < 2 || b[0]&0x80 != 0 {
		return nil
	}
	elements := b[0] >> 4 & 3
	b = b[1:]
	if elements != 1 {
		size, n := bitstream.LEB128(b)
		if n == 0 || uint64(size) > uint64(len(b)-n) {
			return nil
		}
		b = b[n : n+int(size)]
	}
	if len(b) == 0 || b[0]>>3&15 != obuSequenceHeader {
		return nil
	}
	return b
}
