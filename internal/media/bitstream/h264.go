package bitstream

import (
	"fmt"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"

	"github.com/tuttilive/tutti/internal/media"
)

// NAL unit types of H.264 (ITU-T H.264, table 7-1).
const (
	H264Slice  = 1
	H264IDR    = 5
	H264SEI    = 6
	H264SPS    = 7
	H264PPS    = 8
	H264AUD    = 9
	H264EndSeq = 10
	H264EndStr = 11
	H264Filler = 12
)

// H264Type is the type of a NAL unit, 0 of an empty one.
func H264Type(unit []byte) byte {
	if len(unit) == 0 {
		return 0
	}
	return unit[0] & 0x1f
}

// H264Parameters are what a sequence parameter set says.
type H264Parameters struct {
	Profile, Constraints, Level byte
	// Width and Height are in pixels after cropping.
	Width, Height int
	// Reorder is how many pictures may be shown after one that is decoded later, -1 when the set does not say.
	Reorder int
}

// ParseH264SPS reads a sequence parameter set.
func ParseH264SPS(sps []byte) (H264Parameters, error) {
	if len(sps) < 4 || len(sps) > MaxParameterSet {
		return H264Parameters{}, fmt.Errorf("%w: H.264 SPS of %d bytes", ErrMalformed, len(sps))
	}
	var s h264.SPS
	if err := s.Unmarshal(sps); err != nil {
		return H264Parameters{}, fmt.Errorf("%w: H.264 SPS: %w", ErrMalformed, err)
	}
	p := H264Parameters{Profile: s.ProfileIdc, Constraints: sps[2], Level: s.LevelIdc, Reorder: -1}
	var ok bool
	if p.Width, p.Height, ok = h264Size(&s); !ok {
		return H264Parameters{}, fmt.Errorf("%w: H.264 SPS: picture size out of range", ErrMalformed)
	}
	switch {
	case s.ProfileIdc == 66 || s.PicOrderCntType == 2:
		p.Reorder = 0
	case s.VUI != nil && s.VUI.BitstreamRestriction != nil:
		p.Reorder = int(min(s.VUI.BitstreamRestriction.MaxNumReorderFrames, 16))
	}
	return p, nil
}

// h264Size checks the fields before the library multiplies them in 32 bits.
func h264Size(s *h264.SPS) (width, height int, ok bool) {
	if s.PicWidthInMbsMinus1 >= MaxSize/16 || s.PicHeightInMapUnitsMinus1 >= MaxSize/16 {
		return 0, 0, false
	}
	if c := s.FrameCropping; c != nil && max(c.LeftOffset, c.RightOffset, c.TopOffset, c.BottomOffset) > MaxSize {
		return 0, 0, false
	}
	width, height = s.Width(), s.Height()
	return width, height, width > 0 && width <= MaxSize && height > 0 && height <= MaxSize
}

// H264Format makes the format of pictures with these parameter sets, which it keeps. An SPS that does not tell the
// order of pictures is taken to have no B-frames.
func H264Format(sps, pps []byte) (*media.Format, error) {
	p, err := ParseH264SPS(sps)
	if err != nil {
		return nil, err
	}
	if H264Type(pps) != H264PPS || len(pps) > MaxParameterSet {
		return nil, fmt.Errorf("%w: no H.264 PPS", ErrMalformed)
	}
	return &media.Format{Codec: media.H264, Width: p.Width, Height: p.Height, SPS: sps, PPS: pps, Reordered: p.Reorder > 0}, nil
}

// H264Keyframe tells whether a payload with 4-byte lengths has an IDR picture.
func H264Keyframe(payload []byte) bool {
	for unit := range Units(payload) {
		if H264Type(unit) == H264IDR {
			return true
		}
	}
	return false
}

// H264Intra tells whether a payload with 4-byte lengths has slices of none but the kind that needs no other picture (ITU-T H.264, 7.4.3).
func H264Intra(payload []byte) bool {
	const intra, allIntra = 2, 7
	found := false
	for unit := range Units(payload) {
		if t := H264Type(unit); t != H264Slice && t != H264IDR {
			continue
		}
		bits := bitReader{b: unit[1:min(len(unit), 16)]}
		bits.golomb() // first_mb_in_slice
		if kind := bits.golomb(); kind != intra && kind != allIntra {
			return false
		}
		found = true
	}
	return found
}

// h264SPSID is the id of an SPS, 0 of one that is cut short (ITU-T H.264, 7.3.2.1.1).
func h264SPSID(sps []byte) uint32 {
	bits := bitReader{b: sps[min(4, len(sps)):min(len(sps), 12)]}
	return bits.golomb()
}

// h264Depth gives the chroma format and the bit depths minus 8 of an SPS of a high profile.
func h264Depth(sps []byte) (chroma, luma8, chroma8 byte) {
	var s h264.SPS
	if s.Unmarshal(sps) != nil {
		return 1, 0, 0
	}
	return byte(s.ChromaFormatIdc & 3), byte(s.BitDepthLumaMinus8 & 7), byte(s.BitDepthChromaMinus8 & 7)
}
