// Package stage holds who of a room's people speaks and who listens, and how one becomes the other: roles, numbered seats,
// raised hands, invitations, who waits before the door, who is silenced or banned. It is pure state: no clock but the one in
// arguments, no goroutines, no sockets. Each change gives what happened, or a refusal.
//
// Its owner tells it who is there (Come, Go), passes on what people want (Act), and calls Expire when Next says.
package stage

import (
	"maps"
	"slices"
	"time"
)

// Role is what somebody is in a room at the moment.
type Role string

const (
	// Host runs the room; there is one at most. Cohosts help, Speakers are seen and heard, the Audience watches.
	Host     Role = "host"
	Cohost   Role = "cohost"
	Speaker  Role = "speaker"
	Audience Role = "audience"
)

// OnStage tells whether somebody of that role may be seen and heard.
func (r Role) OnStage() bool { return r != Audience }

// Directs tells whether somebody of that role says who comes up.
func (r Role) Directs() bool { return r == Host || r == Cohost }

// Bounds of what one stage holds.
const (
	MaxSeats       = 24
	MaxCohosts     = 16
	MaxQueue       = 500
	MaxInvitations = 100
	MaxSanctions   = 1000 // of each kind; the oldest goes first
	MaxWaiting     = 200
	MaxNameBytes   = 256
	MaxNoteBytes   = 200
	// Longest is how long a sanction may last that ends by itself.
	Longest = 365 * 24 * time.Hour
)

// Rules are how a scene wants its stage.
type Rules struct {
	// Seats is how many there are; without any, whoever may publish is a speaker.
	Seats int
	// Requests lets the audience raise hands, Invitations lets hosts ask people up, Claims lets people sit down unasked.
	Requests, Invitations, Claims bool
	// SeatArrivals gives those who join and may publish a seat at once, as long as there is one.
	SeatArrivals bool
	// WaitingRoom and Lock tell that hosts may let people wait before the door, and close it.
	WaitingRoom, Lock bool
	// Grace is how long somebody who is cut off keeps seat, hand and office; Invitation is how long one is good. Both must be positive.
	Grace, Invitation time.Duration
}

// Person is somebody by the identity that they have in the room.
type Person struct {
	Identity string `json:"identity"`
	Name     string `json:"name"`
}

// Arrival is how somebody is in the room.
type Arrival struct {
	// Admin has a host's grant, for instance from a host link.
	Admin bool
	// Participant takes part in the real-time room and not in the audience's channel alone.
	Participant bool
	// Speaker has a grant to publish.
	Speaker bool
}

// Stage is the state of one. It belongs to one owner, who serializes calls.
type Stage struct {
	rules    Rules
	people   map[string]*person
	seats    []*seat // by number - 1
	host     string
	cohosts  []string // in the order in which they were made
	queue    []request
	invited  []invitation // in the order in which they end
	absences []absence    // in the order in which they end
	silenced []Sanction   // in order of time
	banned   []Sanction
	adopts   bool // another stage says what holds against whom, and for how long
	gates    gates
	now      time.Time // of the change that is going on
	happened []Happening
}

// person is somebody who is there, or whose grace is not over.
type person struct {
	Person
	Arrival
	here bool // in any way
	// away is since when they are not there, off since when they sit without taking part.
	away, off          time.Time
	camera, microphone bool
	muted              bool // by a host, for as long as they are on stage
	elsewhere          bool // on behalf of the room, which keeps the seat
}

type seat struct {
	locked   bool
	reserved string // for an identity
	who      string // "" when nobody sits there
}

// absence is to be looked at after the grace.
type absence struct {
	identity string
	since    time.Time
}

// New makes an empty stage. More seats than MaxSeats are left out.
func New(r Rules) *Stage {
	s := &Stage{rules: r, people: map[string]*person{}}
	for range min(r.Seats, MaxSeats) {
		s.seats = append(s.seats, &seat{})
	}
	return s
}

// RoleOf is the role of somebody, Audience for those who are not known.
func (s *Stage) RoleOf(identity string) Role {
	p := s.people[identity]
	switch {
	case p == nil || s.gates.waits(identity):
		return Audience
	case s.host == identity:
		return Host
	case slices.Contains(s.cohosts, identity):
		return Cohost
	case s.seatOf(identity) > 0, len(s.seats) == 0 && p.Speaker:
		return Speaker
	}
	return Audience
}

// Host is the identity of the host, "" while there is none.
func (s *Stage) Host() string { return s.host }

// SeatOf is the number of somebody's seat, from 1; 0 for none.
func (s *Stage) SeatOf(identity string) int { return s.seatOf(identity) }

