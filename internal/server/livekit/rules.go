package livekit

import (
	"slices"
	"sync"
	"time"

	pb "github.com/livekit/protocol/livekit"

	"github.com/tuttilive/tutti/internal/room"
)

// maxRules bounds the participants that one permission names, and the tracks for each.
const maxRules = 1000

// rulesLapse is how long a client that has joined anew is held to the rules of its visit before. Clients that connect anew by
// themselves send their rules again, but only after their tracks; a page that was loaded anew knows nothing of them.
const rulesLapse = 15 * time.Second

// rulesOfTracks say who may have a participant's tracks. The zero value lets everybody.
type rulesOfTracks struct {
	narrow bool
	rules  []*pb.TrackPermission
}

// subscriptionRules are those of a session. They are asked by the sessions of the others.
type subscriptionRules struct {
	mu sync.Mutex
	rulesOfTracks
	// inherited tells that they are of the visit before, until the client says what it wants now.
	inherited bool
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
	r.rulesOfTracks, r.inherited = rulesOfTracks{!p.GetAllParticipants(), p.GetTrackPermissions()}, false
	return true
}

// inherit holds to the rules of the visit before.
func (r *subscriptionRules) inherit(from rulesOfTracks) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rulesOfTracks, r.inherited = from, from.narrow
}

// lapse drops inherited rules and tells whether there were any.
func (r *subscriptionRules) lapse() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.inherited {
		return false
	}
	r.rulesOfTracks, r.inherited = rulesOfTracks{}, false
	return true
}

// current gives the rules that hold now.
func (r *subscriptionRules) current() rulesOfTracks {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.rulesOfTracks
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

type (
	// rulesChanged: a participant has changed who may have its tracks.
	rulesChanged struct{ publisher string }
	// rulesLapsed: the client has had time to say who may have its tracks.
	rulesLapsed struct{}
)

// setRules takes the client's rules for its own tracks.
func (s *session) setRules(p *pb.SubscriptionPermission) {
	if !s.rules.set(p) {
		s.respond(&pb.RequestResponse{Reason: pb.RequestResponse_LIMIT_EXCEEDED, Message: "too many subscription permissions"})
		return
	}
	s.tellRules()
}

// inheritRules holds a client that joins anew to what it said of its tracks before, for a while. replaced is the session that was there until it
// joined; nil for none.
func (s *session) inheritRules(replaced *session) {
	rules, ok := s.server.withheld.take(s.place)
	if replaced != nil {
		rules, ok = replaced.rules.current(), true
	}
	if ok && rules.narrow {
		s.rules.inherit(rules)
		s.after(rulesLapse, rulesLapsed{})
	}
}

// leaveRules keeps the rules for when the client comes back, unless it is back already or said good-bye.
func (s *session) leaveRules(why room.LeaveReason) {
	if rules := s.rules.current(); rules.narrow && why != room.LeftDuplicate && !s.saidGoodbye {
		s.server.withheld.keep(s.place, rules)
	}
}

// tellRules lets the others look at this publisher's tracks again.
func (s *session) tellRules() {
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
	s.checkData()
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
	t.saidAllowed = true
	s.send(&pb.SignalResponse{Message: &pb.SignalResponse_SubscriptionPermissionUpdate{
		SubscriptionPermissionUpdate: &pb.SubscriptionPermissionUpdate{
			ParticipantSid: t.publisherSID, TrackSid: t.sid, Allowed: t.allowed,
		},
	}})
}
