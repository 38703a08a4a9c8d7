package livekit

import (
	"errors"

	pb "github.com/livekit/protocol/livekit"

	"github.com/tuttilive/tutti/internal/room"
)

// updateMetadata changes what the client says of itself. Empty fields are left alone: clients send those that they do not
// want to change as empty or as they are.
func (s *session) updateMetadata(u *pb.UpdateParticipantMetadata) {
	given := func(text string) *string {
		if text == "" {
			return nil
		}
		return &text
	}
	err := s.part.Update(given(u.GetName()), given(u.GetMetadata()), u.GetAttributes())
	res := &pb.RequestResponse{
		RequestId: u.GetRequestId(), Request: &pb.RequestResponse_UpdateMetadata{UpdateMetadata: u},
	}
	switch {
	case err == nil:
		res.Reason = pb.RequestResponse_OK
	case errors.Is(err, room.ErrNotAllowed):
		res.Reason, res.Message = pb.RequestResponse_NOT_ALLOWED, "no permission to change own metadata"
	case errors.Is(err, room.ErrTooLarge):
		res.Reason, res.Message = pb.RequestResponse_LIMIT_EXCEEDED, err.Error()
	default:
		res.Reason, res.Message = pb.RequestResponse_UNCLASSIFIED_ERROR, err.Error()
	}
	if u.GetRequestId() == 0 && err == nil {
		return
	}
	s.respond(res)
}
