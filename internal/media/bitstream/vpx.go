package bitstream

import (
	"fmt"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/vp9"
)

// VP8Keyframe tells whether a frame is a keyframe (RFC 6386, section 9.1).
func VP8Keyframe(frame []byte) bool { return len(frame) > 0 && frame[0]&1 == 0 }

// VP8Size is the size in pixels that a keyframe states (RFC 6386, section 9.1).
func VP8Size(frame []byte) (width, height int, err error) {
	if len(frame) < 10 || !VP8Keyframe(frame) || frame[3] != 0x9d || frame[4] != 0x01 || frame[5] != 0x2a {
		return 0, 0, fmt.Errorf("%w: no VP8 keyframe", ErrMalformed)
	}
	width = int(frame[6]) | int(frame[7]&0x3f)<<8
	height = int(frame[8]) | int(frame[9]&0x3f)<<8
	if width == 0 || height == 0 {
		return 0, 0, fmt.Errorf("%w: VP8 picture of %dx%d", ErrMalformed, width, height)
	}
	return width, height, nil
}

// VP9Keyframe tells whether a frame is a keyframe.
func VP9Keyframe(frame []byte) bool {
	var h vp9.Header
	return h.Unmarshal(frame) == nil && !h.ShowExistingFrame && !h.NonKeyFrame
}

// VP9Size is the size in pixels that a keyframe states.
func VP9Size(frame []byte) (width, height int, err error) {
	var h vp9.Header
	if err := h.Unmarshal(frame); err != nil {
		return 0, 0, fmt.Errorf("%w: VP9: %w", ErrMalformed, err)
	}
	width, height = h.Width(), h.Height()
	if h.ShowExistingFrame || h.NonKeyFrame || width == 0 || width > MaxSize || height > MaxSize {
		return 0, 0, fmt.Errorf("%w: no VP9 keyframe", ErrMalformed)
	}
	return width, height, nil
}

// VP9Record writes the content of a vpcC box for a keyframe (VP Codec ISO Media File Format Binding, section 2.2), with
// the version and flags that a full box begins with. The level is left undefined.
func VP9Record(frame []byte) ([]byte, error) {
	var h vp9.Header
	if err := h.Unmarshal(frame); err != nil {
		return nil, fmt.Errorf("%w: VP9: %w", ErrMalformed, err)
	}
	if h.ShowExistingFrame || h.NonKeyFrame || h.ColorConfig == nil {
		return nil, fmt.Errorf("%w: no VP9 keyframe", ErrMalformed)
	}
	depth := h.ColorConfig.BitDepth & 15
	const unspecified = 2 // primaries, transfer and matrix (ITU-T H.273)
	return []byte{1, 0, 0, 0, h.Profile, 0, depth<<4 | h.ChromaSubsampling()<<1, unspecified, unspecified, unspecified, 0, 0}, nil
}
