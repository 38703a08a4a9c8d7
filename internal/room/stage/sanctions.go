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

// Sanctions are what holds against people of a room.
type Sanctions struct{ Silenced, Banned []Sanction }

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
	if p := s.people[a.Identity]; p != nil {
		who = p.Person
	}
	x := Sanction{who, by.Person, s.until(a.For)}
	s.banned = impose(s.banned, x)
	s.tell(Happening{What: Banned, Person: who, By: by.Person, Until: x.Until})
	s.castOut(a.Identity)
	return nil
}

// castOut takes everything from somebody who is banned. The owner sends them away.
func (s *Stage) castOut(identity string) {
	if p := s.people[identity]; p != nil {
		p.here = false
		s.forget(p, WasBanned)
	}
	for i, seat := range s.seats {
		if seat.reserved == identity {
			seat.reserved = ""
			s.tell(Happening{What: SeatUnlocked, Seat: i + 1, Reason: WasBanned})
		}
	}
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

// Sanctions are what holds at the moment.
func (s *Stage) Sanctions() Sanctions {
	return Sanctions{slices.Clone(s.silenced), slices.Clone(s.banned)}
}

// Adopt has the sanctions of another stage hold in the place of those that held. From then on that stage says when they end, too.
func (s *Stage) Adopt(x Sanctions, now time.Time) []Happening {
	s.begin(now)
	s.adopts = true
	s.silenced, _ = s.adopt(s.silenced, x.Silenced, Silenced, Unsilenced)
	banned, cast := s.adopt(s.banned, x.Banned, Banned, Unbanned)
	s.banned = banned
	for _, who := range cast {
		s.castOut(who.Identity)
	}
	return s.end()
}

// adopt tells what is different with other sanctions, gives those, and whom they hold against who was free of them.
func (s *Stage) adopt(old, other []Sanction, imposed, lifted What) (list []Sanction, fresh []Person) {
	for _, x := range old {
		if !sanctioned(other, x.Identity) {
			s.tell(Happening{What: lifted, Person: x.Person, Reason: Adopted})
		}
	}
	for _, x := range other {
		i := slices.IndexFunc(old, func(o Sanction) bool { return o.Identity == x.Identity })
		if i >= 0 && old[i].Until.Equal(x.Until) {
			continue
		}
		s.tell(Happening{What: imposed, Person: x.Person, By: x.By, Until: x.Until, Reason: Adopted})
		if i < 0 {
			fresh = append(fresh, x.Person)
		}
	}
	return slices.Clone(other), fresh
}
