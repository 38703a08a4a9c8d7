package sfu

import (
	"cmp"
	"slices"
	"time"
)

const (
	// A voice that begins is let through after wordFrames of the newest wordWindow frames: before it is told to speak, or its
	// first word would be missing.
	wordFrames, wordWindow = 3, 5
	// heardStays is how long somebody who falls silent is as good as one who speaks.
	heardStays = 2 * time.Second
	// heardWindow is what loudness is compared over, and heardBonus how much louder somebody must be to take the place of
	// one who speaks as well: 6 dB.
	heardWindow = 15
	heardBonus  = 2
)

// Loudest chooses whose sound a large room gets: the n who speak, the louder before the others, and of those who are silent
// the ones who spoke last. It is decided once for all, and holds on to whom it chose. It is pure: time is an argument; it is
// owned by the goroutine that owns the speakers.
type Loudest struct {
	heard  map[string]bool
	places []hearing // scratch space
}

// hearing is a person's claim to be heard.
type hearing struct {
	person   *speaking
	speaks   bool
	loudness float32
}

// Choose picks n of those whose levels are known, of all that was heard up to now, after Look. It tells whether the choice has
// changed.
func (l *Loudest) Choose(s *Speakers, n int, now time.Duration) (changed bool) {
	newest := int64(now / frameTime)
	l.places = l.places[:0]
	for _, p := range s.ranked {
		if p.active(p.frame, wordWindow) >= wordFrames && p.frame >= newest-2*holdFrames {
			p.voiced, p.everVoiced = now, true
		}
		h := hearing{person: p, speaks: p.everVoiced && now-p.voiced < heardStays}
		if h.speaks {
			h.loudness = p.loudness(p.frame, heardWindow)
			if l.heard[p.id] {
				h.loudness = max(h.loudness, p.level) * heardBonus // a breath does not make it quieter
			}
		}
		l.places = append(l.places, h)
	}
	slices.SortStableFunc(l.places, func(a, b hearing) int {
		switch {
		case a.speaks != b.speaks:
			return cmp.Compare(order(b.speaks), order(a.speaks))
		case a.speaks:
			return cmp.Compare(b.loudness, a.loudness)
		case a.person.everVoiced != b.person.everVoiced:
			return cmp.Compare(order(b.person.everVoiced), order(a.person.everVoiced))
		case a.person.voiced != b.person.voiced:
			return cmp.Compare(b.person.voiced, a.person.voiced)
		}
		return cmp.Compare(order(l.heard[b.person.id]), order(l.heard[a.person.id]))
	})
	places := l.places[:min(n, len(l.places))]
	changed = len(places) != len(l.heard)
	for _, h := range places {
		changed = changed || !l.heard[h.person.id]
	}
	if !changed {
		return false
	}
	l.heard = make(map[string]bool, n)
	for _, h := range places {
		l.heard[h.person.id] = true
	}
	return true
}

// Heard tells whether somebody is chosen.
func (l *Loudest) Heard(id string) bool { return l.heard[id] }

func order(b bool) int {
	if b {
		return 1
	}
	return 0
}
