package livekit

import (
	"testing"

	pb "github.com/livekit/protocol/livekit"

	wordlist "github.com/tuttilive/tutti/internal/room/words"
)

func TestAChangeIsToldBeforeItIsAnswered(t *testing.T) {
	for sdk, params := range map[string]string{"js": "protocol=17", "rust": "protocol=17&sdk=rust"} {
		t.Run(sdk, func(t *testing.T) {
			c, _ := newWorld(t, nil).enter(t, "ada", "hall", params)
			c.send(&pb.SignalRequest{Message: &pb.SignalRequest_UpdateMetadata{UpdateMetadata: &pb.UpdateParticipantMetadata{RequestId: 7, Name: "Ada Lovelace"}}})
			told := false
			res := c.until(func(r *pb.SignalResponse) bool {
				for _, p := range r.GetUpdate().GetParticipants() {
					told = told || p.Identity == "ada" && p.Name == "Ada Lovelace"
				}
				return r.GetRequestResponse() != nil
			}).GetRequestResponse()
			if res.Reason != pb.RequestResponse_OK || res.RequestId != 7 || !told {
				t.Errorf("answered with %v; told of the change before: %v", res, told)
			}
		})
	}
}

// TestANameThatIsNotSaidIsRefused, and everything that was to be changed with it.
func TestANameThatIsNotSaidIsRefused(t *testing.T) {
	w := newWorld(t, nil)
	c, _ := w.enter(t, "ada", "hall", "protocol=17")
	c.send(&pb.SignalRequest{Message: &pb.SignalRequest_UpdateMetadata{UpdateMetadata: &pb.UpdateParticipantMetadata{RequestId: 7, Name: "Forbidden", Metadata: "m"}}})
	res := c.until(func(r *pb.SignalResponse) bool { return r.GetRequestResponse() != nil }).GetRequestResponse()
	if res.Reason != pb.RequestResponse_NOT_ALLOWED || res.Message != wordlist.ErrNotSaid.Message || res.RequestId != 7 {
		t.Errorf("answered with %v", res)
	}
	for _, p := range w.studioOf(t, "hall").Participants() {
		if p.Name == "Forbidden" || p.Metadata != "" {
			t.Errorf("%+v", p)
		}
	}
}
