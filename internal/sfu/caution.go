package sfu

import "time"

const (
	// Nothing is given for firstPatience after something was taken back. The layer that was taken back is not given again for
	// as long, or, when it had been given within hasty, for twice as long as the last time, up to longestPatience.
	firstPatience   = time.Second
	hasty           = 10 * time.Second
	longestPatience = 8 * time.Second
	// darkPatience is the most where there is no picture at all: one that comes and goes is better.
	darkPatience = 2 * time.Second
	// keyframeShows is for how long a keyframe shows in a bitrate after it was asked for: bitrates are of a second.
	keyframeShows = 1500 * time.Millisecond
)

// caution keeps a picture from going up and down all the time where the way carries now a little more than a layer takes,
// now a little less. It is pure: time is an argument, and the estimate.
type caution struct {
	given, taken, wait time.Duration
	failed             int     // the layer that was taken back
	tried              float64 // the estimate when one was last given
}

// change notes that another layer is the largest from now on.
func (c *caution) change(from, to int, estimate float64, now time.Duration) {
	switch {
	case to > from:
		if estimate > relieved*c.tried {
			c.taken = 0
		}
		c.given, c.tried = now, estimate
		return
	case c.taken > 0 && now-c.taken < firstPatience:
		c.taken = now // the same fall goes on
		return
	case c.given > 0 && now-c.given < hasty:
		c.wait = min(2*max(c.wait, firstPatience/2), longestPatience)
	default:
		c.wait = firstPatience
	}
	c.taken, c.failed = now, from
}

// fresh tells that more was given so recently that its keyframe is most of what is known of it.
func (c *caution) fresh(now time.Duration) bool { return c.given > 0 && now-c.given < keyframeShows }

// ceiling is the largest layer that may be given, when one is now. Of a way that carries much more than what was tried it knows nothing.
func (c *caution) ceiling(current int, estimate float64, now time.Duration) int {
	wait := max(c.wait, firstPatience)
	if current == suspended {
		wait = min(wait, darkPatience)
	}
	switch passed := now - c.taken; {
	case c.taken == 0 || passed >= wait:
		return unlimited
	case passed < firstPatience:
		return current
	case estimate > relieved*c.tried:
		return unlimited
	}
	return max(current, c.failed-1)
}
