package sfu

import (
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/track"
)

const (
	// A start goes back to a keyframe in the ring when it is this near; otherwise a new one is asked for.
	maxStartAge     = 2 * time.Second
	maxStartPackets = 512
	// A publisher that cannot be asked for a keyframe (an encoder over RTMP) sends one every few seconds at best: going
	// back further beats a black picture.
	maxFixedStartAge     = 10 * time.Second
	maxFixedStartPackets = 1500
)

// startPoint finds where sending a layer can start from what its ring holds: the arrival index of the newest keyframe, if
// it is near and nothing of it is missing.
func startPoint(l *track.Layer, now time.Duration, fixed bool) (uint64, *media.Packet, bool) {
	ring := l.Ring()
	at, ok := ring.LastKeyframe()
	if !ok {
		return 0, nil, false
	}
	head := ring.Head()
	first := ring.At(at)
	age, packets := maxStartAge, uint64(maxStartPackets)
	if fixed {
		age, packets = maxFixedStartAge, maxFixedStartPackets
	}
	if first == nil || now-first.Arrival > age || head-at > packets || l.Track().IsFromMuting(first.Arrival) {
		return 0, nil, false
	}
	var highest uint64
	for i := at; i < head; i++ {
		p := ring.At(i)
		if p == nil {
			return 0, nil, false
		}
		highest = max(highest, p.Seq)
	}
	for seq := first.Seq; seq <= highest; seq++ {
		p := ring.BySeq(seq)
		if p == nil {
			return 0, nil, false
		}
		if p.Timestamp != first.Timestamp {
			break
		}
	}
	return at, first, true
}
