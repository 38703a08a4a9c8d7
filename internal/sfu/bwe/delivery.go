package bwe

import "time"

const (
	// deliveryStretch is half of what delivery looks back at least, and all of it at most less than twice.
	deliveryStretch = time.Second
	// deliveredShare is how much of what is sent must arrive, and how much faster than it arrives it may be sent at most, for a way to
	// carry it.
	deliveredShare = 0.9
)

// delivery tells whether the way carries what is sent, however long that waits in a queue: where all of it arrives as fast as it
// is sent, the queue is not of our making.
type delivery struct {
	before, current stretch
}

// stretch is what became of the packets of some time.
type stretch struct {
	sent, came          int // bytes
	firstSent, lastSent time.Duration
	firstCame, lastCame time.Duration // on the peer's clock
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
		if c.came == 0 {
			c.firstCame = r.arrived
		}
		c.came += r.size
		c.lastCame = max(c.lastCame, r.arrived)
	}
}

// rate is what is sent and carried, in bit/s, 0 while the way carries less than is sent, or nothing is known.
func (d *delivery) rate() float64 {
	b, c := &d.before, &d.current
	if b.came == 0 || c.came == 0 {
		return 0
	}
	sending, coming := c.lastSent-b.firstSent, c.lastCame-b.firstCame
	sent, came := float64(b.sent+c.sent)/sending.Seconds(), float64(b.came+c.came)/max(sending, coming).Seconds()
	if came < deliveredShare*sent {
		return 0
	}
	return 8 * came
}
