package rtpfmt

import "github.com/tuttilive/tutti/internal/media"

// parseVP8 reads a payload descriptor of RFC 7741, section 4.2.
func parseVP8(p *media.Packet) bool {
	b := p.Payload
	var d media.VP8Descriptor
	var temporal uint8
	size := 1
	if b[0]&0x80 != 0 {
		if len(b) < 2 {
			return false
		}
		x := b[1]
		size = 2
		d.HasPictureID, d.HasTL0PicIdx, d.HasTID, d.HasKeyIdx = x&0x80 != 0, x&0x40 != 0, x&0x20 != 0, x&0x10 != 0
		if d.HasPictureID {
			if len(b) < size+1 {
				return false
			}
			d.WidePictureID = b[size]&0x80 != 0
			d.PictureID = uint16(b[size] & 0x7f)
			size++
			if d.WidePictureID {
				if len(b) < size+1 {
					return false
				}
				d.PictureID = d.PictureID<<8 | uint16(b[size])
				size++
			}
		}
		if d.HasTL0PicIdx {
			if len(b) < size+1 {
				return false
			}
			d.TL0PicIdx = b[size]
			size++
		}
		if d.HasTID || d.HasKeyIdx {
			if len(b) < size+1 {
				return false
			}
			if d.HasTID {
				temporal = b[size] >> 6
			}
			size++
		}
	}
	if len(b) <= size {
		return false
	}
	d.Size = uint8(size)
	p.VP8, p.Temporal = d, temporal
	// S with partition 0 begins a picture; its first bit is the inverse key frame flag (RFC 7741, section 4.3).
	p.Start = b[0]&0x10 != 0 && b[0]&0x07 == 0
	p.Keyframe = p.Start && b[size]&1 == 0
	return true
}

// RewriteVP8 appends to dst the descriptor d of a payload with another picture id and TL0PICIDX, where it has them. The
// result is as long as the old one, so the payload from d.Size on goes on the wire after it unchanged. A 7-bit picture id
// stays one. d must come from Parse of this payload.
func RewriteVP8(dst []byte, d media.VP8Descriptor, payload []byte, pictureID uint16, tl0 uint8) []byte {
	at := len(dst)
	dst = append(dst, payload[:d.Size]...)
	b := dst[at:]
	i := 2
	if d.HasPictureID {
		if d.WidePictureID {
			b[i] = 0x80 | byte(pictureID>>8)
			b[i+1] = byte(pictureID)
			i += 2
		} else {
			b[i] = byte(pictureID & 0x7f)
			i++
		}
	}
	if d.HasTL0PicIdx {
		b[i] = tl0
	}
	return dst
}
