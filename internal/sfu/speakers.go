package sfu

import (
	"cmp"
	"math"
	"slices"
	"time"
)

const (
	// Somebody speaks who had a voice in startFrames of the last startWindow frames (240 of 500 ms), until no more than
	// stopFrames of the last stopWindow are left (40 of 700 ms): neither a click nor a pause for breath changes it.
	startFrames, startWindow = 12, 25
	stopFrames, stopWindow   = 2, 35
	// loudWindow is what a level is the mean of.
	loudWindow = 25
	// speakersInterval is the least time between two lists of changes.
	speakersInterval = 400 * time.Millisecond
	// overtake is how much louder somebody must be to move ahead of another: 4 dB.
	overtake = 1.58
	// speakersRelease is how slowly the level that is told and ranked by falls.
	speakersRelease = time.Second
	// mostTold is how many are told to speak at a time, the loudest: nobody looks at more, and each change goes to everybody.
	mostTold = 12
	// levelSteps is how finely a level is told; a smaller change is none.
	levelSteps = 8
)

// Speakers finds who speaks among many: levels in, a ranking and a dominant speaker out. It is pure: time is an argument. It
// is owned by one goroutine.
type Speakers struct {
	ranked    []*speaking // those who speak, loudest first, then the others
	byID      map[string]*speaking
	last      time.Duration
	told      bool // a list was given at last
	dominance dominance
	voices    []*voice // scratch space
}

// Speaker is one who speaks, or has just stopped.
type Speaker struct {
	ID string
	// Level is 0 to 1, in steps of 1/8; 0 for one who has stopped.
	Level float32
}

// speaking is what is known of one person.
type speaking struct {
	voice
	id string
	on bool
	// level rises at once and falls slowly; since is when it was found.
	level float32
	since time.Duration
	told  Speaker
	// voiced is when a voice was heard last, to the nearest word, if there ever was one; for Loudest.
	voiced     time.Duration
	everVoiced bool
	// spokeAt is when it spoke last, if ever.
	spokeAt time.Duration
	spoke   bool
}

// NewSpeakers makes a ranking without anybody in it.
func NewSpeakers() *Speakers { return &Speakers{byID: make(map[string]*speaking)} }

// Hear adds how loud packets of somebody were, in the order of their coming.
func (s *Speakers) Hear(id string, packets []Loudness) {
	p := s.byID[id]
	if p == nil {
		p = &speaking{id: id, told: Speaker{ID: id}}
		s.byID[id] = p
		s.ranked = append(s.ranked, p)
	}
	for _, l := range packets {
		p.hear(l)
	}
}

// The newest maskedFrames are looked at for what is heard in more than one microphone: it is crosstalk dB below the voice
// itself, and at most crosstalkDelay frames before or after it. Its
// peak among peakFrames counts: in between everybody's voice is low.
const (
	maskedFrames   = 12
	crosstalk      = 14
	crosstalkDelay = 2
	peakFrames     = 10
)

// mask drops what is somebody else's voice, heard from across the room, up to the newest frame that is settled.
func (s *Speakers) mask(newest int64) {
	var loudest [maskedFrames + 2*crosstalkDelay]uint8 // the last is the newest
	first := newest + crosstalkDelay - int64(len(loudest)) + 1
	for i := range loudest {
		loudest[i] = silence
		for _, p := range s.ranked {
			loudest[i] = min(loudest[i], p.at(first+int64(i)))
		}
	}
	for i := range maskedFrames {
		frame := first + int64(i) + crosstalkDelay
		limit := int(slices.Min(loudest[i:i+2*crosstalkDelay+1])) + crosstalk
		for _, p := range s.ranked {
			if int(p.peak(frame+crosstalkDelay, peakFrames)) > limit {
				p.drop(frame)
			}
		}
	}
}

// Known tells whether a level of somebody was ever heard.
func (s *Speakers) Known(id string) bool { return s.byID[id] != nil }

// SpokeLast is when somebody was told to speak last, below all times for one who never was.
func (s *Speakers) SpokeLast(id string) time.Duration {
	if p := s.byID[id]; p != nil && p.spoke {
		return p.spokeAt
	}
	return math.MinInt64
}

// Look judges what was heard up to now. Call it several times a second. It tells whether another speaker is dominant.
func (s *Speakers) Look(now time.Duration) (changed bool) {
	s.voices = s.voices[:0]
	for _, p := range s.ranked {
		p.advance(now)
	}
	newest := int64(now/frameTime) - holdFrames - crosstalkDelay // what comes later is not settled yet
	s.mask(newest)
	for _, p := range s.ranked {
		fall := float32(math.Exp(-float64(max(now-p.since, 0)) / float64(speakersRelease)))
		loud := p.loudness(newest, loudWindow)
		p.level, p.since = max(loud, loud+(p.level-loud)*fall), now
		if p.on {
			p.on = p.active(newest, stopWindow) > stopFrames
		} else {
			p.on = p.active(newest, startWindow) >= startFrames
		}
		if p.on {
			p.spoke, p.spokeAt = true, now
		}
		s.voices = append(s.voices, &p.voice)
	}
	return s.dominance.decide(s.voices, newest, now)
}

// Dominant is who leads the conversation, or did so last; empty before the first.
func (s *Speakers) Dominant() string {
	for _, p := range s.ranked {
		if &p.voice == s.dominance.current {
			return p.id
		}
	}
	return ""
}

// Remove drops somebody who is gone; no change is told.
func (s *Speakers) Remove(id string) {
	if p := s.byID[id]; p != nil {
		s.dominance.forget(&p.voice)
	}
	delete(s.byID, id)
	s.ranked = slices.DeleteFunc(s.ranked, func(p *speaking) bool { return p.id == id })
}

// Changes lists those who began or stopped to speak or whose level changed since the last list, loudest first. It is
// empty when there is nothing to tell, and within 400 ms of the last list.
func (s *Speakers) Changes(now time.Duration) []Speaker {
	if s.told && now-s.last < speakersInterval {
		return nil
	}
	s.rank()
	var changes []Speaker
	for i, v := range s.ranked {
		is := v.speaker()
		if i >= mostTold {
			is.Level = 0
		}
		if is != v.told {
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
	for _, v := range s.ranked {
		if v.told.Level > 0 {
			active = append(active, v.told)
		}
	}
	return active
}

func (v *speaking) speaker() Speaker {
	if !v.on {
		return Speaker{ID: v.id}
	}
	step := max(math.Ceil(float64(min(v.level, 1))*levelSteps), 1)
	return Speaker{ID: v.id, Level: float32(step / levelSteps)}
}

// rank sorts speakers before the silent, and lets one pass another only when clearly louder, so that two who are about
// equally loud do not change places all the time.
func (s *Speakers) rank() {
	slices.SortStableFunc(s.ranked, func(a, b *speaking) int {
		return cmp.Compare(order(b.on), order(a.on))
	})
	for i := 1; i < len(s.ranked); i++ {
		for j := i; j > 0; j-- {
			ahead, behind := s.ranked[j-1], s.ranked[j]
			if !behind.on || behind.level <= ahead.level*overtake {
				break
			}
			s.ranked[j-1], s.ranked[j] = behind, ahead
		}
	}
}
