package livekit

import (
	"fmt"
	"testing"
	"time"

	pb "github.com/livekit/protocol/livekit"
	"github.com/pion/webrtc/v4"
	"github.com/pion/webrtc/v4/pkg/media"
)

// TestTracksOfALostConnectionAreNotTakenFromItsClient loses the connection on which somebody publishes, while the WebSocket stays. The client is told
// to start over, and before it nothing of its tracks: clients forget what they are told is unpublished, and publish it no more.
func TestTracksOfALostConnectionAreNotTakenFromItsClient(t *testing.T) {
	for i := range 4 { // which of the two comes first is a race
		t.Run(fmt.Sprint(i), loseTheConnection)
	}
}

func loseTheConnection(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	c, _ := w.enter(t, "alice", "hall", "")
	pc, _ := c.speak()
	c.untilUpdate(func(p *pb.ParticipantInfo) bool { return p.Identity == "alice" && len(p.Tracks) == 1 })
	if err := pc.Close(); err != nil {
		t.Fatal(err)
	}
	for {
		switch m := c.next(); {
		case m.GetTrackUnpublished() != nil:
			t.Errorf("told %v", m)
		case m.GetLeave() != nil:
			if m.GetLeave().Action != pb.LeaveRequest_RECONNECT {
				t.Errorf("told %v", m)
			}
			return
		}
	}
}

// speak publishes a sound on a connection that is closed after the test, and tells the session descriptions of both sides.
func (c *wire) speak() (pc *webrtc.PeerConnection, descriptions []string) {
	t := c.t
	t.Helper()
	pc, err := webrtc.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pc.Close() })
	voice, err := webrtc.NewTrackLocalStaticSample(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2}, "voice", "voice")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pc.AddTrack(voice); err != nil {
		t.Fatal(err)
	}
	offer, err := pc.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := pc.SetLocalDescription(offer); err != nil {
		t.Fatal(err)
	}
	c.send(&pb.SignalRequest{Message: &pb.SignalRequest_AddTrack{AddTrack: &pb.AddTrackRequest{Cid: "voice", Type: pb.TrackType_AUDIO, Source: pb.TrackSource_MICROPHONE}}})
	c.send(&pb.SignalRequest{Message: &pb.SignalRequest_Offer{Offer: &pb.SessionDescription{Type: "offer", Sdp: offer.SDP}}})
	answer := c.until(func(r *pb.SignalResponse) bool { return r.GetAnswer() != nil }).GetAnswer()
	if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer.Sdp}); err != nil {
		t.Fatal(err)
	}
	go func() {
		for t.Context().Err() == nil && voice.WriteSample(media.Sample{Data: []byte{0xf8, 0xff, 0xfe}, Duration: 20 * time.Millisecond}) == nil {
			<-time.After(20 * time.Millisecond)
		}
	}()
	return pc, []string{offer.SDP, answer.Sdp}
}
