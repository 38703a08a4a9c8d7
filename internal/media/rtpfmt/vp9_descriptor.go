package rtpfmt

import (
	"encoding/binary"

	"github.com/tuttilive/tutti/internal/media"
)

// vp9Descriptor is what a forwarder and a depacketizer need of a VP9 payload descriptor (RFC 9628, section 4.2).
type vp9Descriptor struct {
	size              int
	begins, ends      bool // of a frame, that is, of one spatial layer of a picture
	predicted         bool // from earlier pictures
	up                bool // later pictures refer to no higher temporal layer before this one
	inter             bool // predicted from the spatial layer below
	temporal, spatial uint8
	numbers           media.Descriptor
	// structure is where the scalability structure begins, 0 when there is none.
	structure int
}

func parseVP9Descriptor(b []byte) (d vp9Descriptor, ok bool) {
	if len(b) == 0 {
		return d, false
	}
	flags := b[0]
	d.predicted, d.begins, d.ends = flags&0x40 != 0, flags&0x08 != 0, flags&0x04 != 0
	flexible := flags&0x10 != 0
	at := 1
	if flags&0x80 != 0 { // I: picture id of 7 or 15 bits
		if len(b) <= at {
			return d, false
		}
		d.numbers.IDAt, d.numbers.Wide = uint8(at), b[at]&0x80 != 0
		d.numbers.PictureID = uint16(b[at] & 0x7f)
		at++
		if d.numbers.Wide {
			if len(b) <= at {
				return d, false
			}
			d.numbers.PictureID = d.numbers.PictureID<<8 | uint16(b[at])
			at++
		}
	}
	if flags&0x20 != 0 { // L: layer indices
		if len(b) <= at {
			return d, false
		}
		d.temporal, d.up, d.spatial, d.inter = b[at]>>5, b[at]&0x10 != 0, b[at]>>1&7, b[at]&1 != 0
		at++
		if !flexible {
			if len(b) <= at {
				return d, false
			}
			d.numbers.TL0At, d.numbers.TL0PicIdx = uint8(at), b[at]
			at++
		}
	}
	d.numbers.Size = uint8(at)
	if flexible && d.predicted { // up to three reference indices, the low bit tells of another
		for n := 1; ; n++ {
			if len(b) <= at || n > 3 {
				return d, false
			}
			at++
			if b[at-1]&1 == 0 {
				break
			}
		}
	}
	if flags&0x02 != 0 { // V: scalability structure
		d.structure = at
		if at, ok = skipVP9Structure(b, at); !ok {
			return d, false
		}
	}
	d.size = at
	return d, len(b) > at
}

func skipVP9Structure(b []byte, at int) (int, bool) {
	if len(b) <= at {
		return 0, false
	}
	v := b[at]
	at++
	if v&0x10 != 0 { // Y: a size for each spatial layer
		at += 4 * (int(v>>5) + 1)
	}
	if v&0x08 != 0 { // G: a picture group
		if len(b) <= at {
			return 0, false
		}
		pictures := int(b[at])
		at++
		for range pictures {
			if len(b) <= at {
				return 0, false
			}
			at += 1 + int(b[at]>>2&3)
		}
	}
	return at, true
}

// vp9Sizes are the sizes of the spatial layers that a payload's scalability structure tells, from small to large; none
// when it tells nothing. d must come from that payload.
func vp9Sizes(b []byte, d vp9Descriptor) []LayerSize {
	if d.structure == 0 || b[d.structure]&0x10 == 0 {
		return nil
	}
	n := int(b[d.structure]>>5) + 1
	sizes := make([]LayerSize, n)
	for i := range sizes {
		at := d.structure + 1 + 4*i
		sizes[i] = LayerSize{int(binary.BigEndian.Uint16(b[at:])), int(binary.BigEndian.Uint16(b[at+2:]))}
	}
	return sizes
}
