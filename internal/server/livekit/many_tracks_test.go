package livekit

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"

	pb "github.com/livekit/protocol/livekit"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/rtc/sdp"
)

// TestMoreTracksThanAConnectionTakes: who subscribes to more is told which ones it does not get, and may have one of them in place of another.
func TestMoreTracksThanAConnectionTakes(t *testing.T) {
	const publishers, most = sdp.MaxSections/room.MaxPublications + 1, sdp.MaxSections - 1 // one section is for data
	warnings := make(lines, 10_000)
	w := newWorldThatLogs(t, slog.New(slog.NewTextHandler(warnings, &slog.HandlerOptions{Level: slog.LevelWarn})), nil)
	for i := range publishers {
		p, err := w.house.Enter("hall", room.Join{Identity: fmt.Sprint("p", i), Permission: room.Permission{Publish: true}}, deaf{})
		if err != nil {
			t.Fatal(err)
		}
		for k := range room.MaxPublications {
			pub := room.Publication{SID: fmt.Sprintf("TR_%d_%d", i, k), Kind: media.Video, Codec: media.H264, Source: room.Camera}
			if _, err := p.PublishFrames(pub); err != nil {
				t.Fatal(err)
			}
		}
	}
	c, _, err := w.dial(t, token(t, "viewer", "hall", nil), "protocol=17&auto_subscribe=true")
	if err != nil {
		t.Fatal(err)
	}
	v := &viewer{wire: c}
	refused, there := map[string]bool{}, map[string]string{}
	// until negotiates until something is so.
	until := func(so func() bool) {
		t.Helper()
		for !so() {
			switch m := v.next().Message.(type) {
			case *pb.SignalResponse_Offer:
				v.answer(m.Offer, v.accept(m.Offer))
				there = v.told[len(v.told)-1]
			case *pb.SignalResponse_SubscriptionResponse:
				refused[m.SubscriptionResponse.TrackSid] = true
			case *pb.SignalResponse_Leave:
				t.Fatalf("%v, with %d tracks there and %d refused", m.Leave, len(there), len(refused))
			}
		}
	}
	until(func() bool { return len(there) == most && len(refused) == publishers*room.MaxPublications-most })
	var has, lacks string
	for sid := range there {
		has = sid
		if refused[sid] {
			t.Errorf("%s is there and refused", sid)
		}
	}
	for sid := range refused {
		lacks = sid
	}

	subscribe := func(sid string, subscribe bool) {
		v.send(&pb.SignalRequest{Message: &pb.SignalRequest_Subscription{Subscription: &pb.UpdateSubscription{TrackSids: []string{sid}, Subscribe: subscribe}}})
	}
	clear(refused)
	subscribe(lacks, true)
	until(func() bool { return refused[lacks] })
	subscribe(has, false)
	until(func() bool { return there[has] == "" })
	clear(refused)
	v.done() // the answer has been heard
	subscribe(lacks, true)
	until(func() bool { return there[lacks] != "" || refused[lacks] })
	if refused[lacks] {
		t.Error("a track is refused although another has made room")
	}
	told := 0
	for len(warnings) > 0 {
		if strings.Contains(<-warnings, "cannot subscribe") {
			told++
		}
	}
	if told != 1 {
		t.Errorf("%d warnings tell of tracks that were refused, want one", told)
	}
}
