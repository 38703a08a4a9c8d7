package sfu

import "time"

const (
	// A gap between two pictures is a freeze when it is three times as long as usual and this much longer, as browsers count.
	freezeExcess = 150 * time.Millisecond
	// A gap longer than this is a pause: the picture was muted, or nobody watched it.
	longestFreeze = 5 * time.Second
)

// freezes finds gaps between the pictures of a layer as they arrive, repairs included. It is pure: time is an argument.
type freezes struct {
	count uint64
	sum   time.Duration

	started   bool
	timestamp uint32
	arrival   time.Duration
	usual     time.Duration // between two pictures, smoothed
}

// picture notes a packet of a picture; timestamp is the picture's. It tells whether the picture ended a freeze.
func (f *freezes) picture(timestamp uint32, arrival time.Duration) (frozen bool) {
	if f.started && timestamp == f.timestamp {
		return false
	}
	gap := arrival - f.arrival
	f.timestamp, f.arrival = timestamp, arrival
	if !f.started {
		f.started = true
		return false
	}
	switch {
	case gap > longestFreeze:
		return false
	case f.usual > 0 && gap > max(3*f.usual, f.usual+freezeExcess):
		f.count++
		f.sum += gap
		return true
	case f.usual == 0:
		f.usual = gap
	default:
		f.usual += (gap - f.usual) / 16
	}
	return false
}
