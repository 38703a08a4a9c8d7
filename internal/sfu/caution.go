package sfu

import "time"

const (
	// What was taken back is not given again for firstPatience; when it had been given within hasty, for twice as long as the last
	// time, up to longestPatience.
	firstPatience   = time.Second
	hasty           = 10 * time.Second
	longestPatience = 16 * time.Second
)

// caution keeps a picture from going up and down all the time where the way carries now a little more than a layer takes,
// now a little less. It is pure: time is an argument.
type caution struct {
	given, taken, wait time.Duration
}

// change notes that more or less is given from now on.
func (c *caution) change(more bool, now time.Duration) {
	switch {
	case more:
		c.given = now
	case c.given > 0 && now-c.given < hasty:
		c.taken, c.wait = now, min(2*max(c.wait, firstPatience/2), longestPatience)
	default:
		c.taken, c.wait = now, firstPatience
	}
}

// holds tells that no more may be given for now.
func (c *caution) holds(now time.Duration) bool { return c.taken > 0 && now-c.taken < c.wait }
