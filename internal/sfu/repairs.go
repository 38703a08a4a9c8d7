package sfu

import "time"

const (
	// repairMemory is how many numbers the last time of a repair is known for.
	repairMemory = 256
	// repairRate is how many packets a second are sent again to one subscriber at most, in bursts up to repairBurst.
	repairRate, repairBurst = 500, 200
	// minRepairInterval holds while the round trip is unknown or tiny.
	minRepairInterval = 20 * time.Millisecond
)

// repairs bounds what one subscriber can have sent again: each packet at most once in a round trip, and all of them at a
// bounded rate, so that neither a broken link nor a hostile peer makes the server send without end. It is pure: time is
// an argument.
type repairs struct {
	last   [repairMemory]repair
	tokens float64
	at     time.Duration
	filled bool
}

type repair struct {
	seq  uint16
	once bool
	at   time.Duration
}

// allow tells whether to send a packet again.
func (r *repairs) allow(seq uint16, now, rtt time.Duration) bool {
	last := &r.last[seq%repairMemory]
	if last.once && last.seq == seq && now-last.at < max(rtt, minRepairInterval) {
		return false
	}
	if !r.filled {
		r.filled, r.tokens = true, repairBurst
	} else {
		r.tokens = min(r.tokens+(now-r.at).Seconds()*repairRate, repairBurst)
	}
	r.at = now
	if r.tokens < 1 {
		return false
	}
	r.tokens--
	*last = repair{seq: seq, once: true, at: now}
	return true
}
