package compose

import "time"

// effort is what is made of the pictures that are wanted.
type effort struct {
	fps, width, height int
	// renditions tells that smaller ones are made beside it.
	renditions bool
}

// share is how much of what is wanted an effort is.
type share struct {
	fps        int // at most
	parts      int // of the size, in sixths
	renditions bool
}

// shares are what is made while the machine is too slow for more: first fewer frames, then no renditions, then smaller frames. The
// first is all.
var shares = [...]share{{30, 6, true}, {15, 6, true}, {15, 6, false}, {15, 4, false}, {10, 3, false}}

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
	want effort
	wait time.Duration

	level         int // into shares
	since         time.Duration
	made, skipped int
	good          time.Duration // since when all goes well
	tried         time.Duration // when more was tried last
}

// judge notes a frame that was made or left out, and those that this process had no time for, unless the encoder only begins: what is left out meanwhile
// says nothing of what the machine can do. It tells whether there is another effort now.
func (s *shedder) judge(made bool, missed int, begins bool, now time.Duration) (changed bool) {
	if begins {
		s.pause(now)
		return false
	}
	changed = s.tell(made, now)
	for range missed {
		changed = s.tell(false, now) || changed
	}
	return changed
}

// tell notes a frame that was made or left out, and tells whether there is another effort now.
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
	case bad && s.level < len(shares)-1:
		if s.tried > 0 && now-s.tried < tryAfter {
			s.wait = min(2*s.wait, tryMax) // it was too much
		}
		s.step(1)
		s.good = now
	case bad:
		s.good = now
	case s.level > 0 && now-s.good >= s.wait:
		s.step(-1)
		s.good, s.tried = now, now
	}
	s.since, s.made, s.skipped = now, 0, 0
	return s.level != before
}

// step goes to the next level that makes a difference.
func (s *shedder) step(by int) {
	for was := s.effort(); s.level+by >= 0 && s.level+by < len(shares); {
		if s.level += by; s.effort() != was {
			return
		}
	}
}

func (s *shedder) begin(now time.Duration) {
	s.since, s.good = now, now
	if s.wait == 0 {
		s.wait = tryAfter
	}
}

// pause forgets what was counted: what comes now is of an encoder that begins.
func (s *shedder) pause(now time.Duration) {
	if s.since == 0 {
		s.begin(now)
	}
	s.since, s.made, s.skipped = now+shedWindow/2, 0, 0
}

// effort is what is made now of what is wanted.
func (s *shedder) effort() effort {
	out, share := s.want, shares[s.level]
	if share.parts < 6 {
		out.width, out.height = even(out.width*share.parts/6), even(out.height*share.parts/6)
	}
	out.fps = min(out.fps, share.fps)
	out.renditions = out.renditions && share.renditions
	return out
}
