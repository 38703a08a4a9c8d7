package bwe

import "time"

const (
	// deliveryStretch is half of what delivery looks back at least, and all of it at most less than twice.
	deliveryStretch = time.Second
	// deliveredShare is how much of what is sent must arrive, and how much faster than it arrives it may be sent at most, for a way to
	// carry it.
	deliveredShare = 0.9
	// waitsTooLong is a queue that counts as ours all the same: it grows by too little for the rates to tell, but it grows. It is measured
	// against the shortest way of the last one or two times waitWindow.
	waitsTooLong = 500 * time.Millisecond
	waitWindow   = 30 * time.Second
)

// delivery tells whether the way carries what is sent, however long that waits in a queue: where all of it arrives as fast as it
// is sent, the queue is not of our making.
type delivery struct {
	before, current stretch
	// shortest and older are the least of arrived minus sent since turned, on the peer's clock, and in the window before.
	shortest, older time.Duration
	turned          time.Duration
}

// stretch is what became of the packets of some time.
type stretch struct {
	sent, came          int // bytes
	firstSent, lastSent time.Duration
	firstCame, lastCame time.Duration // on the peer's clock
	least               time.Duration // of arrived minus sent
}

// note takes one packet's fate.
func (d *delivery) note(r result, came bool) {
	c := &d.current
	if c.sent > 0 && r.sent-c.firstSent >= deliveryStretch {
		d.before = *c
		if r.sent-c.lastSent >= deliveryStretch {
			d.before = stretch{} // after a silence
		}
		*c = stretch{}
	}
	if !r.late {
		if c.sent == 0 {
			c.firstSent = r.sent
		}
		c.sent += r.size
	}
	c.lastSent = max(c.lastSent, r.sent)
	if came {
		took := r.arrived - r.sent
		if c.came == 0 {
			c.firstCame, c.least = r.arrived, took
		}
		c.least = min(c.least, took)
		d.measure(took, r.arrived)
		c.came += r.size
		c.lastCame = max(c.lastCame, r.arrived)
	}
}

// measure takes how long a packet was under way that arrived now.
func (d *delivery) measure(took, now time.Duration) {
	switch passed := now - d.turned; {
	case d.turned == 0 || passed < 0 || passed > 10*waitWindow:
		d.shortest, d.older, d.turned = took, took, now
	case passed > waitWindow:
		d.older, d.shortest, d.turned = d.shortest, took, now
	}
	d.shortest = min(d.shortest, took)
}

// rate is what is sent and carried, in bit/s, 0 while the way carries less than is sent, or nothing is known.
func (d *delivery) rate() float64 {
	b, c := &d.before, &d.current
	if b.came == 0 || c.came == 0 {
		return 0
	}
	sending, coming := c.lastSent-b.firstSent, c.lastCame-b.firstCame
	sent, came := float64(b.sent+c.sent)/sending.Seconds(), float64(b.came+c.came)/max(sending, coming).Seconds()
	if came < deliveredShare*sent || min(b.least, c.least)-min(d.shortest, d.older) > waitsTooLong {
		return 0
	}
	return 8 * came
}
