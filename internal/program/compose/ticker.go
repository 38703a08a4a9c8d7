package compose

import "time"

// stallMax is how far behind a composer may be and still make up for it; beyond, frames are left out.
const stallMax = 200 * time.Millisecond

// ticker says when the frame of which tick is due. Ticks are multiples of the step in media time.
type ticker struct {
	step time.Duration
	at   time.Duration // the tick to come, 0 before the first
	last time.Duration
	// missed is how many ticks were left out since it was asked last.
	missed int
}

// next tells how long it is until the next tick is due, or that it is.
func (t *ticker) next(now, delay time.Duration) (wait time.Duration, due bool) {
	if t.at == 0 {
		t.at = max((now-delay)/t.step*t.step, t.last+t.step)
	}
	if behind := now - delay - t.at; behind > stallMax {
		t.missed += int(behind / t.step)
		t.at += behind / t.step * t.step
	}
	wait = t.at + delay - now
	return wait, wait <= 0
}

// take gives the tick that is due.
func (t *ticker) take() time.Duration {
	t.last = t.at
	t.at += t.step
	return t.last
}

// takeMissed gives how many ticks were left out since.
func (t *ticker) takeMissed() int {
	n := t.missed
	t.missed = 0
	return n
}

// skip leaves out what is due.
func (t *ticker) skip() { t.at = 0 }
