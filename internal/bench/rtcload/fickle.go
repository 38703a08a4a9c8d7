package rtcload

import (
	"context"
	"net/url"
	"slices"
	"time"

	pb "github.com/livekit/protocol/livekit"

	"github.com/tuttilive/tutti/internal/bench"
)

// What members do beside coming and going.

// resume loses the signal connection and comes back to the same session after a while.
func (m *member) resume(ctx context.Context, after time.Duration) error {
	m.mu.Lock()
	old := m.ws
	m.ws = nil
	m.mu.Unlock()
	_ = old.CloseNow() // it is to be lost
	if err := bench.Pause(ctx, after); err != nil {
		return err
	}
	ws, err := m.rooms.dial(ctx, m.room, m.identity, url.Values{"reconnect": {"1"}, "sid": {m.sid}})
	if err != nil {
		return err
	}
	m.mu.Lock()
	m.ws = ws
	m.mu.Unlock()
	go m.read(ws)
	return nil
}

// vanish goes without a word: no leave, no close_notify, nothing.
func (m *member) vanish() {
	m.mu.Lock()
	m.ended = true
	open, ws := m.open, m.ws
	m.mu.Unlock()
	for _, t := range open {
		_ = t.udp.Close()
	}
	m.end()
	for _, t := range open {
		t.close()
	}
	if ws != nil {
		_ = ws.CloseNow()
	}
}

// muteAll mutes or unmutes everything that the member publishes.
func (m *member) muteAll(muted bool) error {
	for _, sid := range m.tracks(true) {
		if err := m.send(&pb.SignalRequest{Message: &pb.SignalRequest_Mute{Mute: &pb.MuteTrackRequest{Sid: sid, Muted: muted}}}); err != nil {
			return err
		}
	}
	return nil
}

// setTracks says how the others' pictures are wanted.
func (m *member) setTracks(u *pb.UpdateTrackSettings) error {
	if u.TrackSids = m.tracks(false); len(u.TrackSids) == 0 {
		return nil
	}
	return m.send(&pb.SignalRequest{Message: &pb.SignalRequest_TrackSetting{TrackSetting: u}})
}

// know notes which tracks there are.
func (m *member) know(people []*pb.ParticipantInfo) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, p := range people {
		m.people = slices.DeleteFunc(m.people, func(o *pb.ParticipantInfo) bool { return o.GetSid() == p.GetSid() })
		if p.GetState() != pb.ParticipantInfo_DISCONNECTED {
			m.people = append(m.people, p)
		}
	}
}

// tracks are the member's own, or those of the others.
func (m *member) tracks(own bool) (sids []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, p := range m.people {
		if (p.GetSid() == m.sid) != own {
			continue
		}
		for _, t := range p.GetTracks() {
			sids = append(sids, t.GetSid())
		}
	}
	return sids
}