// Muted tells whether a host has taken somebody's microphone away.
func (s *Stage) Muted(identity string) bool {
	p := s.people[identity]
	return p != nil && p.muted
}

// Position is somebody's place among the raised hands, from 1; 0 for none.
func (s *Stage) Position(identity string) int { return s.asked(identity) + 1 }

// Invited tells until when somebody may accept, and who invited them; ok is false for those who are not invited.
func (s *Stage) Invited(identity string) (i Invitation, ok bool) {
	if at := s.invitation(identity); at >= 0 {
		return s.invited[at].Invitation, true
	}
	return Invitation{}, false
}

// Attended tells whether somebody is responsible for what goes on: a host, who may be cut off for the moment, or a cohost.
func (s *Stage) Attended() bool {
	return s.host != "" || slices.ContainsFunc(s.cohosts, func(c string) bool { return s.people[c].here })
}

// Knows tells of somebody who is there, or whose grace is not over.
func (s *Stage) Knows(identity string) bool { return s.people[identity] != nil }

// MayCome tells whether somebody may come in at all.
func (s *Stage) MayCome(identity string, admin bool) error {
	known := s.people[identity]
	switch {
	case sanctioned(s.banned, identity):
		return ErrBanned
	case admin || known != nil && !s.gates.waits(identity):
		return nil
	case s.gates.locked:
		return ErrLocked
	case known == nil && s.gates.waitingRoom && len(s.gates.waiting) >= MaxWaiting:
		return ErrWaitingFull
	}
	return nil
}

// Come tells that somebody is there from now on, or in another way than before. It is refused as MayCome says.
func (s *Stage) Come(who Person, how Arrival, now time.Time) ([]Happening, error) {
	if err := s.MayCome(who.Identity, how.Admin); err != nil {
		return nil, err
	}
	s.begin(now)
	p, known := s.people[who.Identity]
	if !known {
		p = &person{}
		s.people[who.Identity] = p
	}
	joined := how.Participant && !p.Participant
	back := who.Identity == s.host && !p.here
	p.Person = Person{who.Identity, cut(s.NameFor(who), MaxNameBytes)}
	p.Arrival, p.here, p.away = how, true, time.Time{}
	if !how.Participant {
		p.camera, p.microphone = false, false
	}
	if !known && s.gates.waitingRoom && !how.Admin {
		s.gates.waiting = append(s.gates.waiting, Waiting{p.Person, now})
		s.tell(Happening{What: Waits, Person: p.Person})
		return s.end(), nil
	}
	if how.Admin && s.gates.dismiss(who.Identity) {
		s.letIn(p, Person{})
	}
	s.findHost(p)
	if back && s.host == who.Identity {
		s.tell(Happening{What: Connected, Person: p.Person, Role: Host})
	}
	if n := s.seatOf(who.Identity); n > 0 {
		s.followSeat(p, n)
	}
	if joined && s.rules.SeatArrivals && how.Speaker && s.RoleOf(who.Identity) == Audience && !s.gates.waits(who.Identity) {
		if n, err := s.free(who.Identity, 0); err == nil {
			s.sit(p, n, Person{})
		}
	}
	return s.end(), nil
}

// findHost makes somebody with a host's grant the host, where there is none with such a grant, and else a cohost.
func (s *Stage) findHost(p *person) {
	if s.host == "" && slices.Contains(s.cohosts, p.Identity) { // nobody was there to take over
		s.makeHost(p)
	}
	if !p.Admin || s.host == p.Identity {
		return
	}
	former := s.people[s.host]
	if former == nil || !former.Admin { // nobody, or a cohost who stood in
		s.makeHost(p)
		if former != nil {
			s.makeCohost(former)
		}
		return
	}
	if !slices.Contains(s.cohosts, p.Identity) {
		s.makeCohost(p)
	}
}

func (s *Stage) makeHost(p *person) {
	s.cohosts = without(s.cohosts, p.Identity)
	s.settled(p.Identity)
	if n := s.seatOf(p.Identity); n > 0 {
		s.vacate(n, Promoted, Person{})
	}
	s.host = p.Identity
	if p.muted {
		p.muted = false
		s.tell(Happening{What: Unmuted, Person: p.Person})
	}
	s.tell(Happening{What: RoleChanged, Person: p.Person, Role: Host})
}

func (s *Stage) makeCohost(p *person) {
	if len(s.cohosts) >= MaxCohosts {
		return
	}
	s.settled(p.Identity)
	s.cohosts = append(s.cohosts, p.Identity)
	s.tell(Happening{What: RoleChanged, Person: p.Person, Role: Cohost})
}

