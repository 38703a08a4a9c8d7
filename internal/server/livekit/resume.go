package livekit

import (
	"errors"
	"fmt"
	"time"

	"github.com/coder/websocket"
	pb "github.com/livekit/protocol/livekit"

	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/studio/chronicle"
	"github.com/tuttilive/tutti/internal/studio/lkinfo"
)

// unnoticed is how long a connection may have carried nothing to the client any more before the server sees that it is lost, or the client comes
// back on another one.
const unnoticed = keepAlive + keepAliveTimeout + 15*time.Second

// lostConn handles the end of a WebSocket. The session waits for the client to come back, unless it misbehaved.
func (s *session) lostConn(l connLost) {
	if l.conn != s.conn {
		l.conn.close(websocket.StatusNormalClosure, "")
		return
	}
	switch {
	case errors.Is(l.err, errTooLarge), errors.Is(l.err, errMalformed):
		s.log.Warn("client sent nonsense", "error", l.err)
		s.end(leave(pb.DisconnectReason_STATE_MISMATCH, pb.LeaveRequest_DISCONNECT), room.LeftRemoved)
		return
	}
	s.log.Info("signal connection lost", "error", l.err)
	l.conn.fail()
	s.conn = nil
	s.part.Note(chronicle.SignalLost, "", closeReason(l.err))
	s.server.counts.away.Add(1)
	s.awaySince = time.Now()
	s.away = s.after(s.server.resumeGrace, awayTooLong{s.awaySince})
}

// closeReason says in a word or two how a WebSocket ended: "closed" by the client, with its status code (RFC 6455, section 7.4.1) where that
// says anything, or "broken".
func closeReason(err error) string {
	switch code := websocket.CloseStatus(err); {
	case code == websocket.StatusNormalClosure || code == websocket.StatusGoingAway || code == websocket.StatusNoStatusRcvd:
		return "closed"
	case code >= 0:
		return fmt.Sprintf("closed %d", code)
	}
	return "broken"
}

// comeBack goes on with a client that has connected again, and brings it up to date. Its peers have stayed, so nothing
// reliable was lost on the way to it; for the other direction it is told what arrived last.
func (s *session) comeBack(r resumed) {
	if s.sabotage.silent {
		s.sabotage = sabotage{}
		r.conn.close(websocket.StatusNormalClosure, "")
		return
	}
	if s.conn != nil {
		s.conn.close(websocket.StatusNormalClosure, "replaced")
	}
	if s.away != nil {
		s.away.Stop()
		s.away = nil
	}
	away := time.Now()
	if !s.awaySince.IsZero() {
		away, s.awaySince = s.awaySince, time.Time{}
		s.server.counts.away.Add(-1)
	}
	s.conn, s.host = r.conn, r.host
	if s.client.cannotRevive(r.reason, s.silence()) {
		s.log.Info("client resumes with a connection that cannot be revived")
		s.server.counts.unresumable.Add(1)
		s.end(leave(pb.DisconnectReason_STATE_MISMATCH, pb.LeaveRequest_RECONNECT), room.LeftByItself)
		return
	}
	s.server.counts.resumed.Add(1)
	s.part.Note(chronicle.Resumed, "", "")
	s.log.Info("client resumed")
	s.send(&pb.SignalResponse{Message: &pb.SignalResponse_Reconnect{Reconnect: &pb.ReconnectResponse{
		ServerInfo: serverInfo(), ClientConfiguration: s.clientConfiguration(), LastMessageSeq: s.data.lastSequence(),
		IceServers: s.iceServers(),
	}}})
	if s.sabotage.afterReply {
		s.sabotage = sabotage{}
		r.conn.close(websocket.StatusNormalClosure, "")
		return
	}
	s.catchUp(away)
	if s.token.fresh != "" && r.token != s.token.fresh {
		s.sendToken()
	}
}

