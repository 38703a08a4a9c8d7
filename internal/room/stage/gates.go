package stage

import (
	"slices"
	"time"
)

// Waiting is somebody before the door.
type Waiting struct {
	Person
	Since time.Time `json:"since"`
}

// gates are what stands between a room and those who come.
type gates struct {
	locked, waitingRoom bool
	waiting             []Waiting
}

func (g *gates) waits(identity string) bool {
	return len(g.waiting) > 0 && slices.ContainsFunc(g.waiting, func(w Waiting) bool { return w.Identity == identity })
}

// dismiss ends somebody's waiting and tells whether they were.
func (g *gates) dismiss(identity string) bool {
	n := len(g.waiting)
	g.waiting = slices.DeleteFunc(g.waiting, func(w Waiting) bool { return w.Identity == identity })
	return len(g.waiting) < n
}

// Waits tells whether somebody must be let in first.
func (s *Stage) Waits(identity string) bool { return s.gates.waits(identity) }

// Inside tells whether somebody may know what goes on behind the door: who is in, and everybody while it is open. Else it is ErrWaiting or ErrLocked.
func (s *Stage) Inside(identity string) error {
	_, known := s.people[identity]
	switch {
	case known && !s.gates.waits(identity):
		return nil
	case s.gates.locked:
		return ErrLocked
	case s.gates.waitingRoom:
		return ErrWaiting
	}
	return nil
}

func (s *Stage) letIn(p *person, by Person) {
	s.tell(Happening{What: LetIn, Person: p.Person, By: by, Role: s.RoleOf(p.Identity)})
	if s.rules.SeatArrivals && p.Participant && p.Speaker {
		if n, err := s.free(p.Identity, 0); err == nil {
			s.sit(p, n, by)
		}
	}
}

func (s *Stage) lock(by Actor, _ Action) error {
	if !s.rules.Lock {
		return ErrOff
	}
	if !s.gates.locked {
		s.gates.locked = true
		s.tell(Happening{What: RoomLocked, By: by.Person})
	}
	return nil
}

func (s *Stage) unlock(by Actor, _ Action) error {
	if !s.rules.Lock {
		return ErrOff
	}
	if s.gates.locked {
		s.gates.locked = false
		s.tell(Happening{What: RoomUnlocked, By: by.Person})
	}
	return nil
}

func (s *Stage) openWaiting(by Actor, _ Action) error {
	if !s.rules.WaitingRoom {
		return ErrOff
	}
	if !s.gates.waitingRoom {
		s.gates.waitingRoom = true
		s.tell(Happening{What: WaitingRoomOn, By: by.Person})
	}
	return nil
}

func (s *Stage) endWaiting(by Actor, _ Action) error {
	if !s.rules.WaitingRoom {
		return ErrOff
	}
	if s.gates.waitingRoom {
		s.gates.waitingRoom = false
		s.tell(Happening{What: WaitingRoomOff, By: by.Person})
	}
	all := s.gates.waiting
	s.gates.waiting = nil
	for _, w := range all {
		s.letIn(s.people[w.Identity], by.Person)
	}
	return nil
}
