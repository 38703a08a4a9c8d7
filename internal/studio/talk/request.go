package talk

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/room/plain"
)

// Limits on a request.
const (
	MaxRequestBytes = 32 << 10
	maxTokenBytes   = 16 << 10
	maxIDBytes      = 512
	maxSecretBytes  = 128
	// maxNumber is the largest that every client's numbers hold.
	maxNumber = 1<<53 - 1
)

// Request is what somebody asks for. Which fields count is said by the type; those of another type are empty.
type Request struct {
	Type string `json:"type"`
	// ID is the client's number of the request, told in the answer. It is nil for none.
	ID *uint64 `json:"id"`

	// Of hello.
	Name  string `json:"name"`
	Key   string `json:"key"`
	Token string `json:"token"`
	Lang  string `json:"lang"`

	// Identity is the client's own secret in hello, else whom a request is about.
	Identity string `json:"identity"`

	Text    string `json:"text"`
	Danmaku bool   `json:"danmaku"`
	Color   string `json:"color"`
	Nonce   string `json:"nonce"`
	// Message is a message's identifier.
	Message string `json:"message"`

	Gift  string `json:"gift"`
	Count int    `json:"count"`
	To    string `json:"to"`

	Question string   `json:"question"`
	Options  []string `json:"options"`
	Multiple bool     `json:"multiple"`
	Poll     string   `json:"poll"`
	Choices  []int    `json:"choices"`

	Seat *int   `json:"seat"`
	Note string `json:"note"`
	Room string `json:"room"`

	// Seconds, For and Duration are in seconds.
	Seconds  int `json:"seconds"`
	For      int `json:"for"`
	Duration int `json:"duration"`

	// Data is the application's own.
	Data json.RawMessage `json:"data"`
	At   string          `json:"at"`

	// Raw is the whole request, for types with fields of their own. It must not be changed or kept.
	Raw []byte `json:"-"`
}

// ErrMalformed refuses what is no request of this protocol, or comes at the wrong moment.
var ErrMalformed = &room.Refusal{Code: "malformed", Message: "not a request of this protocol"}

// Malformed is ErrMalformed with a sentence of its own.
func Malformed(message string) *room.Refusal {
	return &room.Refusal{Code: "malformed", Message: message}
}

var (
	errTooLarge = &room.Refusal{Code: "too_large", Message: fmt.Sprintf("a request has at most %d bytes", MaxRequestBytes)}
	errField    = &room.Refusal{Code: "too_large", Message: "a name, key or identifier is too long"}
)

// Decode reads a request. Unknown fields are passed over; types are not looked at. What comes with an error has the number of the
// request where that could be read.
func Decode(data []byte) (Request, error) { return decode(data, "") }

// DecodeAs reads the fields of a request whose type is known.
func DecodeAs(kind string, data []byte) (Request, error) { return decode(data, kind) }

func decode(data []byte, kind string) (Request, error) {
	var r Request
	switch {
	case len(data) > MaxRequestBytes:
		return r, errTooLarge
	case !utf8.Valid(data):
		return r, Malformed("text is UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(data))
	err := d.Decode(&r)
	if kind != "" {
		r.Type = kind
	}
	var wrong *json.UnmarshalTypeError
	switch {
	case errors.As(err, &wrong) && wrong.Field != "":
		return r, Malformed(fmt.Sprintf("%.40s has the wrong kind of value", wrong.Field))
	case err != nil, r.Type == "", d.InputOffset() != int64(len(bytes.TrimRight(data, " \t\r\n"))):
		return r, ErrMalformed
	}
	if r.ID != nil && *r.ID > maxNumber {
		r.ID = nil
		return r, Malformed("id is a number up to 2^53-1")
	}
	for _, s := range []string{r.Type, r.Message, r.Poll, r.To, r.Room, r.Gift, r.Lang, r.Color, r.At} {
		if len(s) > maxIDBytes {
			return r, errField
		}
	}
	if len(r.Key) > maxIDBytes || len(r.Token) > maxTokenBytes || len(r.Identity) > maxIDBytes {
		return r, errField
	}
	if r.Type == "hello" && len(r.Identity) > maxSecretBytes {
		return r, errField
	}
	r.Name = plain.Name(r.Name)
	r.Raw = data
	return r, nil
}
