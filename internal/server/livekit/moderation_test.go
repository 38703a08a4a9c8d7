package livekit

import (
	"testing"

	pb "github.com/livekit/protocol/livekit"
	lksdk "github.com/livekit/server-sdk-go/v2"
	"github.com/pion/webrtc/v4"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/studio"
)

// studioOf finds a running room.
func (w *world) studioOf(t *testing.T, name string) *studio.Studio {
	t.Helper()
	s, err := w.house.Studio(name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// allow changes what somebody may do.
func (w *world) allow(t *testing.T, identity string, p room.Permission) {
	t.Helper()
	if err := w.studioOf(t, "hall").SetPermission(identity, p); err != nil {
		t.Fatal(err)
	}
}

func TestSDKPermissionsChangeLive(t *testing.T) {
	t.Parallel()
	mediaBothWays(t, func(t *testing.T, w *world, opts ...lksdk.ConnectOption) {
		alice := w.visit(t, "alice", "hall", nil, opts...)
		bob := w.visit(t, "bob", "hall", nil, opts...)
		alice.publishVoice()
		alice.publishPicture()
		bob.expect("subscribed voice")
		bob.expect("subscribed picture")

		w.allow(t, "alice", room.Permission{Publish: true, Subscribe: true, Sources: []room.Source{room.Microphone}})
		bob.expect("unpublished picture")
		bob.receives("voice", webrtc.MimeTypeOpus)
		w.allow(t, "bob", room.Permission{})
		bob.ends("voice")
		w.allow(t, "bob", room.Permission{Subscribe: true})
		bob.expect("subscribed voice")
		bob.receives("voice", webrtc.MimeTypeOpus)
	})
}

func TestSDKHidden(t *testing.T) {
	t.Parallel()
	mediaBothWays(t, func(t *testing.T, w *world, opts ...lksdk.ConnectOption) {
		alice := w.visit(t, "alice", "hall", nil, opts...)
		alice.publishVoice()
		ghost := w.visit(t, "ghost", "hall", func(c *auth.Claims) { c.Video.Hidden = true }, opts...)
		ghost.expect("subscribed voice")
		ghost.receives("voice", webrtc.MimeTypeOpus)
		if i := w.studioOf(t, "hall").Info(); i.Participants != 1 {
			t.Errorf("%d are shown", i.Participants)
		}

		w.allow(t, "ghost", room.Permission{Publish: true, Subscribe: true})
		alice.expect("joined ghost")
		ghost.publishPicture()
		alice.expect("subscribed picture")
		w.allow(t, "ghost", room.Permission{Publish: true, Subscribe: true, Hidden: true})
		alice.expect("left ghost")
		ghost.receives("voice", webrtc.MimeTypeOpus)
		w.allow(t, "ghost", room.Permission{Publish: true, Subscribe: true})
		alice.expect("joined ghost")
		alice.expect("subscribed picture")
		alice.receives("picture", webrtc.MimeTypeH264)
	})
}

func TestSDKTheServerSubscribes(t *testing.T) {
	t.Parallel()
	mediaBothWays(t, func(t *testing.T, w *world, opts ...lksdk.ConnectOption) {
		alice := w.visit(t, "alice", "hall", nil, opts...)
		bob := w.visit(t, "bob", "hall", nil, append(opts, lksdk.WithAutoSubscribe(false))...)
		carol := w.visit(t, "carol", "hall", nil, opts...)
		voice := alice.publishVoice()
		bob.expect("published voice")
		carol.expect("subscribed voice")
		set := func(identity string, subscribed bool) {
			t.Helper()
			if err := w.studioOf(t, "hall").SetSubscribed(identity, []string{voice.SID()}, subscribed); err != nil {
				t.Fatal(err)
			}
		}
		set("bob", true)
		bob.expect("subscribed voice")
		bob.receives("voice", webrtc.MimeTypeOpus)
		set("carol", false)
		carol.ends("voice")
		bob.receives("voice", webrtc.MimeTypeOpus)
		set("bob", false)
		bob.ends("voice")
	})
}

func TestSDKPublishersChooseTheirSubscribers(t *testing.T) {
	t.Parallel()
	mediaBothWays(t, func(t *testing.T, w *world, opts ...lksdk.ConnectOption) {
		alice := w.visit(t, "alice", "hall", nil, opts...)
		bob := w.visit(t, "bob", "hall", nil, opts...)
		carol := w.visit(t, "carol", "hall", nil, opts...)
		voice, picture := alice.publishVoice(), alice.publishPicture()
		for _, g := range []*guest{bob, carol} {
			g.expect("subscribed voice")
			g.expect("subscribed picture")
		}
		alice.LocalParticipant.SetSubscriptionPermission(&pb.SubscriptionPermission{TrackPermissions: []*pb.TrackPermission{
			{ParticipantIdentity: "bob", TrackSids: []string{voice.SID()}},
			{ParticipantSid: carol.LocalParticipant.SID(), AllTracks: true},
		}})
		bob.ends("picture")
		bob.receives("voice", webrtc.MimeTypeOpus)
		carol.receives("picture", webrtc.MimeTypeH264)
		// Not even the server makes a publisher show what it does not want to.
		if err := w.studioOf(t, "hall").SetSubscribed("bob", []string{picture.SID()}, true); err != nil {
			t.Fatal(err)
		}
		alice.LocalParticipant.SetSubscriptionPermission(&pb.SubscriptionPermission{})
		carol.ends("picture")
		bob.ends("voice")
		bob.never("subscribed picture")
		alice.LocalParticipant.SetSubscriptionPermission(&pb.SubscriptionPermission{AllParticipants: true})
		// Pictures may be suspended by now: the SDK reports the arrival of what is read only, and nobody reads all the time.
		for _, g := range []*guest{bob, carol} {
			g.expect("subscribed voice")
			g.receives("voice", webrtc.MimeTypeOpus)
		}
	})
}

func TestPermissionsComeWithATokenForThem(t *testing.T) {
	w := newWorld(t, nil)
	c, _ := w.enter(t, "alice", "hall", "")
	w.allow(t, "alice", room.Permission{Subscribe: true, Hidden: true})
	var claims auth.Claims
	var told *pb.ParticipantPermission
	c.until(func(r *pb.SignalResponse) bool {
		for _, p := range r.GetUpdate().GetParticipants() {
			told = p.Permission
		}
		if fresh := r.GetRefreshToken(); fresh != "" {
			var err error
			if claims, err = testKeys.Verify(fresh); err != nil {
				t.Fatal(err)
			}
		}
		return told != nil && claims.Identity != ""
	})
	if told.CanPublish || !told.CanSubscribe || !told.Hidden {
		t.Errorf("told %v", told)
	}
	if p := studio.Permission(claims.Video); p.Publish || !p.Subscribe || !p.Hidden || p.PublishData {
		t.Errorf("token for %+v", p)
	}
	c.send(&pb.SignalRequest{Message: &pb.SignalRequest_AddTrack{AddTrack: &pb.AddTrackRequest{Cid: "c", Type: pb.TrackType_AUDIO, Source: pb.TrackSource_MICROPHONE}}})
	if got := c.until(func(r *pb.SignalResponse) bool { return r.GetRequestResponse() != nil }).GetRequestResponse(); got.Reason != pb.RequestResponse_NOT_ALLOWED {
		t.Errorf("publishing all the same: %v", got)
	}
}

func TestATrackThatHasNotComeYetIsGivenUpWithItsPermission(t *testing.T) {
	w := newWorld(t, nil)
	c, _ := w.enter(t, "alice", "hall", "")
	c.send(&pb.SignalRequest{Message: &pb.SignalRequest_AddTrack{AddTrack: &pb.AddTrackRequest{Cid: "c", Type: pb.TrackType_AUDIO, Source: pb.TrackSource_MICROPHONE}}})
	sid := c.until(func(r *pb.SignalResponse) bool { return r.GetTrackPublished() != nil }).GetTrackPublished().Track.Sid
	w.allow(t, "alice", room.Permission{Publish: true, Sources: []room.Source{room.Camera}})
	if got := c.until(func(r *pb.SignalResponse) bool { return r.GetTrackUnpublished() != nil }).GetTrackUnpublished().TrackSid; got != sid {
		t.Errorf("got %s", got)
	}
}