// Go tells that somebody is not there any more: as a participant only, or at all. Seat, hand and office are theirs for the grace.
func (s *Stage) Go(identity string, participantOnly bool, now time.Time) []Happening {
	p := s.people[identity]
	if p == nil || !p.here {
		return nil
	}
	s.begin(now)
	p.Participant, p.camera, p.microphone = false, false, false
	if n := s.seatOf(identity); n > 0 {
		s.followSeat(p, n)
	}
	if !participantOnly {
		s.leave(p)
	}
	return s.end()
}

// SetElsewhere tells whether somebody is in a room under this one, where the seat is kept for them; who is not any more has the grace to
// come back.
func (s *Stage) SetElsewhere(identity string, elsewhere bool, now time.Time) {
	p := s.people[identity]
	if p == nil || p.elsewhere == elsewhere {
		return
	}
	p.elsewhere = elsewhere
	if !elsewhere && !p.off.IsZero() {
		p.off = now
		s.absences = append(s.absences, absence{identity, now})
	}
}

// leave notes that somebody is not there in any way.
func (s *Stage) leave(p *person) {
	p.here, p.away = false, s.now
	switch {
	case s.gates.waits(p.Identity):
		s.forget(p, Gone)
		return
	case p.Identity == s.host:
		s.tell(Happening{What: Disconnected, Person: p.Person, Role: Host})
	case !s.holds(p.Identity) && !s.gates.locked && !s.gates.waitingRoom: // who was in may come back by a closed door
		delete(s.people, p.Identity)
		return
	}
	s.absences = append(s.absences, absence{p.Identity, s.now})
}

// holds tells whether somebody has anything that must be kept for them.
func (s *Stage) holds(identity string) bool {
	return s.RoleOf(identity) != Audience && len(s.seats) > 0 || s.host == identity || slices.Contains(s.cohosts, identity) ||
		s.asked(identity) >= 0 || s.invitation(identity) >= 0 || s.Muted(identity)
}

// Expel takes everything from somebody at once: whoever is sent away does not keep a seat for coming back.
func (s *Stage) Expel(identity string, now time.Time) []Happening {
	p := s.people[identity]
	if p == nil {
		return nil
	}
	s.begin(now)
	s.forget(p, ByHost)
	return s.end()
}

// SetMedia tells whether somebody's camera and microphone are on.
func (s *Stage) SetMedia(identity string, camera, microphone bool, now time.Time) []Happening {
	p := s.people[identity]
	if p == nil || p.camera == camera && p.microphone == microphone {
		return nil
	}
	s.begin(now)
	p.camera, p.microphone = camera, microphone
	if n := s.seatOf(identity); n > 0 || identity == s.host {
		s.tell(Happening{What: MediaChanged, Person: p.Person, Seat: n})
	}
	return s.end()
}

// forget lets go of somebody and everything that is theirs.
func (s *Stage) forget(p *person, why Reason) {
	if n := s.seatOf(p.Identity); n > 0 {
		s.vacate(n, why, Person{})
	}
	s.lowerFor(p, why, Person{})
	s.uninviteFor(p, why, Person{})
	if s.gates.dismiss(p.Identity) {
		s.tell(Happening{What: TurnedAway, Person: p.Person, Reason: why})
	}
	if slices.Contains(s.cohosts, p.Identity) {
		s.cohosts = without(s.cohosts, p.Identity)
		s.tell(Happening{What: RoleChanged, Person: p.Person, Role: Audience, Reason: why})
	}
	if s.host == p.Identity {
		s.host = ""
		s.tell(Happening{What: RoleChanged, Person: p.Person, Role: Audience, Reason: why})
		s.succeed()
	}
	if !p.here {
		delete(s.people, p.Identity)
	}
}

// succeed makes a cohost the host: one with a host's grant before others, and the longest in office.
func (s *Stage) succeed() {
	for _, wantAdmin := range []bool{true, false} {
		for _, c := range s.cohosts {
			if p := s.people[c]; p.here && (p.Admin || !wantAdmin) {
				s.makeHost(p)
				return
			}
		}
	}
	for _, identity := range slices.Sorted(maps.Keys(s.people)) { // there may be more with the grant than co-hosts
		if p := s.people[identity]; p.here && p.Admin {
			s.makeHost(p)
			return
		}
	}
}

// begin and end enclose a change.
func (s *Stage) begin(now time.Time) { s.now, s.happened = now, nil }

func (s *Stage) tell(h Happening) { s.happened = append(s.happened, h) }

func (s *Stage) end() []Happening {
	h := s.happened
	s.happened = nil
	return h
}

func without(list []string, one string) []string {
	return slices.DeleteFunc(list, func(s string) bool { return s == one })
}
