// Package breakout is how people of a room are sent into groups, each of which is a room of its own, and come back: who belongs to
// which group, who is there, until when. It is pure state: time and chance are arguments.
package breakout

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tuttilive/tutti/internal/room/plain"
	"github.com/tuttilive/tutti/internal/room/refuse"
)

// Limits.
const (
	MaxGroups = 24
	MaxPeople = 1000
	// MaxNameBytes bounds the name of a group.
	MaxNameBytes = 64
	// MaxClosing is how long the end may be told before, Longest how long groups may be planned to last, in seconds.
	MaxClosing = 10 * 60
	Longest    = 24 * 60 * 60
)

// State says how far it is.
type State string

const (
	// Planned groups are known to hosts alone.
	Planned State = "planned"
	Open    State = "open"
	// Closing groups end at Until.
	Closing State = "closing"
)

// Kind says what the groups are for.
type Kind string

const (
	// Groups are all the people of a room, parted; hosts come along.
	Groups Kind = "groups"
	// Side is one room for some who want to be alone: nobody visits them.
	Side Kind = "side"
)

// Why something is refused.
var (
	ErrState    = &refuse.Refusal{Code: "wrong_state", Message: "the groups are not in that state"}
	ErrNone     = &refuse.Refusal{Code: "no_groups", Message: "there are no groups"}
	ErrCount    = &refuse.Refusal{Code: "bad_request", Message: fmt.Sprintf("there are 1 to %d groups", MaxGroups)}
	ErrNoGroup  = &refuse.Refusal{Code: "not_found", Message: "there is no such group"}
	ErrFull     = &refuse.Refusal{Code: "full", Message: fmt.Sprintf("at most %d people are in groups", MaxPeople)}
	ErrSeconds  = &refuse.Refusal{Code: "bad_request", Message: "so long it may not take"}
	ErrNotYours = &refuse.Refusal{Code: "forbidden", Message: "this is the group of others"}
)

// Person is somebody by name.
type Person struct {
	Identity string `json:"identity"`
	Name     string `json:"name"`
}

// Member is somebody who belongs to a group or visits it.
type Member struct {
	Person
	// Here tells that they are in its room at the moment, Visits that they do not belong to it.
	Here   bool `json:"here"`
	Visits bool `json:"visits,omitempty"`
}

// Group is one group.
type Group struct {
	// N counts from 1.
	N      int      `json:"n"`
	Name   string   `json:"name"`
	People []Member `json:"people"`
}

// View is how the groups are. It does not change; without groups its state is "".
type View struct {
	State  State   `json:"state,omitempty"`
	Kind   Kind    `json:"kind,omitempty"`
	Groups []Group `json:"groups,omitempty"`
	// Until is when they end, zero for nobody knows when.
	Until time.Time `json:"until,omitzero"`
	// Late tells that who comes late is put into the smallest group.
	Late bool `json:"late,omitempty"`
	// Unassigned are those who belong to none, for hosts.
	Unassigned []Person `json:"unassigned,omitempty"`
}

// Breakout is the groups of one room. The zero value has none. Its owner serializes calls.
type Breakout struct {
	state  State
	kind   Kind
	names  []string
	rooms  []string
	late   bool
	until  time.Time
	people map[string]belongs // who belongs to a group or is in one, by identity
}

type belongs struct {
	Person
	// to is the group that somebody belongs to, in the one whose room they are in; 0 for none.
	to, in int
}

// Plan makes groups of these names, "" for one without, in rooms of these names, with nobody in them. What was planned before is gone;
// groups that are open stay as they are.
func (b *Breakout) Plan(kind Kind, names, rooms []string, late bool) error {
	switch {
	case b.Running():
		return ErrState
	case len(names) < 1 || len(names) > MaxGroups || len(rooms) != len(names):
		return ErrCount
	}
	*b = Breakout{state: Planned, kind: kind, rooms: slices.Clone(rooms), late: late, people: map[string]belongs{}}
	for _, name := range names {
		name = plain.Line(name)
		if len(name) > MaxNameBytes {
			name = strings.ToValidUTF8(name[:MaxNameBytes], "")
		}
		b.names = append(b.names, name)
	}
	return nil
}

// Running tells that there are groups that people are in.
func (b *Breakout) Running() bool { return b.state == Open || b.state == Closing }

// State is "" for none.
func (b *Breakout) State() State { return b.state }

// Kind says what the groups are for.
func (b *Breakout) Kind() Kind { return b.kind }

// Late tells that who comes late is put into a group.
func (b *Breakout) Late() bool { return b.late && b.Running() }

// Room is the room of a group, "" where there is no such group.
func (b *Breakout) Room(n int) string {
	if n < 1 || n > len(b.rooms) {
		return ""
	}
	return b.rooms[n-1]
}

// Name is the name of a group.
func (b *Breakout) Name(n int) string {
	if n < 1 || n > len(b.names) {
		return ""
	}
	return b.names[n-1]
}

// Rooms are those of all groups, in order.
func (b *Breakout) Rooms() []string { return b.rooms }

// GroupOf is the group that somebody belongs to, and the one in which they are; 0 for none.
func (b *Breakout) GroupOf(identity string) (to, in int) {
	p := b.people[identity]
	return p.to, p.in
}

