// Package chat is what people write in a room, for everybody in it: the last messages, how fast they may come, which words are not
// said. It is pure state: time and random identifiers are arguments.
package chat

import (
	"slices"
	"time"
	"unicode/utf8"

	"github.com/tuttilive/tutti/internal/room/pace"
	"github.com/tuttilive/tutti/internal/room/plain"
	"github.com/tuttilive/tutti/internal/room/refuse"
)

// Limits on what is written and kept.
const (
	MaxRunes      = 500
	MaxNonceBytes = 64
	MaxHistory    = 200
	MaxPast       = 5000 // identifiers of messages before the history
	MaxSlow       = time.Hour
	maxRemembered = 2 * MaxHistory // nonces
)

// What a person may write, and what a room may be told, in which danmaku leaves half to what is read beside the picture.
var (
	perPerson = pace.Rate{Burst: 5, Every: time.Second}
	// deterred is how long somebody may have to wait who goes on although they are refused.
	deterred  = 10 * time.Second
	perRoom   = pace.Rate{Burst: 80, Every: time.Second / 40}
	roomBytes = pace.Rate{Burst: 24 << 10, Every: time.Second / (12 << 10)}
)

// Why a message is refused.
var (
	ErrEmpty     = &refuse.Refusal{Code: "malformed", Message: "a message needs text"}
	ErrTooLong   = &refuse.Refusal{Code: "too_large", Message: "a message has at most 500 characters"}
	ErrColor     = &refuse.Refusal{Code: "malformed", Message: "a color is # and six hexadecimal digits"}
	ErrNonce     = &refuse.Refusal{Code: "too_large", Message: "a nonce has at most 64 bytes"}
	ErrTooFast   = &refuse.Refusal{Code: "rate_limited", Message: "too many messages: wait a moment"}
	ErrSlow      = &refuse.Refusal{Code: "slow", Message: "slow mode: wait before the next message"}
	ErrBusy      = &refuse.Refusal{Code: "busy", Message: "too much is written at the moment"}
	ErrNoMessage = &refuse.Refusal{Code: "not_found", Message: "no such message"}
	ErrSlowRange = &refuse.Refusal{Code: "malformed", Message: "slow mode is 0 to 3600 seconds"}
)

// From is who wrote a message, as it was then.
type From struct {
	Identity string `json:"identity"`
	Name     string `json:"name"`
	Role     string `json:"role"`
}

// Message is one line.
type Message struct {
	ID      string    `json:"id"`
	At      time.Time `json:"at"`
	From    From      `json:"from"`
	Text    string    `json:"text"`
	Danmaku bool      `json:"danmaku,omitempty"`
	// Color is "#rrggbb" or empty.
	Color  string `json:"color,omitempty"`
	System bool   `json:"system,omitempty"`
}

// Draft is a message before it is shown.
type Draft struct {
	From    From
	Text    string
	Danmaku bool
	Color   string
	System  bool
	// Nonce, where not empty, names the draft among those of its writer: sent again it is the same message.
	Nonce string
	// Free drafts are bound by neither slow mode nor rates: hosts' and applications'.
	Free bool
}

// Clean makes a draft fit to be shown, or tells why it is not.
func (d Draft) Clean() (Draft, error) {
	d.Text = plain.Line(d.Text)
	switch {
	case d.Text == "":
		return d, ErrEmpty
	case utf8.RuneCountInString(d.Text) > MaxRunes:
		return d, ErrTooLong
	case len(d.Nonce) > MaxNonceBytes:
		return d, ErrNonce
	case d.Color != "" && !isColor(d.Color):
		return d, ErrColor
	}
	return d, nil
}

func isColor(s string) bool {
	if len(s) != 7 || s[0] != '#' {
		return false
	}
	for _, c := range []byte(s[1:]) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') && (c < 'A' || c > 'F') {
			return false
		}
	}
	return true
}

type nonce struct{ identity, nonce string }

