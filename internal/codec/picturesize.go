package codec

import (
	"fmt"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"

	"github.com/tuttilive/tutti/internal/media"
)

// Bounds of a picture that a worker may see: a decoder's memory grows with them.
const (
	maxPictureSide = 4096
	maxPictureArea = 4096 * 2304
)

// checkSize tells why a picture must not reach a decoder, by what the stream itself says where that is known and by the
// format else.
func checkSize(f *media.Frame) error {
	w, h := f.Format.Width, f.Format.Height
	switch f.Format.Codec {
	case media.H264:
		var sps h264.SPS
		if err := guard("reading an SPS", func() error { return sps.Unmarshal(f.Format.SPS) }); err != nil {
			return fmt.Errorf("codec: parameter set: %w", err)
		}
		w, h = sps.Width(), sps.Height()
	case media.VP8:
		var ok bool
		if w, h, ok = vp8Size(f.Payload); !ok {
			return fmt.Errorf("codec: VP8 keyframe without a size")
		}
	}
	if w > maxPictureSide || h > maxPictureSide || w*h > maxPictureArea || w < 0 || h < 0 {
		return fmt.Errorf("codec: picture of %dx%d is too large to convert", w, h)
	}
	return nil
}

// vp8Size reads the size from a keyframe's header (RFC 6386, section 9.1).
func vp8Size(b []byte) (w, h int, ok bool) {
	if len(b) < 10 || b[0]&1 != 0 || b[3] != 0x9d || b[4] != 0x01 || b[5] != 0x2a {
		return 0, 0, false
	}
	return int(b[6]) | int(b[7]&0x3f)<<8, int(b[8]) | int(b[9]&0x3f)<<8, true
}
