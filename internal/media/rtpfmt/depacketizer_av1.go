package rtpfmt

import (
	"bytes"
	"fmt"

	"github.com/pion/rtp/codecs"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/media/bitstream"
)

// av1Builder makes temporal units of AV1 (RTP payload format for AV1, section 4).
type av1Builder struct {
	units  codecs.AV1Depacketizer
	buf    []byte
	taken  int // bytes of payload of this temporal unit, with fragments that the library holds
	format *media.Format
}

func (a *av1Builder) add(p *media.Packet) error {
	if a.taken += len(p.Payload); a.taken > bitstream.MaxUnit {
		return fmt.Errorf("temporal unit above %d bytes", bitstream.MaxUnit)
	}
	obus, err := a.units.Unmarshal(p.Payload)
	if err != nil {
		return err
	}
	a.buf = append(a.buf, obus...)
	return nil
}

func (a *av1Builder) finish() ([]byte, bool, *media.Format) {
	payload := a.buf
	whole := !a.units.Y
	a.drop()
	if len(payload) == 0 || !whole {
		return nil, false, nil
	}
	sequence := bitstream.AV1Sequence(payload)
	if sequence == nil {
		return payload, false, a.format
	}
	width, height, err := bitstream.AV1Size(sequence)
	if err != nil {
		return nil, false, nil
	}
	if a.format == nil || !bytes.Equal(a.format.Config, sequence) {
		a.format = &media.Format{Codec: media.AV1, Width: width, Height: height, Config: bytes.Clone(sequence)}
	}
	return payload, true, a.format
}

func (a *av1Builder) drop() {
	a.units = codecs.AV1Depacketizer{}
	a.buf, a.taken = nil, 0
}
