package talk

import (
	"encoding/json"
	"errors"
	"math"
	"time"

	"github.com/tuttilive/tutti/internal/room"
)

// Reply is the answer to a request: that it was done, or why not.
type Reply struct {
	// Err is nil when it was done. What is no *room.Refusal must have been translated before.
	Err error
	// Message and Poll name what the request made.
	Message, Poll string
	// At is the server's clock, of an answer to somebody who asks for that.
	At time.Time
	// Data is what else there is to say, a JSON value.
	Data json.RawMessage
}

type replyJSON struct {
	Type string          `json:"type"`
	ID   *uint64         `json:"id,omitempty"`
	Code string          `json:"code,omitempty"`
	Text string          `json:"message,omitempty"`
	Wait int             `json:"wait,omitempty"`
	Poll string          `json:"poll,omitempty"`
	At   time.Time       `json:"at,omitzero"`
	Data json.RawMessage `json:"data,omitempty"`
	Of   string          `json:"of,omitempty"`
}

// Event makes the answer to a request with a number, an element of an array of events.
func (r Reply) Event(of string, id *uint64) []byte {
	if r.Err == nil {
		return encode(replyJSON{Type: "ok", ID: id, Text: r.Message, Poll: r.Poll, At: r.At, Data: r.Data})
	}
	out := replyJSON{Type: "error", ID: id, Code: "unavailable", Text: "something went wrong on the server", Of: of}
	var refused *room.Refusal
	if errors.As(r.Err, &refused) {
		out.Code, out.Text, out.Wait = refused.Code, refused.Message, int(math.Ceil(refused.Wait.Seconds()))
	}
	return encode(out)
}

// Frame makes an array of events that are encoded already.
func Frame(events ...[]byte) []byte {
	size := 2
	for _, e := range events {
		size += len(e) + 1
	}
	out := append(make([]byte, 0, size), '[')
	for i, e := range events {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, e...)
	}
	return append(out, ']')
}
