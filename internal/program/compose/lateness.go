package compose

import "time"

const (
	// delayMin and delayMax bound how far the picture is behind the present: as far as the latest source of the last seconds, and a
	// margin. Sources that are later still are shown as they come.
	delayMin    = 40 * time.Millisecond
	delayMax    = 400 * time.Millisecond
	delayMargin = 10 * time.Millisecond
	delayStart  = 120 * time.Millisecond
	// delayFall is by how much the delay shrinks in a second.
	delayFall = 20 * time.Millisecond
	// lateWindow is how long a late picture is remembered, at least.
	lateWindow = 2 * time.Second
	// replayed is how late a picture is that was decoded to catch up, which says nothing.
	replayed = time.Second
)

// lateness is how long after their capture the pictures of a source can be shown.
type lateness struct {
	before, lately time.Duration
	since          time.Duration
	heard          bool
}

func (l *lateness) observe(late, now time.Duration) {
	if late > replayed {
		return
	}
	switch age := now - l.since; {
	case !l.heard || age >= 2*lateWindow:
		l.before, l.lately, l.since = late, late, now
	case age >= lateWindow:
		l.before, l.lately, l.since = l.lately, late, now
	}
	l.heard = true
	l.lately = max(l.lately, late)
}

// worst is the greatest lateness of the last seconds; ok is false when nothing has come.
func (l *lateness) worst(now time.Duration) (_ time.Duration, ok bool) {
	return max(l.before, l.lately), l.heard && now-l.since < 2*lateWindow
}

// delay is how far behind the present pictures are shown.
type delay struct {
	now  time.Duration
	aims time.Duration // when it was aimed last
}

// aim sets the delay for what the sources need.
func (d *delay) aim(want, now time.Duration) time.Duration {
	want = min(max(want+delayMargin, delayMin), delayMax)
	fall := time.Duration(float64(delayFall) * min(max((now-d.aims).Seconds(), 0), 1))
	switch {
	case d.now == 0:
		d.now = max(want, delayStart)
	case want > d.now:
		d.now = want
	default:
		d.now = max(want, d.now-fall)
	}
	d.aims = now
	return d.now
}
