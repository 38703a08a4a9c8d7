package stage

import (
	"slices"
	"time"

	"github.com/tuttilive/tutti/internal/room/plain"
)

// Request is a raised hand.
type Request struct {
	Person
	At   time.Time `json:"at"`
	Note string    `json:"note,omitempty"`
	// Seat is the one that is wanted, 0 for any.
	Seat int `json:"seat,omitempty"`
}

// Invitation asks somebody up.
type Invitation struct {
	Person
	By    Person    `json:"by"`
	Until time.Time `json:"until"`
	Seat  int       `json:"seat,omitempty"`
}

type (
	request    struct{ Request }
	invitation struct{ Invitation }
)

// asked is the index of somebody's request, -1 for none.
func (s *Stage) asked(identity string) int {
	return slices.IndexFunc(s.queue, func(r request) bool { return r.Identity == identity })
}

func (s *Stage) invitation(identity string) int {
	return slices.IndexFunc(s.invited, func(i invitation) bool { return i.Identity == identity })
}

func (s *Stage) raise(by Actor, a Action) error {
	p := s.people[by.Identity]
	if s.host == p.Identity || s.seatOf(p.Identity) > 0 {
		return ErrOnStage
	}
	if s.invitation(p.Identity) >= 0 {
		return s.accept(by, a)
	}
	if a.Seat != 0 {
		if _, err := s.seat(a.Seat); err != nil {
			return err
		}
	}
	if s.rules.Claims || slices.Contains(s.cohosts, p.Identity) {
		n, err := s.free(p.Identity, a.Seat)
		if err == nil {
			s.sit(p, n, p.Person)
			return nil
		}
		if !s.rules.Requests {
			return err
		}
	}
	switch {
	case !s.rules.Requests || len(s.seats) == 0:
		return ErrOff
	case s.asked(p.Identity) >= 0:
		return ErrAsked
	case len(s.queue) >= MaxQueue:
		return ErrQueueFull
	}
	r := Request{Person: p.Person, At: s.now, Note: plain.Line(a.Note), Seat: a.Seat}
	if s.Silenced(p.Identity) {
		r.Note = ""
	}
	s.queue = append(s.queue, request{r})
	s.tell(Happening{What: HandRaised, Person: p.Person, Note: r.Note, Seat: r.Seat})
	return nil
}

// lowerFor takes somebody's hand down.
func (s *Stage) lowerFor(p *person, why Reason, by Person) {
	if i := s.asked(p.Identity); i >= 0 {
		s.queue = slices.Delete(s.queue, i, i+1)
		s.tell(Happening{What: HandLowered, Person: p.Person, By: other(by, p), Reason: why})
	}
}

func (s *Stage) lower(by Actor, _ Action) error {
	if s.asked(by.Identity) < 0 {
		return ErrNotAsked
	}
	s.lowerFor(s.people[by.Identity], ByOneself, by.Person)
	return nil
}

func (s *Stage) admit(by Actor, a Action) error {
	p, err := s.find(a)
	if err != nil {
		return err
	}
	if s.gates.dismiss(a.Identity) {
		s.letIn(p, by.Person)
		return nil
	}
	i := s.asked(a.Identity)
	if i < 0 {
		return ErrNotAsked
	}
	n, err := s.free(a.Identity, a.Seat)
	if wanted := s.queue[i].Seat; a.Seat == 0 && wanted != 0 {
		if m, err2 := s.free(a.Identity, wanted); err2 == nil {
			n, err = m, nil
		}
	}
	if err != nil {
		return err
	}
	s.sit(p, n, by.Person)
	return nil
}

func (s *Stage) refuse(by Actor, a Action) error {
	p, err := s.find(a)
	if err != nil {
		return err
	}
	if s.gates.dismiss(a.Identity) {
		s.tell(Happening{What: TurnedAway, Person: p.Person, By: by.Person, Reason: ByHost})
		delete(s.people, a.Identity)
		return nil
	}
	if s.asked(a.Identity) < 0 {
		return ErrNotAsked
	}
	s.lowerFor(p, ByHost, by.Person)
	return nil
}

func (s *Stage) invite(by Actor, a Action) error {
	p, err := s.find(a)
	switch {
	case err != nil:
		return err
	case !s.rules.Invitations || len(s.seats) == 0:
		return ErrOff
	case s.gates.waits(a.Identity):
		return ErrWaiting
	case a.Identity == s.host || s.seatOf(a.Identity) > 0:
		return ErrOnStage
	case s.asked(a.Identity) >= 0: // asked and invited: both want it
		return s.admit(by, a)
	case s.invitation(a.Identity) >= 0:
		return ErrInvited
	case len(s.invited) >= MaxInvitations:
		return ErrQueueFull
	}
	if _, err := s.free(a.Identity, a.Seat); err != nil {
		return err
	}
	i := Invitation{Person: p.Person, By: by.Person, Until: s.now.Add(s.rules.Invitation), Seat: a.Seat}
	s.invited = append(s.invited, invitation{i})
	s.tell(Happening{What: InvitationMade, Person: p.Person, By: by.Person, Seat: a.Seat, Until: i.Until})
	return nil
}

// uninviteFor ends an invitation.
func (s *Stage) uninviteFor(p *person, why Reason, by Person) {
	if i := s.invitation(p.Identity); i >= 0 {
		s.invited = slices.Delete(s.invited, i, i+1)
		s.tell(Happening{What: InvitationEnded, Person: p.Person, By: other(by, p), Reason: why})
	}
}

func (s *Stage) uninvite(by Actor, a Action) error {
	p := s.people[a.Identity]
	if p == nil || s.invitation(a.Identity) < 0 {
		return ErrNotInvited
	}
	s.uninviteFor(p, ByHost, by.Person)
	return nil
}

func (s *Stage) accept(by Actor, _ Action) error {
	i := s.invitation(by.Identity)
	if i < 0 || !s.invited[i].Until.After(s.now) {
		return ErrNotInvited
	}
	n, err := s.free(by.Identity, s.invited[i].Seat)
	if err != nil {
		return err
	}
	s.sit(s.people[by.Identity], n, Person{})
	return nil
}

func (s *Stage) decline(by Actor, _ Action) error {
	if s.invitation(by.Identity) < 0 {
		return ErrNotInvited
	}
	s.uninviteFor(s.people[by.Identity], ByOneself, by.Person)
	return nil
}