// Assign has somebody belong to a group, 0 for none.
func (b *Breakout) Assign(who Person, n int) error {
	p, known := b.people[who.Identity]
	switch {
	case b.state == "":
		return ErrNone
	case n < 0 || n > len(b.rooms):
		return ErrNoGroup
	case !known && len(b.people) >= MaxPeople:
		return ErrFull
	}
	if who.Name != "" || !known {
		p.Person = who
	}
	p.to = n
	b.keep(p)
	return nil
}

// keep remembers somebody of whom there is anything to be known.
func (b *Breakout) keep(p belongs) {
	if p.to == 0 && p.in == 0 {
		delete(b.people, p.Identity)
		return
	}
	b.people[p.Identity] = p
}

// Shuffle parts people into groups of equal size by chance: pick gives a number below n. Groups that are open stay as they are.
func (b *Breakout) Shuffle(people []Person, pick func(n int) int) error {
	switch {
	case b.state != Planned:
		return ErrState
	case len(people) > MaxPeople:
		return ErrFull
	}
	order := slices.Clone(people)
	for i := len(order) - 1; i > 0; i-- {
		j := pick(i + 1)
		order[i], order[j] = order[j], order[i]
	}
	clear(b.people)
	for i, who := range order {
		b.people[who.Identity] = belongs{Person: who, to: i%len(b.rooms) + 1}
	}
	return nil
}

// PutLate has somebody who came late belong to the smallest group, where late comers do, and gives it; else 0.
func (b *Breakout) PutLate(who Person) int {
	if p, known := b.people[who.Identity]; !b.Late() || known && p.to > 0 {
		return 0
	}
	sizes := make([]int, len(b.rooms))
	for _, p := range b.people {
		if p.to > 0 {
			sizes[p.to-1]++
		}
	}
	n := slices.Index(sizes, slices.Min(sizes)) + 1
	if b.Assign(who, n) != nil {
		return 0
	}
	return n
}

// Start opens the groups, for some seconds; 0 for as long as somebody wants.
func (b *Breakout) Start(seconds int, now time.Time) error {
	switch {
	case b.state == "":
		return ErrNone
	case b.state != Planned:
		return ErrState
	case seconds < 0 || seconds > Longest:
		return ErrSeconds
	}
	b.state = Open
	if seconds > 0 {
		b.until = now.Add(time.Duration(seconds) * time.Second)
	}
	return nil
}

// Close ends the groups in some seconds; what is only planned is gone at once.
func (b *Breakout) Close(seconds int, now time.Time) error {
	switch {
	case b.state == "":
		return ErrNone
	case seconds < 0 || seconds > MaxClosing:
		return ErrSeconds
	case b.state == Planned:
		*b = Breakout{}
		return nil
	}
	b.state, b.until = Closing, now.Add(time.Duration(seconds)*time.Second)
	return nil
}

// Next is when Expire has something to do, zero for never.
func (b *Breakout) Next() time.Time { return b.until }

// Expire ends groups whose time is over, and tells whether it did.
func (b *Breakout) Expire(now time.Time) bool {
	if b.until.IsZero() || now.Before(b.until) {
		return false
	}
	*b = Breakout{}
	return true
}

// MayJoin tells whether somebody may go into a group: who belongs to it, and who directs the room where the group is not private.
func (b *Breakout) MayJoin(identity string, n int, directs bool) error {
	switch {
	case !b.Running():
		return ErrNone
	case b.Room(n) == "":
		return ErrNoGroup
	case b.people[identity].to != n && (!directs || b.kind == Side):
		return ErrNotYours
	}
	return nil
}

// Look takes in who is in a group's room now, and gives who came and went.
func (b *Breakout) Look(n int, here []Person) (came, went []Person) {
	if b.Room(n) == "" {
		return nil, nil
	}
	now := map[string]bool{}
	for _, who := range here {
		now[who.Identity] = true
		p, known := b.people[who.Identity]
		if p.in == n || !known && len(b.people) >= MaxPeople {
			continue
		}
		if p.in == 0 {
			came = append(came, who)
		}
		p.Person, p.in = who, n
		b.keep(p)
	}
	for _, identity := range slices.Sorted(maps.Keys(b.people)) {
		if p := b.people[identity]; p.in == n && !now[identity] {
			went = append(went, p.Person)
			p.in = 0
			b.keep(p)
		}
	}
	return came, went
}

// View is how the groups are, with those of some people who belong to none.
func (b *Breakout) View(all []Person) View {
	v := View{State: b.state, Kind: b.kind, Until: b.until, Late: b.late}
	if b.state == "" {
		return View{}
	}
	for i, name := range b.names {
		v.Groups = append(v.Groups, Group{N: i + 1, Name: name, People: []Member{}})
	}
	for _, identity := range slices.Sorted(maps.Keys(b.people)) {
		p := b.people[identity]
		if p.to > 0 {
			g := &v.Groups[p.to-1]
			g.People = append(g.People, Member{Person: p.Person, Here: p.in == p.to})
		}
		if p.in > 0 && p.in != p.to {
			g := &v.Groups[p.in-1]
			g.People = append(g.People, Member{Person: p.Person, Here: true, Visits: true})
		}
	}
	for _, who := range all {
		if p := b.people[who.Identity]; p.to == 0 {
			v.Unassigned = append(v.Unassigned, who)
		}
	}
	return v
}

// Public is what everybody may know: not what hosts only plan, nor who belongs to no group.
func (v View) Public() View {
	if v.State == Planned {
		return View{}
	}
	v.Unassigned = nil
	return v
}
