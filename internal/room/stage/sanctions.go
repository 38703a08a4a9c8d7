package stage

import (
	"slices"
	"time"
)

// Sanction is what holds against somebody who may not be there any more.
type Sanction struct {
	Person
	By Person `json:"by,omitzero"`
	// Until is zero for what lasts as long as the room is open.
	Until time.Time `json:"until,omitzero"`
}

func sanctioned(list []Sanction, identity string) bool {
	return slices.ContainsFunc(list, func(x Sanction) bool { return x.Identity == identity })
}

// Silenced tells whether somebody may not write in the chat.
func (s *Stage) Silenced(identity string) bool { return sanctioned(s.silenced, identity) }

// NameFor is what somebody is called here who wants to be called so: who is silenced is called what they were, or the name would say
// what the chat does not.
func (s *Stage) NameFor(who Person) string {
	if i := slices.IndexFunc(s.silenced, func(x Sanction) bool { return x.Identity == who.Identity }); i >= 0 {
		return s.silenced[i].Name
	}
	return who.Name
}

// Banned tells whether somebody may not come in.
func (s *Stage) Banned(identity string) bool { return sanctioned(s.banned, identity) }

// impose adds a sanction, or gives an old one a new end.
func impose(list []Sanction, x Sanction) []Sanction {
	list = slices.DeleteFunc(list, func(old Sanction) bool { return old.Identity == x.Identity })
	if len(list) >= MaxSanctions {
		list = slices.Delete(list, 0, 1)
	}
	return append(list, x)
}

// lift takes a sanction away and tells whom it held against.
func lift(list []Sanction, identity string) ([]Sanction, Person, bool) {
	i := slices.IndexFunc(list, func(x Sanction) bool { return x.Identity == identity })
	if i < 0 {
		return list, Person{}, false
	}
	p := list[i].Person
	return slices.Delete(list, i, i+1), p, true
}

func (s *Stage) silence(by Actor, a Action) error {
	p, err := s.judged(by, a)
	if err != nil {
		return err
	}
	x := Sanction{p.Person, by.Person, s.until(a.For)}
	s.silenced = impose(s.silenced, x)
	s.tell(Happening{What: Silenced, Person: x.Person, By: by.Person, Until: x.Until})
	return nil
}

func (s *Stage) unsilence(by Actor, a Action) error {
	if !s.absolves(by, a.Identity) {
		return ErrForbidden
	}
	rest, who, ok := lift(s.silenced, a.Identity)
	if !ok {
		return ErrNotSilenced
	}
	s.silenced = rest
	s.tell(Happening{What: Unsilenced, Person: who, By: by.Person})
	return nil
}

// ban also takes those who have just left, or who were never here: an application may know them.
func (s *Stage) ban(by Actor, a Action) error {
	if a.Identity == "" || len(a.Identity) > MaxNameBytes {
		return ErrNoPerson
	}
	if s.outranked(by, a.Identity) || a.Identity == by.Identity {
		return ErrForbidden
	}
	who := Person{Identity: a.Identity}
	p := s.people[a.Identity]
	if p != nil {
		who = p.Person
	}
	x := Sanction{who, by.Person, s.until(a.For)}
	s.banned = impose(s.banned, x)
	s.tell(Happening{What: Banned, Person: who, By: by.Person, Until: x.Until})
	if p != nil {
		p.here = false // the owner sends them away
		s.forget(p, WasBanned)
	}
	for i, seat := range s.seats {
		if seat.reserved == a.Identity {
			seat.reserved = ""
			s.tell(Happening{What: SeatUnlocked, Seat: i + 1, Reason: WasBanned})
		}
	}
	return nil
}

func (s *Stage) unban(by Actor, a Action) error {
	rest, who, ok := lift(s.banned, a.Identity)
	if !ok {
		return ErrNotBanned
	}
	s.banned = rest
	s.tell(Happening{What: Unbanned, Person: who, By: by.Person})
	return nil
}
