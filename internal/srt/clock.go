package srt

import (
	"math"
	"time"
)

const (
	// early is by how much a packet may come before the time that it was sent at, as the clock has it: more, and the clock is set by it.
	early = time.Second
	// setEvery is how often the clock is set by the packet that was the quickest since: clocks of encoders are off by seconds in a day.
	setEvery = 10 * time.Second
	unknown  = time.Duration(math.MaxInt64)
)

// clock tells when a packet was sent, in our time, as if the quickest ones took none. So no packet waits for much longer than the latency, whatever it says.
type clock struct {
	offset   time.Duration // from the encoder's time to ours
	last     uint32
	time     time.Duration // last without its wrapping round, which it does each 71 minutes
	quickest time.Duration // since the clock was set, how long a packet took by it
	set      time.Duration
}

// startClock begins with the handshake (section 4.5.1).
func startClock(timestamp uint32, now time.Duration) clock {
	return clock{offset: now, last: timestamp, set: now, quickest: unknown}
}

// sent is when. Those that are sent again tell nothing of how long the way is.
func (c *clock) sent(timestamp uint32, again bool, now time.Duration) time.Duration {
	c.time += time.Duration(int32(timestamp-c.last)) * time.Microsecond
	c.last = timestamp
	took := now - (c.time + c.offset)
	switch {
	case took < -early:
		c.offset += took
		c.quickest, c.set = 0, now
	case !again:
		if c.quickest = min(c.quickest, took); now-c.set >= setEvery {
			c.offset += c.quickest
			c.quickest, c.set = unknown, now
		}
	}
	return c.time + c.offset
}