// silence is how long the client's connections have been without a sign of life, the one that has been for longest.
func (s *session) silence() (longest time.Duration) {
	for _, t := range []*transport{s.publisher, s.subscriber} {
		if t != nil && t.peer.Connected() {
			longest = max(longest, t.peer.Silence())
		}
	}
	return longest
}

// catchUp tells a client that was away since a moment, as far as the server knows, all that it may have missed, and negotiates anew.
func (s *session) catchUp(away time.Time) {
	mayMiss := away.Add(-unnoticed)
	others := s.tellDepartures(away, mayMiss)
	for _, t := range s.publishing.tracks {
		// What it has not confirmed it may not know, and must before it is told of itself: livekit-client answers that by undoing what
		// it did not do.
		if t.muted != t.saysMuted {
			s.tellMuted(t)
		}
	}
	all := &pb.ParticipantUpdate{Participants: []*pb.ParticipantInfo{lkinfo.Participant(s.self)}}
	all.Participants = append(all.Participants, s.introduce(others)...)
	s.send(&pb.SignalResponse{Message: &pb.SignalResponse_Update{Update: all}})
	s.send(&pb.SignalResponse{Message: &pb.SignalResponse_RoomUpdate{RoomUpdate: &pb.RoomUpdate{Room: lkinfo.Room(s.part.Room())}}})
	for _, t := range s.publishing.tracks {
		if t.in == nil {
			s.sendPublished(t) // the first answer may have been lost with the connection
		}
		if t.taken.After(mayMiss) {
			s.sendTaken(t)
		}
		s.sendDemand(t)
	}
	if len(s.dataSubscriptions) > 0 {
		s.sendDataHandles()
	}
	s.tellStates()
	s.sendQualities(s.part.Qualities())
	if speakers := s.part.Speakers(); len(speakers) > 0 {
		s.sendSpeakers(speakers)
	}
	s.remote.changed = true
	if s.onePeer {
		s.asking = asking{begun: s.asking.begun} // the client restarts ICE with an offer of its own
	} else {
		s.offering.pending = false
		s.subscriber.peer.RestartICE()
	}
}

// tellDepartures tells of those who are not there any more since the client may have missed it, in place of all that waited to be told, and gives
// those who are there. Who has come again is no ghost, and would be taken from a client that knows.
func (s *session) tellDepartures(away, mayMiss time.Time) (others []room.Participant) {
	s.presence = presence{}
	departed := s.part.Departed(mayMiss)
	others = s.part.Others()
	there := make(map[string]bool, len(others))
	for _, p := range others {
		there[p.Identity] = true
	}
	for _, d := range departed {
		if !there[d.Participant.Identity] || !d.At.Before(away) {
			s.presence.add(notice{participant: d.Participant, left: true, why: d.Why})
		}
	}
	for len(s.presence.waiting) > 0 {
		s.send(&pb.SignalResponse{Message: &pb.SignalResponse_Update{Update: &pb.ParticipantUpdate{Participants: s.presence.take()}}})
	}
	return others
}

// syncState takes what a client that resumed believes to be subscribed to, and to publish. It is told of what it publishes no more; there are
// no more of those than it may publish.
func (s *session) syncState(state *pb.SyncState) {
	published := state.GetPublishTracks()
	for _, p := range published[:min(len(published), room.MaxPublications)] {
		if sid := p.GetTrack().GetSid(); sid != "" && s.publishing.bySID(sid) == nil {
			s.sendUnpublished(sid)
		}
	}
	if sub := state.GetSubscription(); sub != nil {
		for _, sid := range sub.GetTrackSids() {
			if t := s.remote.tracks[sid]; t != nil {
				t.wanted = sub.GetSubscribe()
				s.review(t)
			}
		}
	}
	for _, sid := range state.GetTrackSidsDisabled() {
		if t := s.remote.tracks[sid]; t != nil && t.sub != nil {
			t.sub.SetPaused(true)
		}
	}
	s.syncData(state.GetPublishDataTracks())
}
