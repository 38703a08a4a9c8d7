package track

import (
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/media/bitstream"
	"github.com/tuttilive/tutti/internal/media/rtpfmt"
)

// dtsStep is the least distance of two frames' DTS where timestamps do not increase by themselves: a millisecond, the
// unit of FLV.
const dtsStep = time.Millisecond

// assembler makes frames on the media clock out of one layer's packets in order. It reads no clock and belongs to one
// goroutine.
type assembler struct {
	kind   media.Kind
	depack *rtpfmt.Depacketizer
	units  []rtpfmt.Unit

	// seeking tells that pictures are thrown away until a keyframe.
	seeking       bool
	discontinuity bool
	begun         bool
	dts           time.Duration // of the last frame
}

func newAssembler(codec media.Codec) (*assembler, error) {
	depack, err := rtpfmt.NewDepacketizer(codec)
	if err != nil {
		return nil, err
	}
	return &assembler{kind: codec.Kind(), depack: depack, seeking: codec.Kind() == media.Video}, nil
}

// gap tells that the next packet does not follow the last one, because of loss or because it is of another layer.
func (a *assembler) gap() {
	a.depack.Reset()
	if a.kind == media.Video {
		// Pictures after the gap refer to what was lost. Sound goes on: its gap shows in the timestamps.
		a.seeking, a.discontinuity = true, a.begun
	}
}

// push takes the next packet and appends what is complete to dst. clock maps timestamps to media time.
func (a *assembler) push(dst []*media.Frame, p *media.Packet, clock func(uint32) (time.Duration, bool)) []*media.Frame {
	var err error
	a.units, err = a.depack.Push(a.units[:0], p)
	for _, u := range a.units {
		if a.seeking && !u.Keyframe {
			continue
		}
		pts, ok := clock(u.Timestamp)
		if !ok {
			continue
		}
		dst = append(dst, a.place(u, pts))
	}
	if err != nil {
		a.gap()
	}
	return dst
}

// place puts an access unit on the clock. DTS increases strictly; without B-frames, which WebRTC does not have, it is PTS.
func (a *assembler) place(u rtpfmt.Unit, pts time.Duration) *media.Frame {
	if a.begun && pts < a.dts+dtsStep {
		pts = a.dts + dtsStep
	}
	f := &media.Frame{
		Format: u.Format, Payload: u.Payload, PTS: pts, DTS: pts, Keyframe: u.Keyframe, Discontinuity: a.discontinuity,
	}
	if a.kind == media.Audio {
		f.Duration = bitstream.OpusDuration(u.Payload)
	}
	a.begun, a.dts, a.seeking, a.discontinuity = true, pts, false, false
	return f
}
