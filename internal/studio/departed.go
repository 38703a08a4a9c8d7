package studio

import (
	"slices"
	"time"

	"github.com/tuttilive/tutti/internal/room"
)

const (
	// departuresKept is how long it is known who has left, and maxDepartures of how many.
	departuresKept = 2 * time.Minute
	maxDepartures  = 5000
)

// Departure is somebody who is not in the room any more, or not for the others: a name without what it brought along.
type Departure struct {
	Participant room.Participant
	Why         room.LeaveReason
	At          time.Time
}

// noteDeparture remembers whom others must not go on seeing. The caller holds the lock.
func (s *Studio) noteDeparture(e room.Event) {
	var p room.Participant
	why := room.LeftByItself
	switch e := e.(type) {
	case room.ParticipantHidden:
		p = e.Participant
	case room.ParticipantLeft:
		if p, why = e.Participant, e.Reason; p.Permission.Hidden {
			return
		}
	default:
		return
	}
	p = room.Participant{SID: p.SID, Identity: p.Identity, Name: p.Name, Kind: p.Kind, Version: p.Version}
	s.departures = append(s.departures[max(0, len(s.departures)-maxDepartures+1):], Departure{p, why, time.Now()})
}

// forgetDepartures forgets those of which nobody is told any more. The caller holds the lock.
func (s *Studio) forgetDepartures() {
	old := 0
	for old < len(s.departures) && time.Since(s.departures[old].At) > departuresKept {
		old++
	}
	if old > 0 {
		s.departures = slices.Clone(s.departures[old:])
	}
}

// Departed are those whom the participant may have seen and who are not there any more since a moment, as far as it is known, the first first.
func (p *Participant) Departed(since time.Time) []Departure {
	s := p.studio
	s.mu.Lock()
	defer s.mu.Unlock()
	self, ok := s.room.Participant(p.identity)
	if !ok || self.SID != p.sid || s.stage.Waits(p.identity) {
		return nil
	}
	for _, began := range []time.Time{self.JoinedAt, p.letIn} {
		if since.Before(began) {
			since = began
		}
	}
	from := len(s.departures)
	for from > 0 && !s.departures[from-1].At.Before(since) {
		from--
	}
	return slices.DeleteFunc(slices.Clone(s.departures[from:]), func(d Departure) bool { return d.Participant.Identity == p.identity })
}
