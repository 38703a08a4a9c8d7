package stage

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tuttilive/tutti/internal/room/plain"
)

// Verb names what somebody wants. Its values are part of the API.
type Verb string

const (
	Raise       Verb = "raise"       // a hand, perhaps for a Seat; where seats may be claimed, it takes one
	Lower       Verb = "lower"       // the own hand
	Accept      Verb = "accept"      // an invitation
	Decline     Verb = "decline"     // an invitation
	StepDown    Verb = "stepDown"    // from the own seat
	Rename      Verb = "rename"      // oneself to Name
	Admit       Verb = "admit"       // who raised a hand, perhaps to a Seat; or who waits before the door
	Refuse      Verb = "refuse"      // who raised a hand; or who waits before the door
	Invite      Verb = "invite"      // perhaps to a Seat
	Uninvite    Verb = "uninvite"    //
	Remove      Verb = "remove"      // from the stage
	Move        Verb = "move"        // to another Seat, changing places with who sits there
	MuteSeat    Verb = "muteSeat"    // takes the microphone away
	UnmuteSeat  Verb = "unmuteSeat"  // gives it back
	LockSeat    Verb = "lockSeat"    // for those who do not sit there
	UnlockSeat  Verb = "unlockSeat"  // also ends a reservation
	ReserveSeat Verb = "reserveSeat" // for an Identity
	Promote     Verb = "promote"     // to co-host
	Demote      Verb = "demote"      // from co-host
	Silence     Verb = "silence"     // in the chat, For seconds
	Unsilence   Verb = "unsilence"   //
	Ban         Verb = "ban"         // from the room, For seconds
	Unban       Verb = "unban"       //
	Lock        Verb = "lock"        // the room: nobody new comes in
	Unlock      Verb = "unlock"      //
	OpenWaiting Verb = "openWaiting" // the waiting room: who comes waits to be let in
	EndWaiting  Verb = "endWaiting"  // and lets in who waits
)

// Action is what somebody wants. Fields that its verb does not name mean nothing.
type Action struct {
	Verb     Verb   `json:"verb"`
	Identity string `json:"identity,omitempty"`
	// Seat counts from 1; 0 is any that is free.
	Seat int    `json:"seat,omitempty"`
	Name string `json:"name,omitempty"`
	Note string `json:"note,omitempty"`
	// For is in seconds, 0 for as long as the room is open.
	For int `json:"for,omitempty"`
}

// Actor is who wants it.
type Actor struct {
	Person
	// Admin may do what hosts may, whatever the stage says: an application, or somebody with a host's grant.
	Admin bool
}

// power is how far somebody's word goes.
type power int

const (
	ofOneself power = iota
	ofCohosts
	ofHosts
)

func (s *Stage) powerOf(by Actor) power {
	switch {
	case by.Admin || by.Identity != "" && s.host == by.Identity:
		return ofHosts
	case slices.Contains(s.cohosts, by.Identity):
		return ofCohosts
	}
	return ofOneself
}

// verbs say who may do what, and how it is done. about is the person that the action names.
var verbs = map[Verb]struct {
	needs power
	do    func(s *Stage, by Actor, a Action) error
}{
	Raise:       {ofOneself, (*Stage).raise},
	Lower:       {ofOneself, (*Stage).lower},
	Accept:      {ofOneself, (*Stage).accept},
	Decline:     {ofOneself, (*Stage).decline},
	StepDown:    {ofOneself, (*Stage).stepDown},
	Rename:      {ofOneself, (*Stage).rename},
	Admit:       {ofCohosts, (*Stage).admit},
	Refuse:      {ofCohosts, (*Stage).refuse},
	Invite:      {ofCohosts, (*Stage).invite},
	Uninvite:    {ofCohosts, (*Stage).uninvite},
	Remove:      {ofCohosts, (*Stage).remove},
	Move:        {ofCohosts, (*Stage).move},
	MuteSeat:    {ofCohosts, (*Stage).mute},
	UnmuteSeat:  {ofCohosts, (*Stage).unmute},
	LockSeat:    {ofCohosts, (*Stage).lockSeat},
	UnlockSeat:  {ofCohosts, (*Stage).unlockSeat},
	ReserveSeat: {ofCohosts, (*Stage).reserveSeat},
	Promote:     {ofHosts, (*Stage).promote},
	Demote:      {ofHosts, (*Stage).demote},
	Silence:     {ofCohosts, (*Stage).silence},
	Unsilence:   {ofCohosts, (*Stage).unsilence},
	Ban:         {ofCohosts, (*Stage).ban},
	Unban:       {ofCohosts, (*Stage).unban},
	Lock:        {ofCohosts, (*Stage).lock},
	Unlock:      {ofCohosts, (*Stage).unlock},
	OpenWaiting: {ofCohosts, (*Stage).openWaiting},
	EndWaiting:  {ofCohosts, (*Stage).endWaiting},
}

// OfOneself tells of what people do for themselves: raising a hand, stepping down.
func (v Verb) OfOneself() bool {
	known, ok := verbs[v]
	return ok && known.needs == ofOneself
}

// Judges tells of what holds against somebody from then on, or does no longer.
func (v Verb) Judges() bool { return v == Silence || v == Unsilence || v == Ban || v == Unban }

