package talk

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"github.com/tuttilive/tutti/internal/room/chat"
	"github.com/tuttilive/tutti/internal/room/pk"
	"github.com/tuttilive/tutti/internal/room/poll"
	"github.com/tuttilive/tutti/internal/room/stage"
)

// Event is something that people are told: a struct whose fields are the event's.
type Event interface {
	// Kind is the event's type.
	Kind() string
}

// Absolute events tell how something is now, so that the newest one of a key stands for those before it.
type Absolute interface {
	Event
	Key() string
}

// Split events tell hosts and cohosts more than the others.
type Split interface {
	Event
	// ForHosts is what they are told, ForAll what the others are.
	ForHosts() Event
	ForAll() Event
}

// Urgent tells of events that do not wait until more has happened: who is on the stage, and what hosts have decided.
func Urgent(e Event) bool {
	switch e.(type) {
	case Stage, ChatDeleted, Announcement, Slow, Live, Groups, Moved:
		return true
	}
	return false
}

// Encode makes one JSON object of an event.
func Encode(e Event) []byte {
	fields := encode(e)
	kind := encode(e.Kind())
	out := make([]byte, 0, len(fields)+len(kind)+10)
	out = append(append(out, `{"type":`...), kind...)
	if len(fields) > 2 {
		out = append(out, ',')
	}
	return append(out, fields[1:]...)
}

// encode makes JSON of what is made of plain fields. Text of people is not escaped for HTML: it is no markup. Nothing that is told cannot be encoded,
// but should there be such a thing, then the server must not end of it: it is told of as an object without fields.
func encode(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		slog.Error("what should be told cannot be encoded", "kind", fmt.Sprintf("%T", v), "error", err)
		return []byte("{}")
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// Person is somebody by name.
type Person struct {
	Identity string `json:"identity"`
	Name     string `json:"name"`
}

type (
	// Presence is how many watch, and some of those who came. People take part in the room.
	Presence struct {
		Viewers int      `json:"viewers"`
		People  int      `json:"people"`
		Joined  []Person `json:"joined,omitempty"`
	}
	// Chat is a new message.
	Chat struct{ chat.Message }
	// ChatDeleted is a message that is no longer there.
	ChatDeleted struct {
		ID string `json:"id"`
	}
	// Likes are all there were, and those since the last word.
	Likes struct {
		Total int `json:"total"`
		Added int `json:"added"`
	}
	// Gift is what somebody gave.
	Gift struct {
		ID    string  `json:"id"`
		Gift  string  `json:"gift"`
		Count int     `json:"count"`
		Value int     `json:"value,omitempty"`
		From  *Person `json:"from,omitempty"`
		To    string  `json:"to,omitempty"`
		// Total is all there was of this gift.
		Total int `json:"total"`
	}
	// Poll is a poll as it stands.
	Poll struct{ poll.Poll }
	// Announcement is what the hosts want all to read; an empty text takes it away.
	Announcement struct {
		Text string     `json:"text"`
		By   string     `json:"by,omitempty"`
		At   *time.Time `json:"at,omitempty"`
	}
	// Slow is the slow mode in seconds.
	Slow struct {
		Seconds int `json:"seconds"`
	}
	// Meta is the application's own, for the moment of the program at which the wall clock showed At.
	Meta struct {
		At   time.Time       `json:"at"`
		Data json.RawMessage `json:"data"`
	}
	// Live tells whether the room is on the air.
	Live struct {
		On    bool       `json:"on"`
		Since *time.Time `json:"since,omitempty"`
		Title string     `json:"title,omitempty"`
		// Returning tells of a show that was interrupted and may go on.
		Returning bool `json:"returning,omitempty"`
	}
	// Stage is the whole stage.
	Stage struct{ stage.Snapshot }
	// PK is the room's contest with another, or an invitation to one.
	PK struct{ pk.View }
	// PKEnded is a PK without a state: there is none any more.
	PKEnded struct {
		Result pk.Result `json:"result"`
		// EndedBy names the room that ended it before its time.
		EndedBy string `json:"endedBy,omitempty"`
	}
	// Promoted gives somebody who was let up the token to join the room with. Preview is for how many seconds they see themselves
	// before the others do.
	Promoted struct {
		Token   string `json:"token"`
		URL     string `json:"url"`
		Seat    int    `json:"seat,omitempty"`
		Preview int    `json:"preview"`
	}
	// Demoted tells somebody that they are not on the stage any more, and why.
	Demoted struct {
		Reason stage.Reason `json:"reason,omitempty"`
	}
	// Invited asks somebody onto the stage.
	Invited struct {
		By    *Person   `json:"by,omitempty"`
		Seat  int       `json:"seat,omitempty"`
		Until time.Time `json:"until,omitzero"`
	}
	// Uninvited tells that an invitation is over.
	Uninvited struct {
		Reason stage.Reason `json:"reason,omitempty"`
	}
	// Banned comes before the end. Until is zero for as long as the room is open.
	Banned struct {
		Until time.Time `json:"until,omitzero"`
	}
	// Bye comes last.
	Bye struct {
		Reason string `json:"reason"`
	}
)

func (Presence) Kind() string     { return "presence" }
func (Chat) Kind() string         { return "chat" }
func (ChatDeleted) Kind() string  { return "chatDeleted" }
func (Likes) Kind() string        { return "likes" }
func (Gift) Kind() string         { return "gift" }
func (Poll) Kind() string         { return "poll" }
func (Announcement) Kind() string { return "announcement" }
func (Slow) Kind() string         { return "slow" }
func (Meta) Kind() string         { return "meta" }
func (Live) Kind() string         { return "live" }
func (PK) Kind() string           { return "pk" }
func (Bye) Kind() string          { return "bye" }
func (Stage) Kind() string        { return "stage" }
func (PKEnded) Kind() string      { return "pk" }
func (Promoted) Kind() string     { return "promoted" }
func (Demoted) Kind() string      { return "demoted" }
func (Invited) Kind() string      { return "invited" }
func (Uninvited) Kind() string    { return "uninvited" }
func (Banned) Kind() string       { return "banned" }
func (You) Kind() string          { return "you" }

func (Presence) Key() string     { return "presence" }
func (p Poll) Key() string       { return "poll " + p.ID }
func (Announcement) Key() string { return "announcement" }
func (Slow) Key() string         { return "slow" }
func (Live) Key() string         { return "live" }
func (PK) Key() string           { return "pk" }
func (PKEnded) Key() string      { return "pk" }
func (Stage) Key() string        { return "stage" }

// ForHosts implements Split: the event has all that hosts may know; the others are told the public part.
func (s Stage) ForHosts() Event { return s }

// ForAll implements Split.
func (s Stage) ForAll() Event { return Stage{s.Public()} }
