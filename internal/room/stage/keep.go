package stage

import (
	"maps"
	"slices"
	"time"
)

// MaxKept bounds the people that are kept of a stage over a restart; who has a place on it goes before who was merely let in.
const MaxKept = 2000

// Kept is what outlives a restart of a stage: who is what, and what holds against whom. Whether anybody is there does not.
type Kept struct {
	People      []KeptPerson `json:"people,omitempty"`
	Seats       []KeptSeat   `json:"seats,omitempty"`
	Host        string       `json:"host,omitempty"`
	Cohosts     []string     `json:"cohosts,omitempty"`
	Queue       []Request    `json:"queue,omitempty"`
	Invitations []Invitation `json:"invitations,omitempty"`
	Silenced    []Sanction   `json:"silenced,omitempty"`
	Banned      []Sanction   `json:"banned,omitempty"`
	Locked      bool         `json:"locked,omitempty"`
	WaitingRoom bool         `json:"waitingRoom,omitempty"`
}

// KeptPerson is somebody who has something on the stage, or may come back to a locked room.
type KeptPerson struct {
	Person
	Admin   bool `json:"admin,omitempty"`
	Speaker bool `json:"speaker,omitempty"`
	Muted   bool `json:"muted,omitempty"`
}

// KeptSeat is a seat, by its place in the list.
type KeptSeat struct {
	Locked   bool   `json:"locked,omitempty"`
	Reserved string `json:"reserved,omitempty"`
	Who      string `json:"who,omitempty"`
}

// Judged tells whether there is anything that must not be forgotten even where nobody is on a stage.
func (k Kept) Judged() bool {
	return len(k.Silenced) > 0 || len(k.Banned) > 0 || k.Locked || k.WaitingRoom
}

// Keep is what is to be kept of the stage as it is. Who waits before the door knocks again.
func (s *Stage) Keep() Kept {
	k := Kept{
		Host: s.host, Cohosts: slices.Clone(s.cohosts), Silenced: slices.Clone(s.silenced), Banned: slices.Clone(s.banned),
		Locked: s.gates.locked, WaitingRoom: s.gates.waitingRoom,
	}
	for _, seat := range s.seats {
		k.Seats = append(k.Seats, KeptSeat{seat.locked, seat.reserved, seat.who})
	}
	for _, r := range s.queue {
		k.Queue = append(k.Queue, r.Request)
	}
	for _, i := range s.invited {
		k.Invitations = append(k.Invitations, i.Invitation)
	}
	var others []KeptPerson
	for _, identity := range slices.Sorted(maps.Keys(s.people)) {
		p := s.people[identity]
		one := KeptPerson{p.Person, p.Admin, p.Speaker, p.muted}
		switch {
		case s.gates.waits(identity):
		case s.holds(identity):
			k.People = append(k.People, one)
		case s.gates.locked, s.gates.waitingRoom: // who is in need not be let in again
			others = append(others, one)
		}
	}
	k.People = append(k.People, others[:max(min(len(others), MaxKept-len(k.People)), 0)]...)
	return k
}

// Restore makes a stage of what was kept. Everybody counts as cut off now, so they have the grace to come back. What the rules do not
// allow any more is left out.
func Restore(r Rules, k Kept, now time.Time) *Stage {
	s := New(r)
	for _, one := range k.People {
		p := &person{Person: one.Person, Arrival: Arrival{Admin: one.Admin, Speaker: one.Speaker}, away: now, muted: one.Muted}
		s.people[one.Identity] = p
		s.absences = append(s.absences, absence{one.Identity, now})
	}
	if s.people[k.Host] != nil {
		s.host = k.Host
	}
	for _, c := range k.Cohosts {
		if s.people[c] != nil && c != s.host && len(s.cohosts) < MaxCohosts && !slices.Contains(s.cohosts, c) {
			s.cohosts = append(s.cohosts, c)
		}
	}
	for i, kept := range k.Seats[:min(len(k.Seats), len(s.seats))] {
		*s.seats[i] = seat{locked: kept.Locked, reserved: kept.Reserved}
		if p := s.people[kept.Who]; p != nil && kept.Who != s.host && s.seatOf(kept.Who) == 0 {
			s.seats[i].who, p.off = kept.Who, now
		}
	}
	for _, q := range k.Queue {
		if r.Requests && s.people[q.Identity] != nil && s.seatOf(q.Identity) == 0 && s.asked(q.Identity) < 0 {
			s.queue = append(s.queue, request{q})
		}
	}
	for _, i := range k.Invitations {
		if r.Invitations && s.people[i.Identity] != nil && s.seatOf(i.Identity) == 0 && s.invitation(i.Identity) < 0 {
			s.invited = append(s.invited, invitation{i})
		}
	}
	s.silenced, s.banned = slices.Clone(k.Silenced), slices.Clone(k.Banned)
	s.gates.locked, s.gates.waitingRoom = k.Locked && r.Lock, k.WaitingRoom && r.WaitingRoom
	return s
}
