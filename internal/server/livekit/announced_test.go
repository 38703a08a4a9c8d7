package livekit

import (
	"fmt"
	"strings"
	"testing"
	"time"

	pb "github.com/livekit/protocol/livekit"
	"google.golang.org/protobuf/proto"

	"github.com/tuttilive/tutti/internal/room"
)

func TestLayersFromProto(t *testing.T) {
	layer := func(q pb.VideoQuality, w uint32) *pb.VideoLayer {
		return &pb.VideoLayer{Quality: q, Width: w, Bitrate: 1 << 31}
	}
	got := layersFromProto([]*pb.VideoLayer{layer(pb.VideoQuality_HIGH, 1<<30), layer(pb.VideoQuality_LOW, 320), layer(pb.VideoQuality_OFF, 1), layer(99, 1), nil})
	if len(got) != 3 || got[2].RID != "f" || got[2].Width != maxPixels || got[2].Bitrate != maxBitrate || got[0].RID != "q" {
		t.Errorf("got %+v", got)
	}
	if got := layersFromProto([]*pb.VideoLayer{layer(pb.VideoQuality_HIGH, 640)}); got[0].RID != "" {
		t.Errorf("a single layer has rid %q", got[0].RID)
	}
}

// TestATooLongNameCanBeTold: a message with half a character in it cannot be written, and would not reach anybody in the room.
func TestATooLongNameCanBeTold(t *testing.T) {
	name := clip(strings.Repeat("x", maxTextBytes-1) + "é")
	if _, err := proto.Marshal(&pb.TrackInfo{Name: name}); err != nil || name != strings.Repeat("x", maxTextBytes-1) {
		t.Errorf("%q: %v", name, err)
	}
}

func TestParticipantUpdatesTellTheNewestOfEach(t *testing.T) {
	var u presence
	u.add(notice{participant: room.Participant{SID: "PA_a", Version: 1}})
	u.add(notice{participant: room.Participant{SID: "PA_b", Version: 1}})
	u.add(notice{participant: room.Participant{SID: "PA_a", Version: 2}, left: true})
	u.add(notice{participant: room.Participant{SID: "PA_a", Version: 1}})
	got := u.take()
	if len(got) != 2 || got[0].Version != 2 || got[0].State != pb.ParticipantInfo_DISCONNECTED || len(u.waiting) != 0 {
		t.Errorf("got %v", got)
	}
}

func TestPresenceIsToldInParts(t *testing.T) {
	var u presence
	for i := range 10 {
		u.add(notice{participant: room.Participant{SID: fmt.Sprint(i), Metadata: strings.Repeat("x", presenceBytes/4)}})
	}
	for told := 0; told < 10; {
		infos := u.take()
		if len(infos) == 0 || len(infos) > 4 || infos[0].Sid != fmt.Sprint(told) {
			t.Fatalf("%d infos after %d", len(infos), told)
		}
		told += len(infos)
	}
	u.add(notice{participant: room.Participant{SID: "large", Metadata: strings.Repeat("x", 2*presenceBytes)}})
	if got := u.take(); len(got) != 1 {
		t.Errorf("%d infos where one is larger than a message", len(got))
	}
}

func TestSubscriptionRules(t *testing.T) {
	var r subscriptionRules
	if !r.allow("bob", "PA_b", "TR_1") {
		t.Error("without rules everybody may")
	}
	r.set(&pb.SubscriptionPermission{TrackPermissions: []*pb.TrackPermission{
		{ParticipantIdentity: "bob", TrackSids: []string{"TR_1"}}, {ParticipantSid: "PA_c", AllTracks: true},
	}})
	for _, tt := range []struct {
		identity, sid, track string
		want                 bool
	}{
		{"bob", "PA_b", "TR_1", true}, {"bob", "PA_b", "TR_2", false}, {"carol", "PA_c", "TR_2", true},
		{"dave", "PA_d", "TR_1", false}, {"", "PA_e", "TR_1", false},
	} {
		if got := r.allow(tt.identity, tt.sid, tt.track); got != tt.want {
			t.Errorf("%+v: got %v", tt, got)
		}
	}
	if r.set(&pb.SubscriptionPermission{TrackPermissions: make([]*pb.TrackPermission, maxRules+1)}) {
		t.Error("too many rules are taken")
	}
}

// What was withheld before a client connected anew is withheld until it says what holds now, or has had time to.
func TestRulesOutliveAVisit(t *testing.T) {
	w := newWorld(t, nil)
	withhold := func(c *wire) {
		c.send(&pb.SignalRequest{Message: &pb.SignalRequest_SubscriptionPermission{SubscriptionPermission: &pb.SubscriptionPermission{}}})
		c.send(ping())
		c.until(func(r *pb.SignalResponse) bool { return r.GetPongResp() != nil })
	}
	at := place{"hall", "alice"}
	open := func() bool { return w.server.find(at).rules.allow("bob", "PA_b", "TR_1") }

	first, _ := w.enter(t, "alice", "hall", "")
	withhold(first)
	second, _ := w.enter(t, "alice", "hall", "") // the first is replaced
	if first.untilLeave(); open() {
		t.Error("open after the visit was replaced")
	}
	second.send(&pb.SignalRequest{Message: &pb.SignalRequest_Simulate{Simulate: &pb.SimulateScenario{
		Scenario: &pb.SimulateScenario_LeaveRequestFullReconnect{LeaveRequestFullReconnect: true}}}})
	second.untilLeave()
	third, _ := w.enter(t, "alice", "hall", "")
	if open() {
		t.Error("open after the server ended the visit")
	}
	if rules := &w.server.find(at).rules; !rules.lapse() || !open() {
		t.Error("not open when the client has had time")
	}
	withhold(third)
	if rules := &w.server.find(at).rules; rules.lapse() || open() {
		t.Error("the client's own rules lapse")
	}
	third.send(&pb.SignalRequest{Message: &pb.SignalRequest_Leave{Leave: &pb.LeaveRequest{}}})
	if _, err := third.read(); err == nil {
		t.Error("the connection stays open")
	}
	for deadline := time.Now().Add(patience); w.server.find(at) != nil; <-time.After(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the visit does not end")
		}
	}
	if w.enter(t, "alice", "hall", ""); !open() {
		t.Error("not open after good-bye")
	}
}
