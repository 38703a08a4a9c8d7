package compose

import "time"

// effort is how much of the frames that are wanted is made.
type effort struct {
	fps   int // at most
	parts int // of the size, in sixths
}

// efforts are what is made while the machine is too slow for more: first fewer frames, then smaller ones. The first is all.
var efforts = [...]effort{{30, 6}, {15, 6}, {15, 4}, {10, 3}}

const (
	// shedWindow is how long frames are counted before it is judged.
	shedWindow = 2 * time.Second
	// shedAt is which share of them may be left out because the machine is too slow, in percent.
	shedAt = 15
	// tryAfter is how long all must go well before more is tried; it doubles each time that this was too much, up to tryMax.
	tryAfter = 20 * time.Second
	tryMax   = 5 * time.Minute
)

// shedder decides how much is made of what is wanted. It knows no clock.
type shedder struct {
	level int // into efforts
	wait  time.Duration

	since         time.Duration
	made, skipped int
	good          time.Duration // since when all goes well
	tried         time.Duration // when more was tried last
}

// tell notes a frame that was made or left out, and tells whether the level has changed.
func (s *shedder) tell(made bool, now time.Duration) bool {
	if s.since == 0 {
		s.begin(now)
	}
	if made {
		s.made++
	} else {
		s.skipped++
	}
	if now-s.since < shedWindow {
		return false
	}
	bad := s.skipped*100 > (s.made+s.skipped)*shedAt
	before := s.level
	switch {
	case bad && s.level < len(efforts)-1:
		if s.tried > 0 && now-s.tried < tryAfter {
			s.wait = min(2*s.wait, tryMax) // it was too much
		}
		s.level++
		s.good = now
	case bad:
		s.good = now
	case s.level > 0 && now-s.good >= s.wait:
		s.level--
		s.good, s.tried = now, now
	}
	s.since, s.made, s.skipped = now, 0, 0
	return s.level != before
}

func (s *shedder) begin(now time.Duration) {
	s.since, s.good = now, now
	if s.wait == 0 {
		s.wait = tryAfter
	}
}

// pause forgets what was counted: what comes now is of an encoder that begins.
func (s *shedder) pause(now time.Duration) { s.since, s.made, s.skipped = now+shedWindow/2, 0, 0 }

// effort is what is made now of what is wanted.
func (s *shedder) effort(fps, width, height int) (int, int, int) {
	e := efforts[s.level]
	if e.parts < 6 {
		width, height = even(width*e.parts/6), even(height*e.parts/6)
	}
	return min(fps, e.fps), width, height
}
