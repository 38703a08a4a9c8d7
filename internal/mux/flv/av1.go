package flv

import (
	"fmt"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/av1"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/media/bitstream"
)

// av1Format reads an AV1CodecConfigurationRecord (AV1 in ISOBMFF, section 2.3).
func av1Format(record []byte) (*media.Format, error) {
	if len(record) < 4 || record[0] != 0x81 {
		return nil, malformed("av1C of %d bytes", len(record))
	}
	sequence := bitstream.AV1Sequence(record[4:])
	if sequence == nil {
		return nil, malformed("av1C without a sequence header")
	}
	width, height, err := bitstream.AV1Size(sequence)
	if err != nil {
		return nil, err
	}
	return &media.Format{Codec: media.AV1, Width: width, Height: height, Config: sequence}, nil
}

// av1Record writes the record of a format.
func av1Record(f *media.Format) ([]byte, error) {
	var s av1.SequenceHeader
	if err := s.Unmarshal(f.Config); err != nil {
		return nil, fmt.Errorf("flv: AV1 sequence header: %w", err)
	}
	if len(s.SeqLevelIdx) == 0 || len(s.SeqTier) == 0 {
		return nil, fmt.Errorf("flv: AV1 sequence header without operating points")
	}
	bit := func(b bool, shift uint) byte {
		if b {
			return 1 << shift
		}
		return 0
	}
	c := s.ColorConfig
	record := []byte{0x81, s.SeqProfile<<5 | s.SeqLevelIdx[0]&0x1f,
		bit(s.SeqTier[0], 7) | bit(c.HighBitDepth, 6) | bit(c.TwelveBit, 5) | bit(c.MonoChrome, 4) |
			bit(c.SubsamplingX, 3) | bit(c.SubsamplingY, 2) | byte(c.ChromaSamplePosition)&3, 0}
	return append(record, f.Config...), nil
}
