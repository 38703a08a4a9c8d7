package livekit

import (
	"errors"
	"testing"

	pb "github.com/livekit/protocol/livekit"
	lksdk "github.com/livekit/server-sdk-go/v2"
	"github.com/pion/webrtc/v4"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/room/stage"
	"github.com/tuttilive/tutti/internal/studio"
)

// newShow opens a world with the room "hall" of the scene for shows.
func newShow(t *testing.T, scene string) *world {
	t.Helper()
	w := newWorld(t, nil)
	if err := w.house.Policies().Create("hall", room.Policy{Access: room.AccessLink, Scene: scene}); err != nil {
		t.Fatal(err)
	}
	return w
}

func asAdmin(c *auth.Claims) { c.Video.RoomAdmin = true }

func (w *world) act(t *testing.T, by string, a stage.Action) {
	t.Helper()
	if err := w.studioOf(t, "hall").StageAct(studio.Actor{Identity: by}, a); err != nil {
		t.Fatalf("%s: %+v: %v", by, a, err)
	}
}

// TestSDKUpAndDownWithATokenIssuedBefore: the token is that of any participant, and the stage alone says when it is good for what.
func TestSDKUpAndDownWithATokenIssuedBefore(t *testing.T) {
	t.Parallel()
	sdkReceives(t)
	w := newShow(t, "show")
	host := w.visit(t, "host", "hall", asAdmin)
	host.publishVoice()
	ann := w.visit(t, "ann", "hall", nil)
	ann.expect("subscribed voice")
	if _, err := ann.LocalParticipant.PublishTrack(h264Track(t), &lksdk.TrackPublicationOptions{Name: "early", Source: pb.TrackSource_CAMERA}); err == nil {
		t.Error("somebody in the audience has published")
	}
	w.act(t, "ann", stage.Action{Verb: stage.Raise})
	w.act(t, "host", stage.Action{Verb: stage.Admit, Identity: "ann"})
	ann.publishPicture()
	host.expect("subscribed picture")
	host.receives("picture", webrtc.MimeTypeH264)
	w.act(t, "ann", stage.Action{Verb: stage.StepDown})
	host.expect("unpublished picture")
	ann.receives("voice", webrtc.MimeTypeOpus)
}

func h264Track(t *testing.T) webrtc.TrackLocal {
	t.Helper()
	track, err := lksdk.NewLocalTrack(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeH264, ClockRate: 90000})
	if err != nil {
		t.Fatal(err)
	}
	return track
}

// TestTheRoleIsToldAtOnce: permission, attributes and a fresh token, on the wire. The token is for what she was given, whatever her role makes of it.
func TestTheRoleIsToldAtOnce(t *testing.T) {
	t.Parallel()
	w := newShow(t, "show")
	w.visit(t, "host", "hall", asAdmin)
	c, join := w.enter(t, "ann", "hall", "")
	if p := join.Participant; p.Permission.CanPublish || p.Attributes["tutti.role"] != "audience" {
		t.Errorf("joined as %v", p)
	}
	follows := func(publish bool, role, seat string) {
		t.Helper()
		told, fresh := false, false
		c.until(func(r *pb.SignalResponse) bool {
			for _, p := range r.GetUpdate().GetParticipants() {
				told = told || p.Identity == "ann" && p.Permission.CanPublish == publish && p.Attributes["tutti.role"] == role && p.Attributes["tutti.seat"] == seat
			}
			if token := r.GetRefreshToken(); token != "" {
				claims, err := testKeys.Verify(token)
				if err != nil {
					t.Fatal(err)
				}
				if fresh = true; !*claims.Video.CanPublish || claims.Attributes["tutti.role"] != "" {
					t.Errorf("as %s she gets a token for %+v", role, claims)
				}
			}
			return told && fresh
		})
	}
	w.act(t, "host", stage.Action{Verb: stage.Invite, Identity: "ann", Seat: 3})
	w.act(t, "ann", stage.Action{Verb: stage.Accept})
	follows(true, "speaker", "3")
	w.act(t, "host", stage.Action{Verb: stage.Remove, Identity: "ann"})
	follows(false, "audience", "")
	c.send(&pb.SignalRequest{Message: &pb.SignalRequest_AddTrack{AddTrack: &pb.AddTrackRequest{Cid: "c", Type: pb.TrackType_AUDIO, Source: pb.TrackSource_MICROPHONE}}})
	if got := c.until(func(r *pb.SignalResponse) bool { return r.GetRequestResponse() != nil }).GetRequestResponse(); got.Reason != pb.RequestResponse_NOT_ALLOWED {
		t.Errorf("publishing all the same: %v", got)
	}
}

