package rtpfmt

import (
	"encoding/binary"
	"errors"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/media/bitstream"
)

// vp8Builder makes frames of VP8 (RFC 7741).
type vp8Builder struct {
	buf    []byte
	format *media.Format
	usual  int
}

func (v *vp8Builder) add(p *media.Packet) error {
	if p.Descriptor.Size == 0 || int(p.Descriptor.Size) >= len(p.Payload) {
		return errTruncated
	}
	if p.Start == (v.buf != nil) {
		return errNoFragment
	}
	if v.buf == nil {
		v.buf = make([]byte, 0, max(v.usual, 1024))
	}
	var err error
	v.buf, err = grow(v.buf, p.Payload[p.Descriptor.Size:])
	return err
}

func (v *vp8Builder) finish() ([]byte, bool, *media.Format) {
	payload := v.buf
	v.buf = nil
	if !bitstream.VP8Keyframe(payload) {
		v.usual = (7*v.usual + len(payload) + len(payload)/2) / 8
		return payload, false, v.format
	}
	width, height, err := bitstream.VP8Size(payload)
	if err != nil {
		return nil, false, nil
	}
	if v.format == nil || v.format.Width != width || v.format.Height != height {
		v.format = &media.Format{Codec: media.VP8, Width: width, Height: height}
	}
	return payload, true, v.format
}

func (v *vp8Builder) drop() { v.buf = nil }

// vp9Builder makes superframes of VP9 (RFC 9628): all spatial layers of a picture.
type vp9Builder struct {
	buf    []byte
	begun  bool
	sizes  []int // of the layers that are complete
	key    bool
	layers []LayerSize // as the keyframe signals them
	format *media.Format
}

func (v *vp9Builder) add(p *media.Packet) error {
	d, ok := parseVP9Descriptor(p.Payload)
	if !ok {
		return errTruncated
	}
	if d.begins == v.begun {
		return errNoFragment
	}
	if d.begins {
		if len(v.sizes) == 8 {
			return errors.New("more than 8 spatial layers")
		}
		v.begun = true
		v.key = v.key || len(v.sizes) == 0 && !d.predicted
		if layers := vp9Sizes(p.Payload, d); layers != nil {
			v.layers = layers
		}
	}
	var err error
	if v.buf, err = grow(v.buf, p.Payload[d.size:]); err != nil {
		return err
	}
	if d.ends {
		v.begun = false
		before := 0
		for _, n := range v.sizes {
			before += n
		}
		v.sizes = append(v.sizes, len(v.buf)-before)
	}
	return nil
}

func (v *vp9Builder) finish() ([]byte, bool, *media.Format) {
	payload, key, sizes, layers, whole := v.buf, v.key, v.sizes, v.layers, !v.begun
	v.drop()
	if !whole || len(sizes) == 0 {
		return nil, false, nil
	}
	if key = key && bitstream.VP9Keyframe(payload); key {
		width, height, err := bitstream.VP9Size(payload)
		config, err2 := bitstream.VP9Record(payload)
		if err != nil || err2 != nil {
			return nil, false, nil
		}
		if n := len(sizes); n > 1 && n <= len(layers) { // what players show is the last frame
			width, height = layers[n-1].Width, layers[n-1].Height
		}
		if v.format == nil || v.format.Width != width || v.format.Height != height || string(v.format.Config) != string(config) {
			v.format = &media.Format{Codec: media.VP9, Width: width, Height: height, Config: config}
		}
	}
	if len(sizes) > 1 {
		payload = appendSuperframeIndex(payload, sizes)
	}
	return payload, key, v.format
}

func (v *vp9Builder) drop() { v.buf, v.begun, v.sizes, v.key, v.layers = nil, false, nil, false, nil }

// appendSuperframeIndex tells decoders where the frames of a superframe end (VP9 specification, annex B).
func appendSuperframeIndex(payload []byte, sizes []int) []byte {
	const lengthBytes = 4
	marker := byte(0xc0 | (lengthBytes-1)<<3 | len(sizes) - 1)
	payload = append(payload, marker)
	for _, n := range sizes {
		payload = binary.LittleEndian.AppendUint32(payload, uint32(n))
	}
	return append(payload, marker)
}
