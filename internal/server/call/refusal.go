package call

import (
	"errors"
	"log/slog"

	"github.com/coder/websocket"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/room/words"
	"github.com/tuttilive/tutti/internal/studio"
)

// code says what was wrong, for programs.
type code string

const (
	codeMalformed    code = "malformed"
	codeTooLarge     code = "too_large"
	codeRateLimited  code = "rate_limited"
	codeBadName      code = "bad_name"
	codeUnauthorized code = "unauthorized"
	codeForbidden    code = "forbidden"
	codeExpired      code = "expired"
	codeUnknown      code = "unknown"
	codeFull         code = "full"
	codeReplaced     code = "replaced"
	codeNoRoom       code = "no_room"
	codeNotAllowed   code = "not_allowed"
	codeUnavailable  code = "unavailable"
)

// WebSocket close codes: 4000 and the HTTP status that fits.
const (
	closeMalformed    websocket.StatusCode = 4400
	closeUnauthorized websocket.StatusCode = 4401
	closeForbidden    websocket.StatusCode = 4403
	closeUnknown      websocket.StatusCode = 4404
	closeConflict     websocket.StatusCode = 4409
	closeGone         websocket.StatusCode = 4410
	closeRateLimited  websocket.StatusCode = 4429
	closeInternal     websocket.StatusCode = 4500
	closeUnavailable  websocket.StatusCode = 4503
)

// refusal is why something was not done. It is immutable.
type refusal struct {
	code code
	// message is for people.
	message string
	// close ends the connection with this code; 0 lets it go on.
	close websocket.StatusCode
}

func (r *refusal) Error() string { return r.message }

// malformed refuses a message that the protocol does not know in this shape or at this moment.
func malformed(message string) *refusal { return &refusal{code: codeMalformed, message: message} }

// tooLarge refuses one part of a message.
func tooLarge(message string) *refusal { return &refusal{code: codeTooLarge, message: message} }

var (
	errTooManyMalformed = &refusal{codeMalformed, "too many messages that cannot be understood", closeMalformed}
	errMessageTooLarge  = &refusal{codeTooLarge, "a message has at most 64 KiB", websocket.StatusMessageTooBig}
	errTooFast          = &refusal{codeRateLimited, "too many messages", closeRateLimited}
	errTooOften         = &refusal{codeRateLimited, "too many connections from this address: wait a moment", closeRateLimited}
	errOrigin           = &refusal{codeForbidden, "a page of another origin must show a key or a token", closeForbidden}
	errCannotSpeak      = &refusal{codeForbidden, "a call is for those who may publish and subscribe and are not hidden", closeForbidden}
	errRemoved          = &refusal{codeForbidden, "you were removed from the call", closeForbidden}
	errDeleted          = &refusal{codeForbidden, "the room was deleted", closeForbidden}
	errFull             = &refusal{codeFull, "no more people may come in", closeConflict}
	errReplaced         = &refusal{codeReplaced, "the same person came in elsewhere", closeConflict}
	errSessionUnknown   = &refusal{codeUnknown, "no such session: join anew", closeUnknown}
	errSessionExpired   = &refusal{codeExpired, "the session has ended: join anew", closeGone}
	errShutdown         = &refusal{codeUnavailable, "the server is going down: come back", closeUnavailable}
	errNameNotSaid      = &refusal{codeNotAllowed, words.ErrNotSaid.Message, closeForbidden}
	errNotSaid          = &refusal{code: codeNotAllowed, message: words.ErrNotSaid.Message}
	errNoMember         = &refusal{code: codeUnknown, message: "no such member"}
	errNoVisitor        = &refusal{code: codeUnknown, message: "no such visitor"}
	errNoRoom           = &refusal{code: codeNoRoom, message: "the call cannot move into the room"}
)

// refusalOf says in the protocol's terms why the house did not admit somebody. What is not known to be harmless is logged
// and not shown.
func refusalOf(err error, log *slog.Logger) *refusal {
	var r *refusal
	switch {
	case errors.As(err, &r):
		return r
	case errors.Is(err, words.ErrNotSaid):
		return errNameNotSaid
	case errors.Is(err, room.ErrBadName):
		return &refusal{codeBadName, room.ErrBadName.Error(), closeMalformed}
	case errors.Is(err, room.ErrBadIdentity):
		return &refusal{codeMalformed, room.ErrBadIdentity.Error(), closeMalformed}
	case errors.Is(err, auth.ErrExpired):
		return &refusal{codeExpired, "the token has expired", closeUnauthorized}
	case errors.Is(err, auth.ErrMissing):
		return &refusal{codeUnauthorized, auth.ErrMissing.Error(), closeUnauthorized}
	case errors.Is(err, auth.ErrInvalid):
		return &refusal{codeUnauthorized, auth.ErrInvalid.Error(), closeUnauthorized}
	case errors.Is(err, auth.ErrDenied):
		return &refusal{codeForbidden, auth.ErrDenied.Error(), closeForbidden}
	case errors.Is(err, room.ErrFull):
		return errFull
	case errors.Is(err, studio.ErrTooOften):
		return &refusal{codeRateLimited, studio.ErrTooOften.Error(), closeRateLimited}
	case errors.Is(err, studio.ErrShutdown):
		return errShutdown
	}
	var no *room.Refusal
	if errors.As(err, &no) { // of who is banned, or outside a closed door
		return &refusal{codeForbidden, no.Message, closeForbidden}
	}
	log.Error("admitting somebody to a call", "error", err)
	return &refusal{codeUnavailable, "something went wrong on the server", closeInternal}
}
