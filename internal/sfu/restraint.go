package sfu

import "time"

const (
	// A way counts as limited for so long after it was last seen to be full. Before that, and after, all that is wanted is sent, whatever the
	// estimate is: it knows no more than what was tried.
	firstRestraint = 30 * time.Second
	// Where what is tried after that fills the way again it counts as limited for twice as long as before, up to longestRestraint:
	// what waits behind a try that fails, sound above all, waits as long as the way's queue is.
	longestRestraint = 16 * time.Minute
	// relieved is by how much the estimate must have risen over what it was for a try that failed to mean nothing any more.
	relieved = 2.0
	// What is tried is a layer more every tryEvery, from the smallest on; all there is after so many tries.
	tryEvery, mostTries = 5 * time.Second, 8
	trying              = tryEvery * (mostTries + 2) // while a way that is full again is so because of what was tried
)

// restraint decides for how long a way that was seen to be full gets no more than the estimate, and how it gets more then. It is pure: time is an argument.
type restraint struct {
	on       bool
	length   time.Duration
	released time.Duration // when it was last off after it had been on; 0 never
	rate     float64       // the estimate at that time, or when the way was full again, whichever is more
}

// holds tells whether no more than the estimate may be sent. fullAt is when the way was last seen to be full, 0 never.
func (r *restraint) holds(fullAt time.Duration, estimate float64, now time.Duration) bool {
	on := fullAt > 0 && now-fullAt < max(r.length, firstRestraint)
	switch {
	case on && !r.on:
		if r.released > 0 && now-r.released < trying {
			r.length, r.rate = min(2*max(r.length, firstRestraint), longestRestraint), max(r.rate, estimate)
		} else {
			r.length, r.rate = firstRestraint, estimate
		}
	case !on && r.on:
		r.released, r.rate = now, estimate
	case on && r.length > firstRestraint && estimate > relieved*r.rate:
		r.length = firstRestraint
	}
	r.on = on
	return on
}

// tries is how many layers each picture may have at least, when it holds nothing back.
func (r *restraint) tries(now time.Duration) int {
	n := 1 + int((now-r.released)/tryEvery)
	if r.released == 0 || n > mostTries {
		return unlimited
	}
	return n
}