// TestWhoIsBannedIsSentAwayAndRefused also looks at the answer that a browser asks for when its WebSocket was refused.
func TestWhoIsBannedIsSentAwayAndRefused(t *testing.T) {
	t.Parallel()
	w := newShow(t, "class")
	w.visit(t, "host", "hall", asAdmin)
	c, _ := w.enter(t, "ann", "hall", "")
	w.act(t, "host", stage.Action{Verb: stage.Ban, Identity: "ann"})
	if got := c.untilLeave().Reason; got != pb.DisconnectReason_PARTICIPANT_REMOVED {
		t.Errorf("told %v", got)
	}
	_, res, err := w.dial(t, token(t, "ann", "hall", nil), "")
	if err == nil || res == nil || res.StatusCode != 403 {
		t.Errorf("coming back: %v, %v", res, err)
	}
	if err := w.studioOf(t, "hall").MayEnter(room.Join{Identity: "ann"}); !errors.Is(err, stage.ErrBanned) {
		t.Errorf("validated: %v", err)
	}
}

// TestSDKComingBackKeepsTheSeat: a client that joins anew publishes at once.
func TestSDKComingBackKeepsTheSeat(t *testing.T) {
	t.Parallel()
	sdkReceives(t)
	w := newShow(t, "show")
	host := w.visit(t, "host", "hall", asAdmin)
	ann := w.visit(t, "ann", "hall", nil)
	w.act(t, "ann", stage.Action{Verb: stage.Raise})
	w.act(t, "host", stage.Action{Verb: stage.Admit, Identity: "ann"})
	ann.Disconnect()
	host.expect("left ann")
	if st := w.studioOf(t, "hall").Standing("ann"); st.Seat != 1 {
		t.Fatalf("cut off: %+v", st)
	}
	ann = w.visit(t, "ann", "hall", nil)
	ann.publishPicture()
	host.expect("subscribed picture")
}

// TestSDKBothHostsAreSeenInBothRooms of a contest, by those who take part; the picture is the very same track.
func TestSDKBothHostsAreSeenInBothRooms(t *testing.T) {
	t.Parallel()
	sdkReceives(t)
	w := newWorld(t, nil)
	hosts := map[string]*guest{}
	for _, name := range []string{"red", "blue"} {
		if err := w.house.Policies().Create(name, room.Policy{Access: room.AccessLink, Scene: "show"}); err != nil {
			t.Fatal(err)
		}
		hosts[name] = w.visit(t, name+"-host", name, asAdmin)
		if err := w.studioOf(t, name).GoLive(name+"-host", name); err != nil {
			t.Fatal(err)
		}
	}
	hosts["red"].publishPicture()
	viewer := w.visit(t, "viewer", "blue", nil)
	if err := errors.Join(w.house.InvitePK("blue", "red", 0), w.house.AcceptPK("red")); err != nil {
		t.Fatal(err)
	}
	for _, g := range []*guest{viewer, hosts["blue"]} {
		g.expect("joined pk:red")
		g.expect("subscribed picture")
		g.receives("picture", webrtc.MimeTypeH264)
	}
	hosts["red"].publishVoice() // later than the start
	viewer.expect("subscribed voice")
	viewer.receives("voice", webrtc.MimeTypeOpus)
	hosts["blue"].publishVoice()
	hosts["red"].expect("subscribed voice")
	if err := w.house.EndPK("red"); err != nil {
		t.Fatal(err)
	}
	viewer.expect("left pk:red")
	viewer.ends("picture")
}
