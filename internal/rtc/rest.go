package rtc

import "time"

const (
	// restTime is how far apart a reader reads when much comes: what comes meanwhile finds the caches warm that the first has warmed, and
	// leaves in fewer messages.
	restTime = 3 * time.Millisecond
	// crowd is how far apart, in the mean of crowdTime, those who send bring something where that is much. Each counts once in a restTime,
	// whatever it sends, so a camera that many watch is no crowd, in however many layers, nor are their reports, or a few people.
	crowd     = 2 * time.Millisecond
	crowdTime = 200 * time.Millisecond
)

// presence is when one who sends counted last in a crowd.
type presence struct{ counted time.Duration }

// counts tells whether what it brings now counts.
func (p *presence) counts(now time.Duration) bool {
	if now-p.counted < restTime {
		return false
	}
	p.counted = now
	return true
}

// rest decides when a reader rests. It is pure.
type rest struct {
	until   time.Duration // of the latest rest
	since   time.Duration // when counting began
	brought int
	crowded bool
}

// over tells that no rest is under way.
func (r *rest) over(now time.Duration) bool { return now >= r.until }

// note takes that a batch was read, to which so many who send brought something.
func (r *rest) note(brought int, read time.Duration) {
	r.brought += brought
	if passed := read - r.since; passed >= crowdTime {
		r.crowded = time.Duration(r.brought)*crowd >= passed
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
