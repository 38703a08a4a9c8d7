package studio

import (
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/room/intake"
)

// absenceCheck is how often is looked whether anybody publishes: nobody tells of an encoder that has fallen silent.
const absenceCheck = 500 * time.Millisecond

// absence is what is known of a show's publishers. The studio's lock guards it.
type absence struct {
	// here tells that somebody publishes, since when nobody does any more, who was the last encoder that did.
	here  bool
	since time.Time
	last  string
	// size is that of the last picture.
	size  media.Size
	slate *slate // nil while the last picture is held, and while somebody publishes
}

// watchAbsence follows whether anybody publishes, until the show ends.
func (s *Studio) watchAbsence(a *air) {
	tick := time.NewTicker(absenceCheck)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			s.mu.Lock()
			if s.air == a {
				s.lookForPublishers(a)
			}
			s.mu.Unlock()
		case <-a.program.Done():
			return
		}
	}
}

// lookForPublishers takes up that nobody publishes any more, or that somebody does again. The caller holds the lock.
func (s *Studio) lookForPublishers(a *air) {
	b := &a.absence
	who, here := s.publishing()
	if !here && b.here { // another one may wait
		s.arrangeEncoders()
		who, here = s.publishing()
	}
	if here {
		if picture, _ := a.program.Picture(); picture != nil && b.slate == nil {
			if f := picture.Format(); f != nil && f.Width > 0 {
				b.size = media.Size{Width: f.Width, Height: f.Height}
			}
		}
		if who != "" {
			b.last = who
		}
		if !b.here && !b.since.IsZero() {
			s.tellIngest(room.IngestChanged{What: room.IngestBack, To: who})
			b.since = time.Time{}
		}
		b.here = true
		s.endSlate(a)
		return
	}
	mode := s.house.Intake(s.name).Absence
	if b.here {
		b.here, b.since = false, time.Now()
		s.tellIngest(room.IngestChanged{What: room.IngestLost, From: b.last, Shows: string(shows(mode))})
	}
	switch {
	case b.since.IsZero() || mode != intake.Slate:
		s.endSlate(a)
	case b.slate == nil && b.size.Area() > 0:
		b.slate = s.startSlate(a)
	}
}

func shows(mode intake.Absence) intake.Absence {
	if mode == "" {
		return intake.Hold
	}
	return mode
}

// endSlate shows what comes of publishers again. The caller holds the lock.
func (s *Studio) endSlate(a *air) {
	if sl := a.absence.slate; sl != nil {
		a.absence.slate = nil
		close(sl.stop)
		a.program.Cover(nil)
	}
}

// publishing tells whether anything comes of anybody, and names an encoder of which something does. The caller holds the lock.
func (s *Studio) publishing() (encoder string, any bool) {
	for _, entry := range s.tracks {
		if entry.track == nil || entry.hidden || entry.composed || entry.ingest && entry.track.Silent() >= intake.DeadAfter {
			continue
		}
		if any = true; entry.ingest {
			return entry.identity, true
		}
	}
	return "", any
}

// tellIngest tells those who watch over all rooms of a change of who publishes. The caller holds the lock.
func (s *Studio) tellIngest(e room.IngestChanged) {
	s.log.Info("publisher of the show", "change", e.What, "from", e.From, "to", e.To, "why", e.Why)
	s.tellWitnesses(e)
	close(s.changed) // who shows the status shows it at once
	s.changed = make(chan struct{})
}
