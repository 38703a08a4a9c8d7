package livekit

import (
	"slices"
	"sync"

	pb "github.com/livekit/protocol/livekit"
)

// maxRules bounds the participants that one permission names, and the tracks for each.
const maxRules = 1000

// subscriptionRules say who may subscribe to a participant's tracks. The zero value lets everybody. It is asked by the
// sessions of the others.
type subscriptionRules struct {
	mu     sync.Mutex
	narrow bool
	rules  []*pb.TrackPermission
}

// set replaces the rules and tells whether they are within bounds.
func (r *subscriptionRules) set(p *pb.SubscriptionPermission) bool {
	if len(p.GetTrackPermissions()) > maxRules {
		return false
	}
	for _, t := range p.GetTrackPermissions() {
		if len(t.GetTrackSids()) > maxRules {
			return false
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.narrow, r.rules = !p.GetAllParticipants(), p.GetTrackPermissions()
	return true
}

// allow tells whether a participant may have a track.
func (r *subscriptionRules) allow(identity, sid, trackSID string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.narrow {
		return true
	}
	return slices.ContainsFunc(r.rules, func(t *pb.TrackPermission) bool {
		named := t.GetParticipantIdentity() == identity
		if t.GetParticipantIdentity() == "" {
			named = t.GetParticipantSid() == sid
		}
		return named && (t.GetAllTracks() || slices.Contains(t.GetTrackSids(), trackSID))
	})
}

// rulesChanged: a participant has changed who may have its tracks.
type rulesChanged struct{ publisher string }

// setRules takes the client's rules for its own tracks.
func (s *session) setRules(p *pb.SubscriptionPermission) {
	if !s.rules.set(p) {
		s.respond(&pb.RequestResponse{Reason: pb.RequestResponse_LIMIT_EXCEEDED, Message: "too many subscription permissions"})
		return
	}
	for _, other := range s.server.inRoom(s.place.room) {
		if other != s {
			other.inbox.put(rulesChanged{s.place.identity}, 0)
		}
	}
}

// mayHave asks the publisher's rules. Publishers of other doors have none.
func (s *session) mayHave(publisher, trackSID string) bool {
	p := s.server.find(place{s.place.room, publisher})
	return p == nil || p.rules.allow(s.place.identity, s.sid, trackSID)
}

// applyRules looks at a publisher's tracks again.
func (s *session) applyRules(publisher string) {
	for _, t := range s.remote.tracks {
		if t.publisher != publisher {
			continue
		}
		if allowed := s.mayHave(publisher, t.sid); allowed != t.allowed {
			t.allowed = allowed
			s.sendAllowed(t)
			s.review(t)
		}
	}
}

func (s *session) sendAllowed(t *remoteTrack) {
	s.send(&pb.SignalResponse{Message: &pb.SignalResponse_SubscriptionPermissionUpdate{
		SubscriptionPermissionUpdate: &pb.SubscriptionPermissionUpdate{
			ParticipantSid: t.publisherSID, TrackSid: t.sid, Allowed: t.allowed,
		},
	}})
}
