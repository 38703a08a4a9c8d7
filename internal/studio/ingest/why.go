package ingest

import (
	"errors"
	"strings"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/mux/flv"
	"github.com/tuttilive/tutti/internal/mux/ts"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/room/intake"
	"github.com/tuttilive/tutti/internal/studio"
)

// ErrBroken tells of an encoder that sends nothing but what cannot be read.
var ErrBroken = errors.New("nothing can be made of what is sent")

const (
	// ToldMalformed is how many messages of a kind in a row that cannot be read are left out before the host is told, MostMalformed before whoever
	// sends them is sent away.
	ToldMalformed = 20
	MostMalformed = 200
)

// codes are stable words for why an encoder is turned away. What is not among them nobody is told of: connections that were lost, what
// the host did itself.
var codes = []struct {
	err  error
	code string
}{
	{auth.ErrMissing, "unauthorized"}, {auth.ErrInvalid, "unauthorized"}, {auth.ErrExpired, "expired"}, {auth.ErrDenied, "forbidden"},
	{studio.ErrKeyOver, "key_over"}, {studio.ErrFrom, "address"}, {studio.ErrTooOften, "rate_limited"}, {room.ErrNotAllowed, "forbidden"},
	{intake.ErrPublished, "busy"}, {ErrReplaced, "replaced"}, {room.ErrFull, "full"},
	{flv.ErrUnsupported, "unsupported"}, {ts.ErrUnsupported, "unsupported"}, {ts.ErrNotTS, "broken"}, {ErrBroken, "broken"},
}

// Why says for the hosts of a room why an encoder was turned away: a stable code and an English sentence. ok is false where nobody needs
// to know.
func Why(err error) (code, reason string, ok bool) {
	var no *room.Refusal
	if errors.As(err, &no) {
		return no.Code, no.Message, true
	}
	for _, c := range codes {
		if errors.Is(err, c.err) {
			return c.code, strings.TrimPrefix(err.Error(), flv.ErrUnsupported.Error()+": "), true
		}
	}
	return "", "", false
}
