package showload

import (
	"fmt"
	"slices"
	"sync"
	"time"
)

// apart is how far a beep may lie from a flash and still belong to it: sources flash each second.
const apart = 400 * time.Millisecond

// steps gathers how far what belongs together lies apart.
type steps struct {
	mu    sync.Mutex
	quiet func() bool // nothing was done to the show lately
	note  func(string)
	last  map[int]*[2]time.Duration

	// lips is how long after its flash each beep comes; calmLips the same while nothing is done to the show.
	lips, calmLips []time.Duration
	// pictures and sounds are how far the first and the last flash, or beep, of a second lie apart; calm ones as above.
	pictures, sounds         spread
	calmPictures, calmSounds []time.Duration
}

// spread is the onsets of one second.
type spread struct {
	first, last time.Duration
	n           int
	all         []time.Duration
}

// add notes an onset and gives the spread of the second before, once it is over.
func (s *spread) add(at time.Duration) (over time.Duration, ok bool) {
	if s.n > 0 && (at-s.first).Abs() < apart {
		s.first, s.last = min(s.first, at), max(s.last, at)
		s.n++
		return 0, false
	}
	if over, ok = s.last-s.first, s.n > 1; ok {
		s.all = append(s.all, over)
	}
	s.first, s.last, s.n = at, at, 1
	return over, ok
}

const (
	flashed = iota
	beeped
)

// onset notes that a mark was seen or heard to begin.
func (s *steps) onset(what, mark int, at time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	calm := s.quiet()
	if what == flashed {
		if d, ok := s.pictures.add(at); ok && calm {
			s.calmPictures = append(s.calmPictures, d)
		}
	} else if d, ok := s.sounds.add(at); ok && calm {
		s.calmSounds = append(s.calmSounds, d)
	}
	if s.last == nil {
		s.last = map[int]*[2]time.Duration{}
	}
	if s.last[mark] == nil {
		s.last[mark] = &[2]time.Duration{-time.Hour, -time.Hour}
	}
	pair := s.last[mark]
	pair[what] = at
	if d := pair[beeped] - pair[flashed]; d.Abs() < apart {
		s.lips = append(s.lips, d)
		if d.Abs() > lipsMax {
			s.note(fmt.Sprintf("the beep of source %d lies %v after its flash, at %v", mark, d.Round(time.Millisecond), pair[flashed].Round(time.Millisecond)))
		}
		if calm {
			s.calmLips = append(s.calmLips, d)
		}
		*pair = [2]time.Duration{-time.Hour, -time.Hour}
	}
}

// Apart is how far things lie apart: the middle, what 95 and 99 of a hundred do not exceed, and the most, in either direction.
type Apart struct {
	Count                 int
	Median, P95, P99, Max time.Duration
}

// apartness sums up distances; the median keeps its sign.
func apartness(list []time.Duration) (a Apart) {
	if a.Count = len(list); a.Count == 0 {
		return a
	}
	list = slices.Clone(list)
	slices.Sort(list)
	a.Median = list[len(list)/2]
	for i := range list {
		list[i] = list[i].Abs()
	}
	slices.Sort(list)
	at := func(share float64) time.Duration { return list[min(int(share*float64(len(list))), len(list)-1)] }
	a.P95, a.P99, a.Max = at(0.95), at(0.99), list[len(list)-1]
	return a
}
