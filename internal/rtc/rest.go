package rtc

import "time"

const (
	// restTime is how far apart a reader reads when much comes: what comes meanwhile finds the caches warm that the first has warmed, and
	// leaves in fewer messages.
	restTime = 3 * time.Millisecond
	// crowd is how many streams must bring something in a restTime, in the mean of crowdTime, for that: a picture or a piece of sound each.
	// A stream that many watch is no crowd, nor are their reports, or a few people.
	crowd     = 2
	crowdTime = 200 * time.Millisecond
)

// rest decides when a reader rests. It is pure.
type rest struct {
	until   time.Duration // of the latest rest
	since   time.Duration // when counting began
	brought int
	crowded bool
}

// over tells that no rest is under way.
func (r *rest) over(now time.Duration) bool { return now >= r.until }

// note takes that a batch was read of which so many streams brought something.
func (r *rest) note(brought int, read time.Duration) {
	r.brought += brought
	if passed := read - r.since; passed >= crowdTime {
		r.crowded = time.Duration(r.brought)*restTime >= crowd*passed
		r.since, r.brought = read, 0
	}
}

// begin begins a rest after the batch that was read at a time, and tells how long it is; 0 when there is none. What the batch took counts:
// a reader that is busy has no time for it, and what it has to read gathers anyhow.
func (r *rest) begin(read, now time.Duration) time.Duration {
	if !r.crowded {
		return 0
	}
	r.until = max(read+restTime, now)
	return r.until - now
}
