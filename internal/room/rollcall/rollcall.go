// Package rollcall finds out who is really there: somebody asks, people answer within a time, and a list says who did when. It
// is pure state with time as an argument.
package rollcall

import (
	"slices"
	"time"

	"github.com/tuttilive/tutti/internal/room"
)

// Why a step is refused.
var (
	ErrOpen       = &room.Refusal{Code: "already", Message: "a roll call is going on"}
	ErrNone       = &room.Refusal{Code: "late", Message: "no roll call is going on"}
	ErrLate       = &room.Refusal{Code: "late", Message: "the roll call is over"}
	ErrBadSeconds = &room.Refusal{Code: "bad_request", Message: "a roll call takes 5 seconds to 10 minutes"}
	ErrFull       = &room.Refusal{Code: "full", Message: "the list is full"}
)

// Limits on a roll call.
const (
	Shortest, Longest = 5 * time.Second, 10 * time.Minute
	MaxPeople         = 5000
)

// Person is somebody on a list. At is when they answered, zero when they did not.
type Person struct {
	Identity string
	Name     string
	At       time.Time
}

// Roll is one roll call. The zero value is none. It belongs to one owner, who serializes calls.
type Roll struct {
	ID          int
	Begun, Ends time.Time
	closed      bool
	people      []Person
	at          map[string]int // where an identity is in people
}

// Begin asks everybody who is present, which are people without a time. One that is open must be closed before; one that is over
// is forgotten.
func (r *Roll) Begin(present []Person, takes time.Duration, now time.Time) error {
	switch {
	case r.Open(now):
		return ErrOpen
	case takes < Shortest || takes > Longest:
		return ErrBadSeconds
	}
	*r = Roll{ID: r.ID + 1, Begun: now, Ends: now.Add(takes), at: map[string]int{}}
	for _, p := range present {
		p.At = time.Time{}
		if r.find(p) < 0 && len(r.people) < MaxPeople {
			r.add(p)
		}
	}
	return nil
}

// Answer notes that somebody is there, and tells whether they had not said so before. Who came after it began may answer as well; who
// answers twice is there since the first time.
func (r *Roll) Answer(p Person, now time.Time) (first bool, err error) {
	switch {
	case r.ID == 0:
		return false, ErrNone
	case !r.Open(now):
		return false, ErrLate
	}
	i := r.find(p)
	if i < 0 {
		if len(r.people) >= MaxPeople {
			return false, ErrFull
		}
		i = r.add(p)
	}
	if first = r.people[i].At.IsZero(); first {
		r.people[i].At = now
	}
	return first, nil
}

// Kept is a roll call in a form that can be stored.
type Kept struct {
	ID          int
	Begun, Ends time.Time
	Closed      bool
	People      []Person
}

// Keep gives the roll call for storing, nil when there was none.
func (r *Roll) Keep() *Kept {
	if r.ID == 0 {
		return nil
	}
	return &Kept{r.ID, r.Begun, r.Ends, r.closed, slices.Clone(r.people)}
}

// Back is a roll call that was kept; nil is none.
func Back(k *Kept) Roll {
	if k == nil {
		return Roll{}
	}
	r := Roll{ID: k.ID, Begun: k.Begun, Ends: k.Ends, closed: k.Closed, at: map[string]int{}}
	for _, p := range k.People[:min(len(k.People), MaxPeople)] {
		if r.find(p) < 0 {
			r.people[r.add(p)].At = p.At
		}
	}
	return r
}

// Close ends it before its time.
func (r *Roll) Close(now time.Time) error {
	if !r.Open(now) {
		return ErrNone
	}
	r.closed, r.Ends = true, now
	return nil
}

// Open tells whether answers are taken.
func (r *Roll) Open(now time.Time) bool { return r.ID > 0 && !r.closed && now.Before(r.Ends) }

// People are all who were asked or answered, in the order in which they did, those who did not at the end.
func (r *Roll) People() []Person {
	people := slices.Clone(r.people)
	slices.SortStableFunc(people, func(a, b Person) int {
		switch {
		case a.At.IsZero() || b.At.IsZero():
			return b2i(a.At.IsZero()) - b2i(b.At.IsZero())
		default:
			return a.At.Compare(b.At)
		}
	})
	return people
}

// Answered is how many did, of how many.
func (r *Roll) Answered() (answered, of int) {
	for _, p := range r.people {
		if !p.At.IsZero() {
			answered++
		}
	}
	return answered, len(r.people)
}

func (r *Roll) find(p Person) int {
	if i, ok := r.at[p.Identity]; ok {
		return i
	}
	return -1
}

func (r *Roll) add(p Person) int {
	r.people = append(r.people, Person{Identity: p.Identity, Name: p.Name})
	r.at[p.Identity] = len(r.people) - 1
	return len(r.people) - 1
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}
