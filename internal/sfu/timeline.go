package sfu

import "time"

// maxTimestampJump is how far timestamps may run away from the time of arrival before a stream counts as having another
// time base.
const maxTimestampJump = 10 * time.Second

// timeline keeps a layer's RTP timestamps on one time base when its stream starts over or another SSRC goes on: the first
// timestamp after the break follows the last by the time that passed between their arrivals.
type timeline struct {
	clockRate int
	started   bool
	offset    uint32 // added to what comes
	last      uint32 // highest timestamp given, with offset
	arrival   time.Duration
}

// next is the timestamp of the packet with the highest number so far; broken tells that nothing connects it with what
// came before.
func (t *timeline) next(timestamp uint32, arrival time.Duration, broken bool) uint32 {
	at := timestamp + t.offset
	if !t.started {
		t.started = true
	} else {
		passed := arrival - t.arrival
		advanced := time.Duration(int32(at-t.last)) * time.Second / time.Duration(t.clockRate)
		if broken || advanced-passed > maxTimestampJump || passed-advanced > maxTimestampJump {
			at = t.last + uint32(ticks(max(passed, time.Millisecond), t.clockRate))
			t.offset = at - timestamp
		}
	}
	t.last, t.arrival = at, arrival
	return at
}

// ticks converts a duration to units of an RTP clock, to a microsecond, so that years do not overflow.
func ticks(d time.Duration, clockRate int) int64 {
	return d.Microseconds() * int64(clockRate) / 1_000_000
}

// late is the timestamp of a packet that came out of order.
func (t *timeline) late(timestamp uint32) uint32 { return timestamp + t.offset }
