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
	var no *room.Refusal
	switch {
	case err == nil:
		res.Reason = pb.RequestResponse_OK
	case errors.Is(err, room.ErrNotAllowed):
		res.Reason, res.Message = pb.RequestResponse_NOT_ALLOWED, "no permission to change own metadata"
	case errors.As(err, &no):
		res.Reason, res.Message = pb.RequestResponse_NOT_ALLOWED, no.Message
	case errors.Is(err, room.ErrTooLarge):
		res.Reason, res.Message = pb.RequestResponse_LIMIT_EXCEEDED, err.Error()
	default:
		res.Reason, res.Message = pb.RequestResponse_UNCLASSIFIED_ERROR, err.Error()
	}
	if u.GetRequestId() != 0 || err != nil {
		s.answerLater(res)
	}
}

// answerLater has a request answered behind what it has changed, which is in the inbox by now, and when the client waits for the answer.
func (s *session) answerLater(res *pb.RequestResponse) {
	if d := s.client.answerDelay(); d > 0 {
		s.after(d, answerDue{res})
		return
	}
	s.inbox.put(answerDue{res}, 0)
}

// answerDue: a request is to be answered, after what it has changed has been told.
type answerDue struct{ *pb.RequestResponse }

// answerChange answers a change to a client that knows by then what it has come to: clients fill what they leave alone in their next
// request with what they know, so that one who was answered first took its own name back with the metadata that it gave next.
func (s *session) answerChange(a answerDue) {
	s.tellBefore(s.sid)
	s.respond(a.RequestResponse)
}
