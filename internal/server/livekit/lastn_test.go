package livekit

import (
	"testing"
	"time"

	pb "github.com/livekit/protocol/livekit"

	"github.com/tuttilive/tutti/internal/studio"
)

// Of two cameras one is all that a room gives to each: a client is told which picture it does not get, and chooses by pinning one.
func TestWhoIsBeyondTheLastNIsTold(t *testing.T) {
	t.Parallel()
	var house *studio.House
	w := newWorld(t, func(cfg *Config) {
		house = newHouse(t, func(o *studio.Options) { o.LastN = 1 })
		cfg.House = house
	})
	w.house = house
	w.server.patience = time.Hour // who speaks by hand answers no offer
	first := w.visit(t, "alice", "hall", nil).publishPicture().SID()
	second := w.visit(t, "bob", "hall", nil).publishPicture().SID()
	viewer, _ := w.enter(t, "viewer", "hall", "")
	states := map[string]pb.StreamState{}
	until := func(active, paused string) {
		t.Helper()
		viewer.until(func(r *pb.SignalResponse) bool {
			for _, s := range r.GetStreamStateUpdate().GetStreamStates() {
				states[s.TrackSid] = s.State
			}
			return states[active] == pb.StreamState_ACTIVE && states[paused] == pb.StreamState_PAUSED
		})
	}
	viewer.until(func(r *pb.SignalResponse) bool {
		for _, s := range r.GetStreamStateUpdate().GetStreamStates() {
			states[s.TrackSid] = s.State
		}
		return len(states) > 0
	})
	shown, left := first, second
	if states[first] == pb.StreamState_PAUSED {
		shown, left = second, first
	}
	viewer.send(&pb.SignalRequest{Message: &pb.SignalRequest_TrackSetting{TrackSetting: &pb.UpdateTrackSettings{
		TrackSids: []string{left}, Width: 640, Height: 360, Priority: 1}}})
	until(left, shown)
}
