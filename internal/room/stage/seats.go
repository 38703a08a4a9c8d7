package stage

import "time"

func (s *Stage) seatOf(identity string) int {
	if identity == "" {
		return 0
	}
	for i, seat := range s.seats {
		if seat.who == identity {
			return i + 1
		}
	}
	return 0
}

func (s *Stage) seat(n int) (*seat, error) {
	if len(s.seats) == 0 {
		return nil, ErrOff
	}
	if n < 1 || n > len(s.seats) {
		return nil, ErrNoSeat
	}
	return s.seats[n-1], nil
}

// free finds a seat for somebody: the one of that number, or with 0 one that is kept for them, or the first that is open.
func (s *Stage) free(identity string, n int) (int, error) {
	if n != 0 {
		seat, err := s.seat(n)
		switch {
		case err != nil:
			return 0, err
		case seat.who != "":
			return 0, ErrSeatTaken
		case seat.locked:
			return 0, ErrSeatLocked
		case seat.reserved != "" && seat.reserved != identity:
			return 0, ErrSeatReserved
		}
		return n, nil
	}
	open := 0
	for i, seat := range s.seats {
		switch {
		case seat.who != "" || seat.locked:
		case seat.reserved == identity:
			return i + 1, nil
		case seat.reserved == "" && open == 0:
			open = i + 1
		}
	}
	switch {
	case len(s.seats) == 0:
		return 0, ErrOff
	case open == 0:
		return 0, ErrStageFull
	}
	return open, nil
}

// sit puts somebody on a free seat.
func (s *Stage) sit(p *person, n int, by Person) {
	s.settled(p.Identity)
	s.seats[n-1].who = p.Identity
	s.tell(Happening{What: SeatTaken, Person: p.Person, By: other(by, p), Seat: n, Role: s.RoleOf(p.Identity)})
	p.off = time.Time{}
	if !p.Participant {
		p.off = s.now
		s.absences = append(s.absences, absence{p.Identity, s.now})
	}
}

// settled ends what somebody asked for or was asked who has it now.
func (s *Stage) settled(identity string) {
	if p := s.people[identity]; p != nil {
		s.lowerFor(p, WasSeated, Person{})
		s.uninviteFor(p, WasSeated, Person{})
	}
}

// vacate ends somebody's sitting on a seat.
func (s *Stage) vacate(n int, why Reason, by Person) {
	p := s.people[s.seats[n-1].who]
	s.seats[n-1].who = ""
	p.off = time.Time{}
	s.tell(Happening{What: SeatLeft, Person: p.Person, By: other(by, p), Seat: n, Reason: why, Role: s.RoleOf(p.Identity)})
	s.dropMute(p)
}

// dropMute forgets that somebody was muted on a stage that they have left.
func (s *Stage) dropMute(p *person) {
	if p.muted && s.RoleOf(p.Identity) == Audience {
		p.muted = false
		s.tell(Happening{What: Unmuted, Person: p.Person})
	}
}

// followSeat notes whether who sits takes part.
func (s *Stage) followSeat(p *person, n int) {
	switch {
	case p.Participant && !p.off.IsZero():
		p.off = time.Time{}
		s.tell(Happening{What: Connected, Person: p.Person, Seat: n})
	case !p.Participant && p.off.IsZero():
		p.off = s.now
		s.absences = append(s.absences, absence{p.Identity, s.now})
		s.tell(Happening{What: Disconnected, Person: p.Person, Seat: n})
	}
}

// other is who did something, unless it is who it was done to.
func other(by Person, p *person) Person {
	if by.Identity == p.Identity {
		return Person{}
	}
	return by
}

func (s *Stage) stepDown(by Actor, _ Action) error {
	n := s.seatOf(by.Identity)
	if n == 0 {
		return ErrNotSeated
	}
	s.vacate(n, ByOneself, by.Person)
	return nil
}

func (s *Stage) remove(by Actor, a Action) error {
	if _, err := s.below(by, a); err != nil {
		return err
	}
	n := s.seatOf(a.Identity)
	if n == 0 {
		return ErrNotSeated
	}
	s.vacate(n, ByHost, by.Person)
	return nil
}

func (s *Stage) move(by Actor, a Action) error {
	p, err := s.find(a)
	if err != nil {
		return err
	}
	to, err := s.seat(a.Seat)
	if err != nil {
		return err
	}
	n := s.seatOf(a.Identity)
	switch {
	case n == 0:
		return ErrNotSeated
	case n == a.Seat:
		return nil
	case to.locked && to.who == "":
		return ErrSeatLocked
	case to.reserved != "" && to.reserved != a.Identity:
		return ErrSeatReserved
	}
	from := s.seats[n-1]
	if to.who != "" && (from.reserved != "" && from.reserved != to.who) {
		return ErrSeatReserved
	}
	from.who, to.who = to.who, from.who
	s.tell(Happening{What: SeatMoved, Person: p.Person, By: other(by.Person, p), Seat: a.Seat, From: n})
	return nil
}

func (s *Stage) mute(by Actor, a Action) error {
	p, err := s.judged(by, a)
	if err != nil {
		return err
	}
	if !s.RoleOf(a.Identity).OnStage() {
		return ErrNotSeated
	}
	if !p.muted {
		p.muted = true
		s.tell(Happening{What: Muted, Person: p.Person, By: by.Person, Seat: s.seatOf(a.Identity)})
	}
	return nil
}

func (s *Stage) unmute(by Actor, a Action) error {
	p, err := s.find(a)
	switch {
	case err != nil:
		return err
	case !s.absolves(by, a.Identity):
		return ErrForbidden
	}
	if p.muted {
		p.muted = false
		s.tell(Happening{What: Unmuted, Person: p.Person, By: by.Person, Seat: s.seatOf(a.Identity)})
	}
	return nil
}

func (s *Stage) lockSeat(by Actor, a Action) error {
	seat, err := s.seat(a.Seat)
	if err != nil {
		return err
	}
	if !seat.locked {
		seat.locked, seat.reserved = true, ""
		s.tell(Happening{What: SeatLocked, By: by.Person, Seat: a.Seat})
	}
	return nil
}

func (s *Stage) unlockSeat(by Actor, a Action) error {
	seat, err := s.seat(a.Seat)
	if err != nil {
		return err
	}
	if seat.locked || seat.reserved != "" {
		seat.locked, seat.reserved = false, ""
		s.tell(Happening{What: SeatUnlocked, By: by.Person, Seat: a.Seat})
	}
	return nil
}

func (s *Stage) reserveSeat(by Actor, a Action) error {
	seat, err := s.seat(a.Seat)
	switch {
	case err != nil:
		return err
	case a.Identity == "" || len(a.Identity) > MaxNameBytes:
		return ErrNoPerson
	case seat.who != "" && seat.who != a.Identity:
		return ErrSeatTaken
	case seat.reserved == a.Identity:
		return nil
	}
	about := Person{Identity: a.Identity}
	if p := s.people[a.Identity]; p != nil {
		about = p.Person
	}
	seat.locked, seat.reserved = false, a.Identity
	s.tell(Happening{What: SeatReserved, Person: about, By: by.Person, Seat: a.Seat})
	return nil
}
