package bwe

import "time"

const (
	// baseWindow is how long the shortest delay is remembered, once or twice over.
	baseWindow = 15 * time.Second
	// settle is what the latest delay is the least of: jitter passes, a queue stays.
	settle = 100 * time.Millisecond
	// standingAbove is a queue that must go, when it has stood for standingFor.
	standingAbove, standingFor = 120 * time.Millisecond, 150 * time.Millisecond
	// A queue that does not go though much less is sent is none: the way has become longer.
	believeFor = 2500 * time.Millisecond
)

// standing finds a queue that does not grow any more but does not go either. The trendline is blind to it: it looks at
// slopes only, and a queue that is full to the brim has none.
type standing struct {
	started     bool
	base, older time.Duration // the least of arrived minus sent, now and in the window before
	turned      time.Duration
	least       time.Duration // in the present settle time
	settled     time.Duration
	since       time.Duration // when the queue was first seen; 0 when there is none
	delay       time.Duration
}

// note takes a packet that arrived, on the peer's clock, and gives how long it waited longer than others.
func (s *standing) note(sent, arrived time.Duration) time.Duration {
	d := arrived - sent
	if !s.started || arrived-s.turned > 10*baseWindow || arrived < s.turned {
		*s = standing{started: true, base: d, older: d, turned: arrived, least: d, settled: arrived}
	}
	if arrived-s.turned > baseWindow {
		s.older, s.base, s.turned = s.base, d, arrived
	}
	s.base, s.least = min(s.base, d), min(s.least, d)
	waited := d - min(s.base, s.older)
	if arrived-s.settled < settle {
		return waited
	}
	s.delay = s.least - min(s.base, s.older)
	s.least, s.settled = d, arrived
	switch {
	case s.delay <= standingAbove:
		s.since = 0
	case s.since == 0:
		s.since = arrived
	case arrived-s.since > believeFor:
		s.base, s.older, s.since = d, d, 0
	}
	return waited
}

// is tells whether a queue stands.
func (s *standing) is() bool { return s.since != 0 && s.settled-s.since >= standingFor }