// Verbs are all that there are, in alphabetical order.
func Verbs() []Verb {
	all := make([]Verb, 0, len(verbs))
	for v := range verbs {
		all = append(all, v)
	}
	slices.Sort(all)
	return all
}

// Act does what somebody wants, and tells what happened, or refuses it with a *refuse.Refusal and changes nothing.
func (s *Stage) Act(by Actor, a Action, now time.Time) ([]Happening, error) {
	v, ok := verbs[a.Verb]
	switch {
	case !ok:
		return nil, ErrUnknown
	case v.needs > s.powerOf(by):
		return nil, ErrForbidden
	case len(a.Name) > MaxNameBytes || len(a.Note) > MaxNoteBytes:
		return nil, ErrTooLong
	case a.For < 0: // a time that is over already is none for as long as the room is open
		return nil, ErrPast
	}
	if p := s.people[by.Identity]; p != nil {
		by.Person = p.Person
	} else if v.needs == ofOneself {
		return nil, ErrNoPerson
	}
	if v.needs == ofOneself && s.gates.waits(by.Identity) {
		return nil, ErrWaiting
	}
	s.begin(now)
	if err := v.do(s, by, a); err != nil {
		return nil, err
	}
	return s.end(), nil
}

// find is the person that an action is about.
func (s *Stage) find(a Action) (*person, error) {
	if p := s.people[a.Identity]; p != nil {
		return p, nil
	}
	return nil, ErrNoPerson
}

// below is find, for what may not be done to those who have as much to say: cohosts do not judge hosts and one another.
func (s *Stage) below(by Actor, a Action) (*person, error) {
	p, err := s.find(a)
	if err != nil {
		return nil, err
	}
	if s.outranked(by, a.Identity) {
		return nil, ErrForbidden
	}
	return p, nil
}

// outranked tells that somebody's word does not go as far as to judge another.
func (s *Stage) outranked(by Actor, identity string) bool {
	p := s.people[identity]
	switch {
	case by.Identity == identity:
		return identity == s.host // who is the host leaves, and does not throw themselves out
	case identity == s.host, p != nil && p.Admin, slices.Contains(s.cohosts, identity):
		return s.powerOf(by) < ofHosts
	}
	return false
}

// judged is below, for what holds against somebody: nobody judges themselves, since it takes another to end it.
func (s *Stage) judged(by Actor, a Action) (*person, error) {
	if by.Identity == a.Identity && s.people[a.Identity] != nil {
		return nil, ErrForbidden
	}
	return s.below(by, a)
}

// absolves tells whether somebody may end what holds against another: who may judge them, so that no cohost ends what a host has decided of
// cohosts.
func (s *Stage) absolves(by Actor, identity string) bool {
	return s.powerOf(by) == ofHosts || by.Identity != identity && !s.outranked(by, identity)
}

func (s *Stage) rename(by Actor, a Action) error {
	p := s.people[by.Identity]
	if s.Silenced(p.Identity) && !by.Admin {
		return ErrSilenced
	}
	if name := plain.Name(a.Name); name != "" && name != p.Name {
		p.Name = name
		for i := range s.queue {
			if s.queue[i].Identity == p.Identity {
				s.queue[i].Name = name
			}
		}
		for i := range s.invited {
			if s.invited[i].Identity == p.Identity {
				s.invited[i].Name = name
			}
		}
		for i := range s.silenced { // whose name is kept for when they come back
			if s.silenced[i].Identity == p.Identity {
				s.silenced[i].Name = name
			}
		}
		s.tell(Happening{What: Renamed, Person: p.Person})
	}
	return nil
}

func (s *Stage) promote(by Actor, a Action) error {
	p, err := s.find(a)
	switch {
	case err != nil:
		return err
	case s.gates.waits(a.Identity):
		return ErrWaiting
	case s.host == a.Identity || slices.Contains(s.cohosts, a.Identity):
		return ErrOnStage
	case len(s.cohosts) >= MaxCohosts:
		return ErrCohosts
	}
	s.makeCohost(p)
	return nil
}

func (s *Stage) demote(by Actor, a Action) error {
	p := s.people[a.Identity]
	switch {
	case p == nil || !slices.Contains(s.cohosts, a.Identity):
		return ErrNotCohost
	case p.Admin && p.here: // they direct by their grant, whatever they are called
		return ErrForbidden
	}
	s.cohosts = without(s.cohosts, a.Identity)
	s.tell(Happening{What: RoleChanged, Person: p.Person, By: by.Person, Role: s.RoleOf(a.Identity), Reason: ByHost})
	s.dropMute(p)
	return nil
}

// cut shortens text to some bytes, between characters.
func cut(text string, bytes int) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if len(text) <= bytes {
		return text
	}
	for bytes > 0 && !utf8.RuneStart(text[bytes]) {
		bytes--
	}
	return text[:bytes]
}

// until is when something ends that lasts some seconds, zero for never.
func (s *Stage) until(seconds int) time.Time {
	if seconds <= 0 {
		return time.Time{}
	}
	return s.now.Add(min(time.Duration(seconds), Longest/time.Second) * time.Second)
}
