package pk

import "time"

// Asked remembers of late which room asked which to a contest that did not begin, so that none pesters another: it may ask the same one again an
// Invitation after it asked, or after it was declined. Its owner serializes calls.
type Asked struct{ until map[[2]string]time.Time }

// maxAsked is how many are remembered before those that are over are forgotten.
const maxAsked = 1000

// Free tells whether a room may ask another.
func (a *Asked) Free(from, to string, now time.Time) bool {
	return !now.Before(a.until[[2]string{from, to}])
}

// Note takes a contest that has ended. One that began is none of its business.
func (a *Asked) Note(c *Contest, now time.Time) {
	if !c.Done() || !c.started.IsZero() {
		return
	}
	until := c.until // since an invitation ends when it is no longer good
	if c.endedBy == c.rooms[1] {
		until = now.Add(Invitation)
	}
	if a.until == nil {
		a.until = map[[2]string]time.Time{}
	}
	if len(a.until) >= maxAsked {
		for pair, over := range a.until {
			if !now.Before(over) {
				delete(a.until, pair)
			}
		}
	}
	a.until[c.rooms] = until
}
