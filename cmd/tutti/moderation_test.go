package main

import (
	"fmt"
	"sync"
	"testing"
	"time"

	pb "github.com/livekit/protocol/livekit"
	lksdk "github.com/livekit/server-sdk-go/v2"
	"github.com/pion/webrtc/v4"
	"github.com/pion/webrtc/v4/pkg/media"
)

// witness is somebody in a room who notes what its client tells it.
type witness struct {
	t *testing.T
	*lksdk.Room

	mu     sync.Mutex
	heard  []string
	change chan struct{}
}

func (w *witness) hear(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.heard = append(w.heard, fmt.Sprintf(format, args...))
	close(w.change)
	w.change = make(chan struct{})
}

// hears waits until something has been heard, since it was last waited for.
func (w *witness) hears(what string) {
	w.t.Helper()
	late := time.After(patience)
	for {
		w.mu.Lock()
		for i, h := range w.heard {
			if h == what {
				w.heard = append(w.heard[:i:i], w.heard[i+1:]...)
				w.mu.Unlock()
				return
			}
		}
		heard, change := w.heard, w.change
		w.mu.Unlock()
		select {
		case <-change:
		case <-late:
			w.t.Fatalf("%s did not hear %q but %q", w.LocalParticipant.Identity(), what, heard)
		}
	}
}

func (r *running) witness(room, identity string) *witness {
	r.t.Helper()
	w := &witness{t: r.t, change: make(chan struct{})}
	joined, err := lksdk.ConnectToRoom(r.url(""), lksdk.ConnectInfo{
		APIKey: devKeys.Key, APISecret: devKeys.Secret, RoomName: room, ParticipantIdentity: identity,
	}, &lksdk.RoomCallback{
		OnDisconnectedWithReason:  func(lksdk.DisconnectionReason) { w.hear("disconnected: %s", w.DisconnectReason()) },
		OnParticipantDisconnected: func(p *lksdk.RemoteParticipant) { w.hear("%s left", p.Identity()) },
		OnRoomMetadataChanged:     func(m string) { w.hear("room: %s", m) },
		ParticipantCallback: lksdk.ParticipantCallback{
			OnTrackPublished:   func(p *lksdk.RemoteTrackPublication, _ *lksdk.RemoteParticipant) { w.hear("%s is there", p.Name()) },
			OnTrackUnpublished: func(p *lksdk.RemoteTrackPublication, _ *lksdk.RemoteParticipant) { w.hear("%s is gone", p.Name()) },
			OnTrackMuted:       func(p lksdk.TrackPublication, _ lksdk.Participant) { w.hear("%s is muted", p.Name()) },
			OnMetadataChanged:  func(_ string, p lksdk.Participant) { w.hear("%s: %s", p.Identity(), p.Metadata()) },
			OnAttributesChanged: func(changed map[string]string, p lksdk.Participant) {
				w.hear("%s: %v", p.Identity(), changed)
			},
		},
	}, lksdk.WithDisableRegionDiscovery())
	if err != nil {
		r.t.Fatalf("%s joins: %v", identity, err)
	}
	w.Room = joined
	r.t.Cleanup(joined.Disconnect)
	return w
}

// What an application does to people in a room by the server SDK, as their clients tell them and others.
func TestAnApplicationModerates(t *testing.T) {
	t.Parallel()
	r := start(t)
	rooms := lksdk.NewRoomServiceClient(r.url(""), devKeys.Key, devKeys.Secret)
	must := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	ctx := t.Context()
	anna, bob := r.witness("hall", "anna"), r.witness("hall", "bob")
	voice, err := lksdk.NewLocalTrack(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2})
	if err != nil {
		t.Fatal(err)
	}
	pub, err := anna.LocalParticipant.PublishTrack(voice, &lksdk.TrackPublicationOptions{Name: "voice", Source: pb.TrackSource_MICROPHONE})
	if err != nil {
		t.Fatal(err)
	}
	speak(t, voice)
	bob.hears("voice is there")

	must(rooms.MutePublishedTrack(ctx, &pb.MuteRoomTrackRequest{Room: "hall", Identity: "anna", TrackSid: pub.SID(), Muted: true}))
	anna.hears("voice is muted")
	bob.hears("voice is muted")
	must(rooms.UpdateParticipant(ctx, &pb.UpdateParticipantRequest{Room: "hall", Identity: "anna", Metadata: "m", Attributes: map[string]string{"k": "v"}}))
	for _, w := range []*witness{anna, bob} {
		w.hears("anna: m")
		w.hears("anna: map[k:v]")
	}
	must(rooms.UpdateParticipant(ctx, &pb.UpdateParticipantRequest{Room: "hall", Identity: "anna", Permission: &pb.ParticipantPermission{CanSubscribe: true}}))
	bob.hears("voice is gone")
	must(rooms.UpdateRoomMetadata(ctx, &pb.UpdateRoomMetadataRequest{Room: "hall", Metadata: "later"}))
	anna.hears("room: later")
	bob.hears("room: later")
	must(rooms.RemoveParticipant(ctx, &pb.RoomParticipantIdentity{Room: "hall", Identity: "bob"}))
	bob.hears("disconnected: PARTICIPANT_REMOVED")
	anna.hears("bob left")
	must(rooms.DeleteRoom(ctx, &pb.DeleteRoomRequest{Room: "hall"}))
	anna.hears("disconnected: ROOM_DELETED")
}

// speak sends silence on a track until the test ends: a room shows what is sent.
func speak(t *testing.T, track *lksdk.LocalTrack) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-t.Context().Done():
				return
			case <-tick.C:
				_ = track.WriteSample(media.Sample{Data: []byte{0xfc, 0xff, 0xfe}, Duration: 20 * time.Millisecond}, nil) // not bound yet
			}
		}
	}()
	t.Cleanup(func() { <-ended })
}
