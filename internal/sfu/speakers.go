package sfu

import (
	"cmp"
	"math"
	"slices"
	"time"
)

const (
	// speakingLoud begins speech when it holds for speakingStart, speakingQuiet ends it when it holds for speakingStop:
	// -35 and -45 dBov.
	speakingLoud, speakingQuiet = 0.0178, 0.0056
	speakingStart, speakingStop = 100 * time.Millisecond, 600 * time.Millisecond
	// speakersInterval is the least time between two lists of changes.
	speakersInterval = 400 * time.Millisecond
	// overtake is how much louder somebody must be to move ahead of another: 4 dB.
	overtake = 1.58
	// speakersRelease is how slowly the level that is told and ranked by falls.
	speakersRelease = time.Second
	// levelSteps is how finely a level is told; a smaller change is none.
	levelSteps = 8
)

// Speakers finds who speaks among many: levels in, a ranking out. It is pure: time is an argument. It is owned by one
// goroutine.
type Speakers struct {
	voices []*voice // ranked: those who speak, loudest first, then the others
	byID   map[string]*voice
	last   time.Duration
	told   bool // a list was given at last
}

// Speaker is one who speaks, or has just stopped.
type Speaker struct {
	ID string
	// Level is 0 to 1, in steps of 1/8; 0 for one who has stopped.
	Level float32
}

type voice struct {
	id string
	// level rises at once and falls slowly; heard is when it was noted.
	level float32
	heard time.Duration
	// speaking, and since when the level has spoken against it, while against is set.
	speaking bool
	against  bool
	since    time.Duration
	told     Speaker
}

// NewSpeakers makes a ranking without anybody in it.
func NewSpeakers() *Speakers { return &Speakers{byID: make(map[string]*voice)} }

// Observe notes how loud somebody is, 0 to 1. Call it for everybody several times a second.
func (s *Speakers) Observe(id string, level float32, now time.Duration) {
	v := s.byID[id]
	if v == nil {
		v = &voice{id: id, told: Speaker{ID: id}}
		s.byID[id] = v
		s.voices = append(s.voices, v)
	}
	fall := float32(math.Exp(-float64(max(now-v.heard, 0)) / float64(speakersRelease)))
	v.level, v.heard = max(level, level+(v.level-level)*fall), now
	against := !v.speaking && level >= speakingLoud || v.speaking && level < speakingQuiet
	if against && !v.against {
		v.since = now
	}
	v.against = against
	hold := speakingStart
	if v.speaking {
		hold = speakingStop
	}
	if against && now-v.since >= hold {
		v.speaking, v.against = !v.speaking, false
	}
}

// Remove drops somebody who is gone; no change is told.
func (s *Speakers) Remove(id string) {
	delete(s.byID, id)
	s.voices = slices.DeleteFunc(s.voices, func(v *voice) bool { return v.id == id })
}

// Changes lists those who began or stopped to speak or whose level changed since the last list, loudest first. It is
// empty when there is nothing to tell, and within 400 ms of the last list.
func (s *Speakers) Changes(now time.Duration) []Speaker {
	if s.told && now-s.last < speakersInterval {
		return nil
	}
	s.rank()
	var changes []Speaker
	for _, v := range s.voices {
		if is := v.speaker(); is != v.told {
			v.told = is
			changes = append(changes, is)
		}
	}
	if len(changes) > 0 {
		s.last, s.told = now, true
	}
	return changes
}

// Active lists those who speak, loudest first, as of the last Changes.
func (s *Speakers) Active() []Speaker {
	var active []Speaker
	for _, v := range s.voices {
		if v.told.Level > 0 {
			active = append(active, v.told)
		}
	}
	return active
}

func (v *voice) speaker() Speaker {
	if !v.speaking {
		return Speaker{ID: v.id}
	}
	step := max(math.Ceil(float64(min(v.level, 1))*levelSteps), 1)
	return Speaker{ID: v.id, Level: float32(step / levelSteps)}
}

// rank sorts speakers before the silent, and lets one pass another only when clearly louder, so that two who are about
// equally loud do not change places all the time.
func (s *Speakers) rank() {
	slices.SortStableFunc(s.voices, func(a, b *voice) int {
		if a.speaking != b.speaking {
			return cmp.Compare(rankOf(a), rankOf(b))
		}
		return 0
	})
	for i := 1; i < len(s.voices); i++ {
		for j := i; j > 0; j-- {
			ahead, behind := s.voices[j-1], s.voices[j]
			if !behind.speaking || behind.level <= ahead.level*overtake {
				break
			}
			s.voices[j-1], s.voices[j] = behind, ahead
		}
	}
}

func rankOf(v *voice) int {
	if v.speaking {
		return 0
	}
	return 1
}
