package bitstream

import (
	"encoding/binary"
	"fmt"

	"github.com/tuttilive/tutti/internal/media"
)

// HEVCConfig is an HEVCDecoderConfigurationRecord (ISO 14496-15, section 8.3.3.1), the content of an hvcC box.
type HEVCConfig struct {
	VPS, SPS, PPS [][]byte
	// LengthSize is how many bytes the length before a NAL unit has, 1 to 4.
	LengthSize int
}

// ParseHEVCConfig reads a record. The sets share its bytes.
func ParseHEVCConfig(b []byte) (HEVCConfig, error) {
	// Version 0 was written before the standard was final.
	if len(b) < 23 || len(b) > 8*MaxParameterSet || b[0] > 1 {
		return HEVCConfig{}, fmt.Errorf("%w: hvcC of %d bytes", ErrMalformed, len(b))
	}
	c := HEVCConfig{LengthSize: int(b[21]&3) + 1}
	if c.LengthSize == 3 {
		return HEVCConfig{}, fmt.Errorf("%w: hvcC with lengths of 3 bytes", ErrMalformed)
	}
	rest := b[23:]
	for range b[22] {
		if len(rest) < 3 {
			return HEVCConfig{}, fmt.Errorf("%w: hvcC ends before its arrays", ErrMalformed)
		}
		kind := rest[0] & 0x3f
		sets, after, err := cutSets(rest[3:], int(rest[1])<<8|int(rest[2]))
		if err != nil {
			return HEVCConfig{}, fmt.Errorf("hvcC: %w", err)
		}
		switch kind {
		case H265VPS:
			c.VPS = append(c.VPS, sets...)
		case H265SPS:
			c.SPS = append(c.SPS, sets...)
		case H265PPS:
			c.PPS = append(c.PPS, sets...)
		}
		rest = after
	}
	return c, nil
}

// Format is that of the record's first sets.
func (c HEVCConfig) Format() (*media.Format, error) {
	if len(c.VPS) == 0 || len(c.SPS) == 0 || len(c.PPS) == 0 {
		return nil, fmt.Errorf("%w: hvcC without parameter sets", ErrMalformed)
	}
	return H265Format(c.VPS[0], c.SPS[0], c.PPS[0])
}

// HEVCRecord writes the record of a format's parameter sets, nil when it has none.
func HEVCRecord(f *media.Format) []byte {
	s, err := parseH265SPS(f.SPS)
	profile := h265Profile(f.SPS)
	if err != nil || profile == nil || len(f.VPS) == 0 || len(f.PPS) == 0 ||
		len(f.VPS) > MaxParameterSet || len(f.PPS) > MaxParameterSet {
		return nil
	}
	b := make([]byte, 0, 64+len(f.VPS)+len(f.SPS)+len(f.PPS))
	b = append(b, 1)
	b = append(b, profile...)
	nested := byte(0)
	if s.TemporalIDNestingFlag {
		nested = 4
	}
	b = append(b,
		0xf0, 0, // no minimum of spatial segmentation
		0xfc,
		0xfc|byte(s.ChromaFormatIdc&3),
		0xf8|byte(s.BitDepthLumaMinus8&7),
		0xf8|byte(s.BitDepthChromaMinus8&7),
		0, 0, // frame rate not stated
		(s.MaxSubLayersMinus1+1)&7<<3|nested|3,
		3)
	for _, set := range []struct {
		kind byte
		unit []byte
	}{{H265VPS, f.VPS}, {H265SPS, f.SPS}, {H265PPS, f.PPS}} {
		b = append(b, 0x80|set.kind, 0, 1) // complete: none are in the stream
		b = append(binary.BigEndian.AppendUint16(b, uint16(len(set.unit))), set.unit...)
	}
	return b
}
