package hlscheck

import (
	"time"

	"github.com/tuttilive/tutti/internal/mux/hls/m3u8"
)

var matched = Clause{"6.2.4", "what several playlists show at one time has the same discontinuity sequence number in all"}

// atOnce is for how long segments of two playlists overlap at least that are shown at one time: a picture and its sound are not cut at quite the
// same place.
const atOnce = 500 * time.Millisecond

// breaks is which discontinuity sequence number the newest segments of each playlist have. Players match playlists by these numbers: one that
// is off plays nothing of what it belongs to.
type breaks map[string][]period

// period is one segment.
type period struct {
	msn      uint64
	from, to time.Time
	number   uint64
	breaks   uint64 // discontinuities that it begins with
}

// inside tells whether it broke in the middle of the other, which can follow with its next segment alone.
func (p period) inside(o period) bool {
	return p.breaks > 0 && p.number == o.number+p.breaks && p.from.Sub(o.from) >= atOnce
}

// mostPeriods is for how many segments of a playlist the others are waited for.
const mostPeriods = 8

// note adds the segments of a playlist that are complete and new, and gives to each the others that are shown at the same time.
func (b breaks) note(name string, m *m3u8.Media, each func(p period, other string, o period)) {
	known := b[name]
	number := m.DiscontinuitySequence
	for i := range m.Segments {
		s := &m.Segments[i]
		number += uint64(s.Discontinuities)
		p := period{m.First() + uint64(i), s.Start, s.Start.Add(s.Duration), number, uint64(s.Discontinuities)}
		if n := len(known); s.Gap || s.Start.IsZero() || n > 0 && known[n-1].msn >= p.msn {
			continue
		}
		for other, periods := range b {
			for _, o := range periods {
				if other != name && earlier(p.to, o.to).Sub(later(p.from, o.from)) >= atOnce {
					each(p, other, o)
				}
			}
		}
		known = append(known, p)
	}
	b[name] = known[max(0, len(known)-mostPeriods):]
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// lookAtBreaks compares a playlist with the others that were read; it must be whole.
func (w *walk) lookAtBreaks(name string, m *m3u8.Media) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.breaks.note(name, m, func(p period, other string, o period) {
		w.report.check(matched, p.number == o.number || p.inside(o) || o.inside(p), "%s %d: %d, %s %d: %d", name, p.msn, p.number, other, o.msn, o.number)
	})
}
