package livekit

import (
	"slices"
	"testing"

	pb "github.com/livekit/protocol/livekit"
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
