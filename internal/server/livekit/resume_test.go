package livekit

import (
	"testing"
	"time"

	pb "github.com/livekit/protocol/livekit"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/room"
)

// speakAs publishes a microphone of the client's without media, and gives its SID.
func (w *world) speakAs(t *testing.T, c *wire, identity string) string {
	t.Helper()
	c.send(&pb.SignalRequest{Message: &pb.SignalRequest_AddTrack{AddTrack: &pb.AddTrackRequest{
		Cid: "mic", Type: pb.TrackType_AUDIO, Source: pb.TrackSource_MICROPHONE}}})
	sid := c.until(func(r *pb.SignalResponse) bool { return r.GetTrackPublished() != nil }).GetTrackPublished().Track.Sid
	pub := room.Publication{SID: sid, CID: "mic", Kind: media.Audio, Codec: media.Opus, Source: room.Microphone}
	if _, err := w.server.find(place{"hall", identity}).part.PublishFrames(pub); err != nil {
		t.Fatal(err)
	}
	c.untilUpdate(func(p *pb.ParticipantInfo) bool { return p.Identity == identity && len(p.Tracks) == 1 })
	return sid
}

// goAway breaks the client's connection and waits until the server has seen it.
func (w *world) goAway(t *testing.T, c *wire) {
	t.Helper()
	c.ws.CloseNow()
	for deadline := time.Now().Add(patience); w.server.counts.away.Load() == 0; <-time.After(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the server has not seen that the client is away")
		}
	}
}

// comeBack resumes and gives what the client is told, up to the answer to its first ping.
func (w *world) comeBack(t *testing.T, identity, sid string) (c *wire, told []*pb.SignalResponse) {
	t.Helper()
	c, _, err := w.dial(t, token(t, identity, "hall", nil), "protocol=17&reconnect=1&sid="+sid)
	if err != nil {
		t.Fatal(err)
	}
	c.send(&pb.SignalRequest{Message: &pb.SignalRequest_PingReq{PingReq: &pb.Ping{}}})
	c.until(func(r *pb.SignalResponse) bool {
		told = append(told, r)
		return r.GetPongResp() != nil
	})
	return c, told
}

// TestAMuteThatTheClientDidNotHearOf: livekit-client takes an update of itself that it does not agree with for an error, and corrects the server.
// So it must have been told of a mute before that.
func TestAMuteThatTheClientDidNotHearOf(t *testing.T) {
	for name, tt := range map[string]struct {
		away, confirmed, muted bool
	}{
		"muted while it was away":            {away: true, muted: true},
		"muted while nobody knew":            {muted: true}, // the word went to a connection that was dead already
		"muted before, and it followed":      {confirmed: true, muted: true},
		"nothing happened while it was away": {away: true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil)
			alice, join := w.enter(t, "alice", "hall", "")
			sid := w.speakAs(t, alice, "alice")
			if tt.away {
				w.goAway(t, alice)
			}
			if tt.muted {
				if err := w.studioOf(t, "hall").Mute("alice", sid, true); err != nil {
					t.Fatal(err)
				}
			}
			if tt.confirmed {
				alice.until(func(r *pb.SignalResponse) bool { return r.GetMute().GetMuted() })
				alice.send(&pb.SignalRequest{Message: &pb.SignalRequest_Mute{Mute: &pb.MuteTrackRequest{Sid: sid, Muted: true}}})
				alice.send(&pb.SignalRequest{Message: &pb.SignalRequest_PingReq{PingReq: &pb.Ping{}}})
				alice.until(func(r *pb.SignalResponse) bool { return r.GetPongResp() != nil })
			}
			_, told := w.comeBack(t, "alice", join.Participant.Sid)
			mutes, seen := 0, false
			for _, r := range told {
				if m := r.GetMute(); m != nil {
					if mutes++; m.Sid != sid || !m.Muted {
						t.Errorf("told %v", m)
					}
				}
				for _, p := range r.GetUpdate().GetParticipants() {
					if p.Identity != "alice" {
						continue
					}
					seen = true
					if p.Tracks[0].Muted != tt.muted {
						t.Errorf("told of itself: %v", p)
					}
					if mutes == 0 && tt.muted && !tt.confirmed {
						t.Error("told what it is before it was told to become that")
					}
				}
			}
			if !seen {
				t.Error("not told of itself")
			}
			if tt.muted == tt.confirmed && mutes > 0 {
				t.Error("told what it knows")
			}
		})
	}
}
