package timeline

import "time"

const (
	// driftWindow is how long the quickest of some frames is looked for: what comes later was held up on its way.
	driftWindow = 30 * time.Second
	// driftShare is how fast times are moved at most, 1 part in 2000. The clocks of machines are off by a tenth of that or so.
	driftShare = 2000
)

// drift follows a publisher's clock, which is faster or slower than ours by seconds in a day, so that frames go on to come as long after
// their time as they did at first. It is pure: time is an argument.
type drift struct {
	offset time.Duration // what is added to the times of frames by now
	moved  time.Duration // when it was looked at last

	// windows counts those that have begun, up to two; least is how late, or, negative, how early the quickest frame of this one came
	// without the offset, before that of the one before.
	windows       int
	least, before time.Duration
	begun         time.Duration
	usual         time.Duration // how late the quickest came at first, with the offset
}

// follow takes a frame that came at now, late by its timestamp alone, and moves the offset.
func (d *drift) follow(late, now time.Duration) {
	switch {
	case d.windows == 0:
		d.windows, d.least, d.begun = 1, late, now
	case now-d.begun >= driftWindow:
		if d.windows == 1 {
			d.windows, d.usual = 2, d.least-d.offset
		}
		d.before, d.least, d.begun = d.least, late, now
	default:
		d.least = min(d.least, late)
	}
	if d.windows == 2 {
		most := min(now-d.moved, time.Second) / driftShare
		d.offset += min(max(min(d.before, d.least)-d.usual-d.offset, -most), most)
	}
	d.moved = now
}

// restart forgets what was usual: another time base has begun.
func (d *drift) restart() { d.windows = 0 }
