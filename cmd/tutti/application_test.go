package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	lkauth "github.com/livekit/protocol/auth"
	pb "github.com/livekit/protocol/livekit"
	"github.com/livekit/protocol/webhook"
	lksdk "github.com/livekit/server-sdk-go/v2"
	"google.golang.org/protobuf/proto"
)

// TestAnApplicationOfLiveKit runs a room as an application does that knows LiveKit only: with its server SDK, its client and its
// webhooks.
func TestAnApplicationOfLiveKit(t *testing.T) {
	t.Parallel()
	told := make(chan *pb.WebhookEvent, 100)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		e, err := webhook.ReceiveWebhookEvent(r, lkauth.NewSimpleKeyProvider(devKeys.Key, devKeys.Secret))
		if err != nil {
			t.Error(err)
			return
		}
		told <- e
	}))
	defer receiver.Close()
	hears := func(want string) *pb.WebhookEvent {
		t.Helper()
		select {
		case e := <-told:
			if e.Event != want {
				t.Fatalf("told %v, want %s", e, want)
			}
			return e
		case <-time.After(patience):
			t.Fatalf("not told of %s", want)
		}
		return nil
	}
	r := start(t, "--webhook", receiver.URL+"/hook?secret=1")
	rooms := lksdk.NewRoomServiceClient(r.url(""), devKeys.Key, devKeys.Secret)
	made, err := rooms.CreateRoom(t.Context(), &pb.CreateRoomRequest{Name: "hall", Metadata: "m", EmptyTimeout: 60, MaxParticipants: 1})
	if err != nil {
		t.Fatal(err)
	}
	if e := hears("room_started"); e.Room.Sid != made.Sid || e.Room.Metadata != "m" {
		t.Errorf("told %v", e)
	}
	join := func(identity string) (*lksdk.Room, error) {
		return lksdk.ConnectToRoom(r.url(""), lksdk.ConnectInfo{
			APIKey: devKeys.Key, APISecret: devKeys.Secret, RoomName: "hall", ParticipantIdentity: identity,
		}, &lksdk.RoomCallback{}, lksdk.WithDisableRegionDiscovery(), lksdk.WithConnectTimeout(patience))
	}
	anna, err := join("anna")
	if err != nil {
		t.Fatal(err)
	}
	defer anna.Disconnect()
	if anna.SID() != made.Sid || anna.Metadata() != "m" {
		t.Errorf("anna is in %s with %q", anna.SID(), anna.Metadata())
	}
	if e := hears("participant_joined"); e.Participant.Identity != "anna" || e.Room.NumParticipants != 1 {
		t.Errorf("told %v", e)
	}
	if bob, err := join("bob"); err == nil {
		bob.Disconnect()
		t.Error("a full room takes bob")
	}
	if _, err := rooms.RemoveParticipant(t.Context(), &pb.RoomParticipantIdentity{Room: "hall", Identity: "anna"}); err != nil {
		t.Fatal(err)
	}
	if e := hears("participant_left"); e.Participant.DisconnectReason != pb.DisconnectReason_PARTICIPANT_REMOVED {
		t.Errorf("told %v", e)
	}
	r.stop()
	hears("room_finished") // the last thing a server does is to tell
}

// TestFiguresOfWebhooks reads what an operator sees of receivers, without what is secret in their addresses.
func TestFiguresOfWebhooks(t *testing.T) {
	t.Parallel()
	r := start(t, "--webhook", "http://127.0.0.1:1/hook?secret=1")
	req, err := http.NewRequest("GET", r.url("/metrics"), nil)
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth(devKeys.Key, devKeys.Secret)
	figures := string(fetch(t, req))
	if !strings.Contains(figures, `tutti_webhook_events_total{outcome="dropped",receiver="http://127.0.0.1:1/hook"} 0`) {
		t.Errorf("no figures of the receiver in\n%s", figures)
	}
}

func fetch(t *testing.T, req *http.Request) []byte {
	t.Helper()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: %s %v", req.Method, req.URL.Path, resp.Status, err)
	}
	return body
}

// TestAnApplicationsRoomIsThereAfterARestart stops a server in which a room waits for its people, and starts it again.
func TestAnApplicationsRoomIsThereAfterARestart(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	open := func() (*running, *lksdk.RoomServiceClient) {
		r := start(t, "--data", data)
		return r, lksdk.NewRoomServiceClient(r.url(""), devKeys.Key, devKeys.Secret)
	}
	r, rooms := open()
	made, err := rooms.CreateRoom(t.Context(), &pb.CreateRoomRequest{Name: "hall", Metadata: "m", MaxParticipants: 3})
	if err != nil {
		t.Fatal(err)
	}
	r.stop()
	_, rooms = open()
	list, err := rooms.ListRooms(t.Context(), &pb.ListRoomsRequest{})
	if err != nil || len(list.Rooms) != 1 || !proto.Equal(list.Rooms[0], made) {
		t.Errorf("made %v, found %v, %v", made, list, err)
	}
}
