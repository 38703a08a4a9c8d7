// Package pk is the contest of two rooms: one invites the other, both hosts are seen in both, their viewers' gifts and likes are
// counted against each other until the time is over. It is pure state: time is an argument.
package pk

import (
	"errors"
	"fmt"
	"time"
)

// How long things last.
const (
	Invitation = 30 * time.Second
	// Aftermath is how long the two stay together after the time is over.
	Aftermath = time.Minute
	Shortest  = 30 * time.Second
	Longest   = time.Hour
	Usual     = 5 * time.Minute
)

// MaxScore is where a score stops.
const MaxScore = 1 << 52 // exact in JavaScript

// State says how far a contest is, as one of its rooms sees it.
type State string

const (
	// Inviting and Invited are the two sides of an invitation.
	Inviting State = "inviting"
	Invited  State = "invited"
	Running  State = "running"
	// Over is after the time: the result stands and the two are still together.
	Over State = "over"
	// Ended is the end: they part.
	Ended State = "ended"
)

// Result is how a contest went for one room.
type Result string

const (
	Won  Result = "won"
	Lost Result = "lost"
	Draw Result = "draw"
	// Called off contests have no winner: declined, not answered, or ended before the time.
	CalledOff Result = "called_off"
)

// Errors of a contest.
var (
	ErrSelf     = errors.New("a room cannot contend with itself")
	ErrDuration = fmt.Errorf("a contest lasts %v to %v", Shortest, Longest)
	ErrState    = errors.New("the contest is not in that state")
)

// Contest is between two rooms, the one that invited and the one that was. Its owner serializes calls.
type Contest struct {
	rooms    [2]string
	state    State // of the first; Inviting, Running, Over or Ended
	duration time.Duration
	until    time.Time
	started  time.Time
	scores   [2]int64
	decided  bool
	// endedBy is the room that ended it before the time, "" for none.
	endedBy string
}

// Invite begins a contest with an invitation; a duration of 0 is the usual one.
func Invite(from, to string, d time.Duration, now time.Time) (*Contest, error) {
	if d == 0 {
		d = Usual
	}
	switch {
	case from == to:
		return nil, ErrSelf
	case d < Shortest || d > Longest:
		return nil, ErrDuration
	}
	return &Contest{rooms: [2]string{from, to}, state: Inviting, duration: d, until: now.Add(Invitation)}, nil
}

// Rooms are the one that invited and the one that was.
func (c *Contest) Rooms() (inviting, invited string) { return c.rooms[0], c.rooms[1] }

// Together tells whether the two hosts are seen in both rooms.
func (c *Contest) Together() bool { return c.state == Running || c.state == Over }

// Done tells that nothing can happen any more.
func (c *Contest) Done() bool { return c.state == Ended }

// Next is when Expire has something to do.
func (c *Contest) Next() time.Time { return c.until }

// Accept begins the contest; only the room that was invited can.
func (c *Contest) Accept(room string, now time.Time) error {
	if c.state != Inviting || room != c.rooms[1] || !now.Before(c.until) {
		return ErrState
	}
	c.state, c.started, c.until = Running, now, now.Add(c.duration)
	return nil
}

// Score adds to a room's points while the contest runs, and tells whether it did.
func (c *Contest) Score(room string, points int64, now time.Time) bool {
	i := c.side(room)
	if i < 0 || c.state != Running || points <= 0 || !now.Before(c.until) {
		return false
	}
	c.scores[i] = min(c.scores[i]+min(points, MaxScore), MaxScore)
	return true
}

// End ends whatever there is: an invitation is withdrawn or declined, a contest called off, the time after it cut short.
func (c *Contest) End(room string) error {
	if c.side(room) < 0 || c.state == Ended {
		return ErrState
	}
	if c.state != Over {
		c.endedBy = room
	}
	c.state = Ended
	return nil
}

// Expire does what is due, and tells whether anything was.
func (c *Contest) Expire(now time.Time) bool {
	if now.Before(c.until) {
		return false
	}
	switch c.state {
	case Inviting:
		c.state = Ended
	case Running:
		c.state, c.decided, c.until = Over, true, c.until.Add(Aftermath)
	case Over:
		c.state = Ended
	default:
		return false
	}
	return true
}

func (c *Contest) side(room string) int {
	switch room {
	case c.rooms[0]:
		return 0
	case c.rooms[1]:
		return 1
	}
	return -1
}

// Opponent names the other room.
func (c *Contest) Opponent(room string) string {
	if room == c.rooms[0] {
		return c.rooms[1]
	}
	return c.rooms[0]
}

// Scores are the points of one side and the other.
type Scores struct {
	Us   int64 `json:"us"`
	Them int64 `json:"them"`
}

// Opponent is the other side as people see it.
type Opponent struct {
	Room  string `json:"room"`
	Title string `json:"title"`
	// Host is the other host's name.
	Host string `json:"host"`
	// Recorded tells that the other show is recorded, and so whoever is seen in it.
	Recorded bool `json:"recorded,omitempty"`
}

// View is a contest as one of its rooms sees it. It does not change.
type View struct {
	State State    `json:"state"`
	With  Opponent `json:"with"`
	// Duration is in seconds. Until is when the present state ends.
	Duration int       `json:"duration"`
	Until    time.Time `json:"until"`
	// Started is zero for an invitation.
	Started time.Time `json:"started,omitzero"`
	Scores  Scores    `json:"scores"`
	// Result is there from the end of the time on.
	Result Result `json:"result,omitempty"`
	// EndedBy names the room that ended it before the time.
	EndedBy string `json:"endedBy,omitempty"`
}

// BrokenOff is how the contest ends for a room that ends, or whose server does: by names the room, "" for the server.
func (v View) BrokenOff(by string) View {
	if v.State != Over {
		v.Result, v.EndedBy = CalledOff, by
	}
	v.State = Ended
	return v
}

// ViewOf is the contest as a room sees it, but for what is known of the other beside its name.
func (c *Contest) ViewOf(room string) View {
	i := c.side(room)
	if i < 0 {
		return View{State: Ended}
	}
	v := View{
		State: c.state, With: Opponent{Room: c.rooms[1-i]}, Duration: int(c.duration / time.Second), Until: c.until, Started: c.started,
		Scores: Scores{c.scores[i], c.scores[1-i]}, EndedBy: c.endedBy,
	}
	if v.State == Inviting && i == 1 {
		v.State = Invited
	}
	switch {
	case c.decided && v.Scores.Us > v.Scores.Them:
		v.Result = Won
	case c.decided && v.Scores.Us < v.Scores.Them:
		v.Result = Lost
	case c.decided:
		v.Result = Draw
	case c.state == Ended:
		v.Result = CalledOff
	}
	return v
}
