package audience

import (
	"errors"
	"log/slog"

	"github.com/gobwas/ws"

	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/studio"
	httprefusal "github.com/tuttilive/tutti/internal/studio/refusal"
	"github.com/tuttilive/tutti/internal/studio/talk"
)

// closeCodes are the WebSocket close codes of refusals that end a connection: 4000 and the HTTP status that fits.
var closeCodes = map[string]ws.StatusCode{
	"malformed": 4400, "bad_name": 4400, "bad_request": 4400, "unauthorized": 4401, "expired": 4401, "forbidden": 4403, "banned": 4403, "not_allowed": 4403, "turned_away": 4403, "locked": 4403, "waiting_full": 4403,
	"deleted": 4403, "not_found": 4404, "replaced": 4409, "closed": 4410, "too_large": ws.StatusMessageTooBig, "rate_limited": 4429,
	"internal": 4500, "unavailable": 4503, "too_slow": ws.StatusPolicyViolation,
}

// closeCode is 1000 for what is no refusal.
func closeCode(code string) ws.StatusCode {
	if c, ok := closeCodes[code]; ok {
		return c
	}
	return ws.StatusNormalClosure
}

// maxMalformed requests are borne with.
const maxMalformed = 10

var (
	errFirst    = talk.Malformed("hello comes first, and once")
	errMistakes = talk.Malformed("too many requests that cannot be understood")
	errOrigin   = &room.Refusal{Code: "forbidden", Message: "a page of another origin must show a key or a token"}
	errTooFast  = &room.Refusal{Code: "rate_limited", Message: "too many requests"}
	errTooOften = &room.Refusal{Code: "rate_limited", Message: "too many connections from this address: wait a moment"}
	errFull     = &room.Refusal{Code: "unavailable", Message: "the server has no room for more: come back later"}
	errShutdown = &room.Refusal{Code: "unavailable", Message: "the server is going down: come back"}
)

// refusalOf says in the vocabulary's terms why somebody was not let in. What is not known to be harmless is logged and not shown.
func refusalOf(err error, log *slog.Logger) *room.Refusal {
	var r *room.Refusal
	if errors.As(err, &r) {
		return r
	}
	if errors.Is(err, studio.ErrShutdown) {
		return errShutdown
	}
	e := httprefusal.Of(err)
	if e.Code == "internal" {
		log.Error("admitting somebody to an audience", "error", err)
	}
	return &room.Refusal{Code: e.Code, Message: e.Message}
}
