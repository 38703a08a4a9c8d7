package sfu

import (
	"sync"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/media/rtpfmt"
	"github.com/tuttilive/tutti/internal/track"
)

// intake is what comes in for one layer, from one SSRC after another. Packets are taken on the peer's reader goroutine;
// its lock is held for a batch, never while the layer is written.
type intake struct {
	codec media.Codec
	layer *track.Layer

	mu           sync.Mutex
	dependencies rtpfmt.DependencyReader
	sequence     sequence
	timeline     timeline
	losses       losses
	// keyframe is the number at which the newest keyframe began.
	keyframe uint64
	loudness heard
	freezes  freezes
	counts   intakeCounts
	source   *stream // the SSRC that is received now
	restored [restoredMemory]uint64

	// asking has a lock of its own: the layer's readers ask for keyframes while it is written.
	asking struct {
		sync.Mutex
		keyframes
	}
}

func newIntake(codec media.Codec, layer *track.Layer) *intake {
	return &intake{codec: codec, layer: layer, timeline: timeline{clockRate: codec.ClockRate()}}
}

// take reads a packet's place and header. It tells whether the layer gets it, and whether only a keyframe can help after
// what is missing before it: the first of all comes after what was lost before, unless it begins a whole keyframe. The caller holds the lock.
func (in *intake) take(p *media.Packet, received *reception, canNack bool) (keep, lost bool) {
	// A payload that cannot be parsed is forwarded as it is: it may be encrypted end to end.
	rtpfmt.Parse(in.codec, p)
	if len(p.Dependency) > 0 && (in.codec == media.AV1 || in.codec == media.H264) {
		if in.dependencies.Read(p) && p.Keyframe {
			in.layer.SetSublayerSizes(in.dependencies.Layers())
		}
	}
	before := in.sequence.highest
	seq, what := in.sequence.extend(uint16(p.Seq))
	if what == rejected {
		if late := in.sequence.near(uint16(p.Seq)); in.cameAfterAll(late) {
			received.packet(late-in.sequence.offset, p.Timestamp, p.Arrival)
		}
		return false, false
	}
	if what == restarted {
		*received = reception{clockRate: in.codec.ClockRate()}
		in.losses.forget()
		lost = !rtpfmt.BeginsWhole(in.codec, p)
	}
	if !p.Repaired && !p.Restored {
		received.packet(seq-in.sequence.offset, p.Timestamp, p.Arrival)
	}
	p.Seq = seq
	if what == late {
		in.losses.found(seq, p.Repaired || p.Restored, p.Arrival)
		p.Timestamp = in.timeline.late(p.Timestamp)
	} else {
		switch {
		case what == newest && before == 0:
			lost = !rtpfmt.BeginsWhole(in.codec, p)
		case what == newest && canNack:
			lost = in.losses.gap(before+1, seq, p.Arrival)
		}
		p.Timestamp = in.timeline.next(p.Timestamp, p.Arrival, what == restarted)
		if in.codec.Kind() == media.Video && in.freezes.picture(p.Timestamp, p.Arrival) {
			totals.in[media.Video].freezes.Add(1)
		}
		if p.HasLevel {
			in.loudness.add(p)
		}
	}
	if p.Start && p.Keyframe {
		in.keyframe = max(in.keyframe, seq)
	}
	return true, lost && in.codec.Kind() == media.Video
}

// missing appends the numbers, as they are on the wire, to ask for now, and tells whether one was given up that only a
// keyframe can make good. The caller holds the lock.
func (in *intake) missing(wire []uint16, now, rtt time.Duration) (_ []uint16, lost bool) {
	var space [32]uint64
	seqs, gone := in.losses.due(space[:0], now, rtt)
	for _, seq := range seqs {
		wire = append(wire, in.sequence.wire(seq))
	}
	return wire, gone > in.keyframe && in.codec.Kind() == media.Video
}

// wantKeyframe tells whether to ask for a keyframe at once.
func (in *intake) wantKeyframe(now time.Duration) bool {
	in.asking.Lock()
	defer in.asking.Unlock()
	return in.asking.want(now)
}

func (in *intake) keyframeDue(now, rtt time.Duration) bool {
	in.asking.Lock()
	defer in.asking.Unlock()
	return in.asking.due(now, rtt)
}

func (in *intake) keyframeCame() {
	in.asking.Lock()
	defer in.asking.Unlock()
	in.asking.came()
}
