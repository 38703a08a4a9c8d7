package sfu

import "time"

const (
	// minReorderWait is how long a hole may be mere reordering before the first request, where there was none of late, and
	// maxReorderWait how long at most: a picture that is repaired later than that is of no use.
	minReorderWait, maxReorderWait = 8 * time.Millisecond, 300 * time.Millisecond
	// forgetReordering is the time in which half of what was seen is forgotten.
	forgetReordering = 5 * time.Second
)

// reordering knows how late packets come that were overtaken by others, which were not lost. Delay alone overtakes nobody,
// however much it changes. It is pure: time is an argument.
type reordering struct {
	longest time.Duration
	at      time.Duration // when longest was noted or last halved
}

// note takes a packet that came after all, so long after it was first missed.
func (r *reordering) note(late, now time.Duration) {
	r.age(now)
	if late > r.longest {
		r.longest, r.at = late, now
	}
}

// wait is how long to wait for a packet before it is asked for.
func (r *reordering) wait(now time.Duration) time.Duration {
	r.age(now)
	return min(max(r.longest+r.longest/4, minReorderWait), maxReorderWait)
}

func (r *reordering) age(now time.Duration) {
	for r.longest > 0 && now-r.at >= forgetReordering {
		r.longest, r.at = r.longest/2, r.at+forgetReordering
	}
}
