package roomservice

import (
	"errors"

	"github.com/twitchtv/twirp"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/studio"
)

// known translates errors of the house to Twirp's codes, and to LiveKit's sentences where programs look for them.
var known = []struct {
	err     error
	code    twirp.ErrorCode
	message string
}{
	{auth.ErrInvalid, twirp.Unauthenticated, ""},
	{studio.ErrNoRoom, twirp.NotFound, "requested room does not exist"},
	{room.ErrNoParticipant, twirp.NotFound, "participant does not exist"},
	{room.ErrNoPublication, twirp.NotFound, "track is not found"},
	{room.ErrBadName, twirp.InvalidArgument, ""},
	{room.ErrBadIdentity, twirp.InvalidArgument, ""},
	{room.ErrTooLarge, twirp.InvalidArgument, ""},
	{studio.ErrUnmute, twirp.FailedPrecondition, "remote unmute not enabled"},
	{room.ErrNotAllowed, twirp.PermissionDenied, ""},
	{room.ErrFull, twirp.ResourceExhausted, ""},
	{studio.ErrTooOften, twirp.ResourceExhausted, ""},
	{studio.ErrShutdown, twirp.Unavailable, ""},
}

// refusal is how an error is answered. What is not known to be harmless is logged and not shown.
func (s *service) refusal(err error) twirp.Error {
	var already twirp.Error
	if errors.As(err, &already) {
		return already
	}
	for _, k := range known {
		if !errors.Is(err, k.err) {
			continue
		}
		if k.message == "" {
			return k.code.Error(k.err.Error())
		}
		return k.code.Error(k.message)
	}
	var no *room.Refusal
	if errors.As(err, &no) {
		return twirp.PermissionDenied.Error(no.Message)
	}
	s.log.Error("a call of the room service failed", "error", err)
	return twirp.InternalError("internal error")
}
