package bitstream

import "github.com/tuttilive/tutti/internal/media"

// displayOrientation is the message in which an encoder says how its picture is to be turned (ITU-T H.264, D.1.27; H.265, D.2.17).
const displayOrientation = 47

// Rotation is by how many degrees, counterclockwise, a picture of H.264 or H.265 says that it is to be turned; 0 where it does not.
func Rotation(codec media.Codec, payload []byte) int {
	for unit := range Units(payload) {
		var body []byte
		switch {
		case codec == media.H264 && H264Type(unit) == H264SEI:
			body = unit[1:]
		case codec == media.H265 && H265Type(unit) == H265PrefixSEI && len(unit) > 2:
			body = unit[2:]
		default:
			continue
		}
		for len(body) > 2 {
			kind, rest := seiNumber(body)
			size, rest := seiNumber(rest)
			if size > len(rest) {
				break
			}
			if kind == displayOrientation && size >= 3 && rest[0]&0x80 == 0 {
				// Cancel, flips, 16 bits of rotation. A zero byte is followed by no other two small ones, so nothing is escaped before its end.
				turn := int(rest[0]&0x1f)<<11 | int(rest[1])<<3 | int(rest[2])>>5
				return turn * 360 >> 16
			}
			body = rest[size:]
		}
	}
	return 0
}

// seiNumber reads a number that goes on while its bytes are 255 (ITU-T H.264, 7.3.2.3.1).
func seiNumber(b []byte) (n int, rest []byte) {
	for len(b) > 0 {
		v := b[0]
		b = b[1:]
		if n += int(v); v != 255 {
			break
		}
	}
	return n, b
}