// Chat is what is written in one room. The zero value is an empty one. It belongs to one owner.
type Chat struct {
	history []Message // oldest first
	past    past
	slow    time.Duration

	nonces map[nonce]string // message IDs
	order  []nonce

	people pace.People
	last   pace.People // with slow mode as the rate
	room   pace.Bucket
	bytes  pace.Bucket
}

// Sent gives the message that a draft has become already.
func (c *Chat) Sent(d Draft) (id string, ok bool) {
	if d.Nonce == "" {
		return "", false
	}
	id, ok = c.nonces[nonce{d.From.Identity, d.Nonce}]
	return id, ok
}

// Admit takes a clean draft's place in all rates, or tells why it cannot be shown now. Post must follow, unless the draft is given up.
func (c *Chat) Admit(d Draft, now time.Time) error {
	if d.Free {
		return nil
	}
	who, size := d.From.Identity, len(d.Text)+100
	slow := pace.Rate{Burst: 1, Every: c.slow}
	if c.slow > 0 && c.last.Left(who, slow, now) < 1 {
		return ErrSlow.After(c.last.Take(who, slow, 1, now))
	}
	if c.people.Left(who, perPerson, now) < 1 {
		return ErrTooFast.After(c.people.Deter(who, perPerson, deterred, now))
	}
	keep := 0
	if d.Danmaku {
		keep = perRoom.Burst / 2
	}
	if c.room.Left(perRoom, now) <= keep || c.bytes.Wait(roomBytes, size, now) > 0 {
		c.people.Deter(who, perPerson, deterred, now) // who only tries has the room's share of nobody
		return ErrBusy.After(time.Second)
	}
	c.room.Take(perRoom, 1, now)
	c.bytes.Take(roomBytes, size, now)
	c.people.Take(who, perPerson, 1, now)
	if c.slow > 0 {
		c.last.Take(who, slow, 1, now)
	}
	return nil
}

// Defer gives the place in slow mode back of a draft that was admitted and is to be sent again, since nobody could look at it.
func (c *Chat) Defer(d Draft) { c.last.Forgive(d.From.Identity) }

// Post shows a draft as a message with an identifier that nobody can guess.
func (c *Chat) Post(d Draft, id string, now time.Time) Message {
	m := Message{ID: id, At: now, From: d.From, Text: d.Text, Danmaku: d.Danmaku, Color: d.Color, System: d.System}
	if len(c.history) >= MaxHistory {
		c.past.add(c.history[0].ID)
		c.history = slices.Delete(c.history, 0, 1)
	}
	c.history = append(c.history, m)
	if d.Nonce != "" {
		c.remember(nonce{d.From.Identity, d.Nonce}, id)
	}
	return m
}

func (c *Chat) remember(n nonce, id string) {
	if c.nonces == nil {
		c.nonces = map[nonce]string{}
	}
	if len(c.order) >= maxRemembered {
		delete(c.nonces, c.order[0])
		c.order = slices.Delete(c.order, 0, 1)
	}
	c.nonces[n] = id
	c.order = append(c.order, n)
}

// Delete takes a message away, also one that is only remembered as shown: those who were there then may still see it.
func (c *Chat) Delete(id string) error {
	if i := slices.IndexFunc(c.history, func(m Message) bool { return m.ID == id }); i >= 0 {
		c.history = slices.Delete(c.history, i, i+1)
		return nil
	}
	if !c.past.remove(id) {
		return ErrNoMessage
	}
	return nil
}

// Recent gives up to n of the newest messages, oldest first. The slice is the caller's.
func (c *Chat) Recent(n int) []Message {
	return append([]Message{}, c.history[max(len(c.history)-n, 0):]...)
}

// Empty tells that nothing is written.
func (c *Chat) Empty() bool { return len(c.history) == 0 }

// Slow is how long each must wait between messages, 0 where not at all.
func (c *Chat) Slow() time.Duration { return c.slow }

// SetSlow changes it.
func (c *Chat) SetSlow(d time.Duration) error {
	if d < 0 || d > MaxSlow {
		return ErrSlowRange
	}
	c.slow = d
	return nil
}
