package livekit

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/coder/websocket"
	pb "github.com/livekit/protocol/livekit"
	"golang.org/x/time/rate"
	"google.golang.org/protobuf/proto"
)

// A request that names many tracks costs as many, however it names them, and is never so dear that its client could not pay.
func TestLongListsCostMore(t *testing.T) {
	lists := map[string]func(sids []string) *pb.SignalRequest{
		"subscription": func(sids []string) *pb.SignalRequest {
			return &pb.SignalRequest{Message: &pb.SignalRequest_Subscription{Subscription: &pb.UpdateSubscription{TrackSids: sids}}}
		},
		"subscription, by participants": func(sids []string) *pb.SignalRequest {
			return &pb.SignalRequest{Message: &pb.SignalRequest_Subscription{Subscription: &pb.UpdateSubscription{
				ParticipantTracks: []*pb.ParticipantTracks{{TrackSids: sids[1:]}, {TrackSids: sids[:1]}}}}}
		},
		"track settings": func(sids []string) *pb.SignalRequest {
			return &pb.SignalRequest{Message: &pb.SignalRequest_TrackSetting{TrackSetting: &pb.UpdateTrackSettings{TrackSids: sids}}}
		},
		"state, subscribed": func(sids []string) *pb.SignalRequest {
			return &pb.SignalRequest{Message: &pb.SignalRequest_SyncState{SyncState: &pb.SyncState{Subscription: &pb.UpdateSubscription{TrackSids: sids}}}}
		},
		"state, disabled": func(sids []string) *pb.SignalRequest {
			return &pb.SignalRequest{Message: &pb.SignalRequest_SyncState{SyncState: &pb.SyncState{TrackSidsDisabled: sids}}}
		},
		"state, data tracks": func(sids []string) *pb.SignalRequest {
			return &pb.SignalRequest{Message: &pb.SignalRequest_SyncState{SyncState: &pb.SyncState{PublishDataTracks: make([]*pb.PublishDataTrackResponse, len(sids))}}}
		},
	}
	for name, request := range lists {
		for n, want := range map[int]int{1: 1, 80: 11, 800: 101, maxMessageBytes / 2: costBurst} {
			if got := cost(request(slices.Repeat([]string{""}, n))); got != want {
				t.Errorf("%s: %d tracks cost %d, want %d", name, n, got, want)
			}
		}
	}
}

// Bytes are paid for whatever they are, and before they are decoded.
func TestLargeFramesCostMore(t *testing.T) {
	large := &pb.SessionDescription{Sdp: strings.Repeat("x", 800<<10)}
	state, err := proto.Marshal(&pb.SignalRequest{Message: &pb.SignalRequest_SyncState{SyncState: &pb.SyncState{Offer: large, Answer: large}}})
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		data []byte
		err  error
		cost int
	}{
		"state":     {state, nil, 201},
		"answer":    {answerOf(800<<10, 0), nil, 108},
		"malformed": {bytes.Repeat([]byte{0xff}, 200<<10), errMalformed, 25},
		"too large": {make([]byte, maxFrameBytes), errTooLarge, 288},
	} {
		c := &conn{}
		c.listening.pace = rate.NewLimiter(0, costBurst)
		c.listening.handle = func(*pb.SignalRequest) bool { return true }
		err := c.message(websocket.MessageBinary, bytes.NewReader(tt.data))
		if got := costBurst - int(c.listening.pace.Tokens()); !errors.Is(err, tt.err) || got != tt.cost {
			t.Errorf("%s costs %d, want %d (%v)", name, got, tt.cost, err)
		}
	}
}
