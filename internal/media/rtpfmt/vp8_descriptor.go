package rtpfmt

import "github.com/tuttilive/tutti/internal/media"

// parseVP8 reads a payload descriptor of RFC 7741, section 4.2.
func parseVP8(p *media.Packet) bool {
	b := p.Payload
	d := media.Descriptor{Dense: true}
	var temporal uint8
	up := false
	size := 1
	if b[0]&0x80 != 0 {
		if len(b) < 2 {
			return false
		}
		x := b[1]
		size = 2
		if x&0x80 != 0 { // I: picture id
			if len(b) < size+1 {
				return false
			}
			d.IDAt, d.Wide = uint8(size), b[size]&0x80 != 0
			d.PictureID = uint16(b[size] & 0x7f)
			size++
			if d.Wide {
				if len(b) < size+1 {
					return false
				}
				d.PictureID = d.PictureID<<8 | uint16(b[size])
				size++
			}
		}
		if x&0x40 != 0 { // L: TL0PICIDX
			if len(b) < size+1 {
				return false
			}
			d.TL0At, d.TL0PicIdx = uint8(size), b[size]
			size++
		}
		if x&0x30 != 0 { // T or K: temporal layer, Y, KEYIDX
			if len(b) < size+1 {
				return false
			}
			if x&0x20 != 0 {
				temporal, up = b[size]>>6, b[size]&0x20 != 0
			}
			size++
		}
	}
	if len(b) <= size {
		return false
	}
	d.Size = uint8(size)
	p.Descriptor, p.Temporal = d, temporal
	// S with partition 0 begins a picture; its first bit is the inverse key frame flag (RFC 7741, section 4.3).
	p.Start = b[0]&0x10 != 0 && b[0]&0x07 == 0
	p.Keyframe = p.Start && b[size]&1 == 0
	p.Up = p.Start && up
	return true
}

// Renumber appends to dst the beginning of a payload, as far as d says, with another picture id and TL0PICIDX, where it has
// them. The result is as long as the old one, so the payload from d.Size on goes on the wire after it unchanged. A 7-bit
// picture id stays one. d must come from Parse of this payload.
func Renumber(dst []byte, d media.Descriptor, payload []byte, pictureID uint16, tl0 uint8) []byte {
	at := len(dst)
	dst = append(dst, payload[:d.Size]...)
	b := dst[at:]
	switch {
	case d.IDAt == 0:
	case d.Wide:
		b[d.IDAt] = 0x80 | byte(pictureID>>8)
		b[d.IDAt+1] = byte(pictureID)
	default:
		b[d.IDAt] = byte(pictureID & 0x7f)
	}
	if d.TL0At > 0 {
		b[d.TL0At] = tl0
	}
	return dst
}
