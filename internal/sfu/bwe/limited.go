package bwe

import "time"

const (
	// A sender is limited by what it has to send when it leaves this much of its budget unused.
	limitedShare  = 0.65
	budgetWindow  = 500 * time.Millisecond
	limitedAbove  = 0.80
	limitedUntil  = 0.50
	longestBudget = time.Second
)

// limited finds out whether less is sent than might be: then what arrives says nothing about what the way could carry.
type limited struct {
	budget float64 // bytes left of the window
	full   float64 // what the window holds
	last   time.Duration
	since  time.Duration // when it began; 0 when it is not so
	until  time.Duration // when it was last so
}

// note takes what is sent now, at a time when target might be sent.
func (l *limited) note(size int, target float64, now time.Duration) {
	l.full = limitedShare * target / 8 * budgetWindow.Seconds()
	passed := min(now-l.last, longestBudget)
	l.last = now
	l.budget += limitedShare*target/8*passed.Seconds() - float64(size)
	l.budget = min(max(l.budget, -l.full), l.full)
	switch {
	case l.full == 0:
	case l.budget > limitedAbove*l.full && l.since == 0:
		l.since = max(now, 1)
	case l.budget < limitedUntil*l.full:
		l.since = 0
	}
	if l.since != 0 {
		l.until = now
	}
}

// more takes another packet that is sent at the time of the last.
func (l *limited) more(size int) {
	l.budget = max(l.budget-float64(size), -l.full)
	if l.budget < limitedUntil*l.full {
		l.since = 0
	}
}

func (l *limited) is() bool { return l.since != 0 }

// was tells whether it was so when the last of what came was sent.
func (l *limited) was(came []result) bool {
	return l.is() || len(came) > 0 && came[len(came)-1].sent <= l.until
}
