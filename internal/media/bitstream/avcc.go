package bitstream

import (
	"encoding/binary"
	"fmt"

	"github.com/tuttilive/tutti/internal/media"
)

// AVCConfig is an AVCDecoderConfigurationRecord (ISO 14496-15, section 5.3.3.1), the content of an avcC box and of FLV's
// AVC sequence header.
type AVCConfig struct {
	SPS, PPS [][]byte
	// LengthSize is how many bytes the length before a NAL unit has, 1 to 4.
	LengthSize int
}

// ParseAVCConfig reads a record. The sets share its bytes.
func ParseAVCConfig(b []byte) (AVCConfig, error) {
	if len(b) < 7 || len(b) > 8*MaxParameterSet || b[0] != 1 {
		return AVCConfig{}, fmt.Errorf("%w: avcC of %d bytes", ErrMalformed, len(b))
	}
	c := AVCConfig{LengthSize: int(b[4]&3) + 1}
	if c.LengthSize == 3 {
		return AVCConfig{}, fmt.Errorf("%w: avcC with lengths of 3 bytes", ErrMalformed)
	}
	var err error
	rest := b[6:]
	if c.SPS, rest, err = cutSets(rest, int(b[5]&31)); err != nil {
		return AVCConfig{}, fmt.Errorf("avcC: SPS: %w", err)
	}
	if len(rest) == 0 {
		return AVCConfig{}, fmt.Errorf("%w: avcC ends before its PPS", ErrMalformed)
	}
	if c.PPS, _, err = cutSets(rest[1:], int(rest[0])); err != nil {
		return AVCConfig{}, fmt.Errorf("avcC: PPS: %w", err)
	}
	return c, nil
}

// Format is that of the record's first sets.
func (c AVCConfig) Format() (*media.Format, error) {
	if len(c.SPS) == 0 || len(c.PPS) == 0 {
		return nil, fmt.Errorf("%w: avcC without parameter sets", ErrMalformed)
	}
	return H264Format(c.SPS[0], c.PPS[0])
}

// AVCRecord writes the record of a format's parameter sets, nil when it has none.
func AVCRecord(f *media.Format) []byte {
	if len(f.SPS) < 4 || len(f.PPS) == 0 || len(f.SPS) > MaxParameterSet || len(f.PPS) > MaxParameterSet {
		return nil
	}
	b := make([]byte, 0, 16+len(f.SPS)+len(f.PPS))
	b = append(b, 1, f.SPS[1], f.SPS[2], f.SPS[3], 0xfc|3, 0xe0|1)
	b = append(binary.BigEndian.AppendUint16(b, uint16(len(f.SPS))), f.SPS...)
	b = append(b, 1)
	b = append(binary.BigEndian.AppendUint16(b, uint16(len(f.PPS))), f.PPS...)
	// Profiles with more than 4:2:0 in 8 bits repeat that (section 5.3.3.1.2).
	switch f.SPS[1] {
	case 100, 110, 122, 144:
		chroma, luma8, chroma8 := h264Depth(f.SPS)
		b = append(b, 0xfc|chroma, 0xf8|luma8, 0xf8|chroma8, 0)
	}
	return b
}

// cutSets takes n parameter sets with 16-bit lengths off b.
func cutSets(b []byte, n int) (sets [][]byte, rest []byte, err error) {
	for range n {
		if len(b) < 2 {
			return nil, nil, fmt.Errorf("%w: ends before its parameter sets", ErrMalformed)
		}
		size := int(b[0])<<8 | int(b[1])
		if size == 0 || size > MaxParameterSet || size > len(b)-2 {
			return nil, nil, fmt.Errorf("%w: parameter set of %d bytes in %d", ErrMalformed, size, len(b)-2)
		}
		sets = append(sets, b[2:2+size:2+size])
		b = b[2+size:]
	}
	return sets, b, nil
}
