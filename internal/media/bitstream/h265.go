package bitstream

import (
	"fmt"
	mathbits "math/bits"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"

	"github.com/tuttilive/tutti/internal/media"
)

// NAL unit types of H.265 (ITU-T H.265, table 7-1).
const (
	H265VPS       = 32
	H265SPS       = 33
	H265PPS       = 34
	H265AUD       = 35
	H265EndSeq    = 36
	H265EndStr    = 37
	H265Filler    = 38
	H265PrefixSEI = 39
)

// H265Type is the type of a NAL unit, 63 (unspecified) of one that is too short.
func H265Type(unit []byte) byte {
	if len(unit) < 2 {
		return 63
	}
	return unit[0] >> 1 & 0x3f
}

// H265Keyframe tells whether a payload with 4-byte lengths has an intra random access point (types 16 to 23).
func H265Keyframe(payload []byte) bool {
	for unit := range Units(payload) {
		if t := H265Type(unit); t >= 16 && t <= 23 {
			return true
		}
	}
	return false
}

// H265Format makes the format of pictures with these parameter sets, which it keeps.
func H265Format(vps, sps, pps []byte) (*media.Format, error) {
	if H265Type(vps) != H265VPS || H265Type(pps) != H265PPS || len(vps) > MaxParameterSet || len(pps) > MaxParameterSet {
		return nil, fmt.Errorf("%w: no H.265 VPS or PPS", ErrMalformed)
	}
	s, err := parseH265SPS(sps)
	if err != nil {
		return nil, err
	}
	width, height := s.Width(), s.Height()
	reordered := false
	for _, n := range s.MaxNumReorderPics {
		reordered = reordered || n > 0
	}
	return &media.Format{Codec: media.H265, Width: width, Height: height, VPS: vps, SPS: sps, PPS: pps, Reordered: reordered}, nil
}

func parseH265SPS(sps []byte) (*h265.SPS, error) {
	// The profile, tier and level, which a configuration record repeats, end with byte 15.
	if len(sps) < 15 || len(sps) > MaxParameterSet {
		return nil, fmt.Errorf("%w: H.265 SPS of %d bytes", ErrMalformed, len(sps))
	}
	s := new(h265.SPS)
	if err := s.Unmarshal(sps); err != nil {
		return nil, fmt.Errorf("%w: H.265 SPS: %w", ErrMalformed, err)
	}
	// Checked before the library looks it up and multiplies in 32 bits.
	ok := s.ChromaFormatIdc <= 3 && s.PicWidthInLumaSamples <= MaxSize && s.PicHeightInLumaSamples <= MaxSize
	if w := s.ConformanceWindow; ok && w != nil {
		ok = max(w.LeftOffset, w.RightOffset, w.TopOffset, w.BottomOffset) <= MaxSize
	}
	if !ok || s.Width() <= 0 || s.Width() > MaxSize || s.Height() <= 0 || s.Height() > MaxSize {
		return nil, fmt.Errorf("%w: H.265 SPS: picture size out of range", ErrMalformed)
	}
	return s, nil
}

// h265Profile is the SPS's profile, tier and level in the 12 bytes that a configuration record has.
func h265Profile(sps []byte) []byte {
	plain := h264.EmulationPreventionRemove(sps)
	if len(plain) < 15 {
		return nil
	}
	return plain[3:15]
}

// h265VPSID is the id of a VPS (ITU-T H.265, 7.3.2.1).
func h265VPSID(vps []byte) uint32 {
	bits := bitReader{b: vps[2:]}
	return bits.bits(4)
}

// h265SPSID is the id of an SPS, 0 of one that is cut short (ITU-T H.265, 7.3.2.2.1 and 7.3.3).
func h265SPSID(sps []byte) uint32 {
	bits := bitReader{b: h264.EmulationPreventionRemove(sps[2:])}
	bits.at += 4 // of the VPS
	sublayers := bits.bits(3)
	bits.at += 1 + 88 + 8 // profile, tier and level
	if sublayers > 0 {
		// Which sublayers have a profile of their own, and which a level.
		own := uint16(bits.bits(16))
		bits.at += 88*mathbits.OnesCount16(own&0xaaaa) + 8*mathbits.OnesCount16(own&0x5555)
	}
	return bits.golomb()
}
