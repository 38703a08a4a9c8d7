package bitstream

import (
	"bytes"
	"iter"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"

	"github.com/tuttilive/tutti/internal/media"
)

// Types of supplemental enhancement information (ITU-T H.264, D.1; H.265, D.2).
const (
	recoveryPoint      = 6  // from here on decoding may begin
	displayOrientation = 47 // how the picture is to be turned
)

// messages goes through those of a unit of supplemental enhancement information (ITU-T H.264, 7.3.2.3; H.265, 7.3.2.4), none of another unit: their
// types, and what is in them.
func messages(codec media.Codec, unit []byte) iter.Seq2[int, []byte] {
	return func(yield func(int, []byte) bool) {
		var body []byte
		switch {
		case codec == media.H264 && H264Type(unit) == H264SEI:
			body = unit[1:]
		case codec == media.H265 && H265Type(unit) == H265PrefixSEI:
			body = unit[2:]
		}
		if bytes.Contains(body, []byte{0, 0, 3}) {
			body = h264.EmulationPreventionRemove(body)
		}
		for len(body) > 2 { // one byte is the unit's end
			kind, rest := seiNumber(body)
			size, rest := seiNumber(rest)
			if size > len(rest) || !yield(kind, rest[:size]) {
				return
			}
			body = rest[size:]
		}
	}
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

// recovers tells of a unit that says that decoding may begin with its picture: an open group of pictures, of which a few before it in the order of showing are
// lost then, or intra refresh, where the picture is whole some pictures later. Encoders that refresh send no other pictures to begin with.
func recovers(codec media.Codec, unit []byte) bool {
	for kind := range messages(codec, unit) {
		if kind == recoveryPoint {
			return true
		}
	}
	return false
}

// Rotation is by how many degrees, counterclockwise, a picture of H.264 or H.265 says that it is to be turned; 0 where it does not.
func Rotation(codec media.Codec, payload []byte) int {
	for unit := range Units(payload) {
		for kind, b := range messages(codec, unit) {
			if kind == displayOrientation && len(b) >= 3 && b[0]&0x80 == 0 {
				// Cancel, flips, 16 bits of rotation.
				turn := int(b[0]&0x1f)<<11 | int(b[1])<<3 | int(b[2])>>5
				return turn * 360 >> 16
			}
		}
	}
	return 0
}
