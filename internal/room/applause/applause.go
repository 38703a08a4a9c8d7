// Package applause counts what a room's audience gives: likes and gifts. It is pure state: time is an argument.
package applause

import (
	"fmt"
	"maps"
	"time"

	"github.com/tuttilive/tutti/internal/room/pace"
	"github.com/tuttilive/tutti/internal/room/plain"
	"github.com/tuttilive/tutti/internal/room/refuse"
)

// Limits on what is given.
const (
	MaxGiftBytes = 64
	MaxCount     = 10_000
	MaxValue     = 1_000_000_000
	// MaxKinds bounds different gifts, and different people who were given some, whose totals are kept.
	MaxKinds = 200
	// MaxFreeKinds are as many of them as may be there before what somebody gives for nothing is no new one: the rest is left to the application.
	MaxFreeKinds = MaxKinds / 2
	// MaxTotal is where a total stops: exact in JavaScript.
	MaxTotal = 1 << 52
)

var (
	// likesPerPerson is faster than anybody taps for long.
	likesPerPerson = pace.Rate{Burst: 60, Every: time.Second / 20}
	giftsPerPerson = pace.Rate{Burst: 10, Every: time.Second / 2}
)

// Why a gift is refused.
var (
	ErrGift    = &refuse.Refusal{Code: "malformed", Message: fmt.Sprintf("a gift has a name of 1 to %d bytes, a count of 1 to %d and a value of 0 to %d", MaxGiftBytes, MaxCount, MaxValue)}
	ErrTooFast = &refuse.Refusal{Code: "rate_limited", Message: "too many gifts: wait a moment"}
	ErrKinds   = &refuse.Refusal{Code: "full", Message: "too many different gifts in this room"}
)

// Gift is what somebody gives.
type Gift struct {
	// Name is the application's own name of it.
	Name  string
	Count int
	// Value is what one is worth, in points of the application's choice.
	Value int
	// To is the identity of whom it is for, empty for the room.
	To string
}

// Total is what was given of a kind, or to somebody.
type Total struct {
	Count int `json:"count"`
	Value int `json:"value"`
}

// Applause is that of one room. The zero value has none. It belongs to one owner.
type Applause struct {
	likes  int
	gifts  map[string]Total
	to     map[string]Total
	likers pace.People
	givers pace.People
}

// Like counts somebody's likes, as many of them as one person can give, and tells how many those are.
func (a *Applause) Like(who string, n int, now time.Time) (added int) {
	n = min(n, a.likers.Left(who, likesPerPerson, now))
	if n <= 0 {
		return 0
	}
	a.likers.Take(who, likesPerPerson, n, now)
	a.likes += n
	return n
}

// Likes is how many there were.
func (a *Applause) Likes() int { return a.likes }

// Give counts a gift. who is who gives it; an application, which has taken money for it, gives as often as it likes and has no name.
func (a *Applause) Give(who string, g Gift, now time.Time) error {
	if g.Name == "" || len(g.Name) > MaxGiftBytes || plain.Line(g.Name) != g.Name || g.Count < 1 || g.Count > MaxCount || g.Value < 0 || g.Value > MaxValue {
		return ErrGift
	}
	kinds := MaxKinds
	if who != "" {
		kinds = MaxFreeKinds
	}
	if _, known := a.gifts[g.Name]; !known && len(a.gifts) >= kinds {
		return ErrKinds
	}
	if who != "" {
		if wait := a.givers.Take(who, giftsPerPerson, 1, now); wait > 0 {
			return ErrTooFast.After(wait)
		}
	}
	if a.gifts == nil {
		a.gifts, a.to = map[string]Total{}, map[string]Total{}
	}
	add(a.gifts, g.Name, g)
	if g.To != "" {
		if _, known := a.to[g.To]; known || len(a.to) < kinds {
			add(a.to, g.To, g)
		}
	}
	return nil
}

func add(totals map[string]Total, key string, g Gift) {
	t := totals[key]
	totals[key] = Total{min(t.Count+g.Count, MaxTotal), min(t.Value+g.Count*g.Value, MaxTotal)}
}

// Given is how many there were of a gift.
func (a *Applause) Given(gift string) int { return a.gifts[gift].Count }

// Gifts are how many there were of each.
func (a *Applause) Gifts() map[string]int {
	counts := make(map[string]int, len(a.gifts))
	for name, t := range a.gifts {
		counts[name] = t.Count
	}
	return counts
}

// To is what was given to each person. The map is the caller's.
func (a *Applause) To() map[string]Total {
	to := make(map[string]Total, len(a.to))
	maps.Copy(to, a.to)
	return to
}
