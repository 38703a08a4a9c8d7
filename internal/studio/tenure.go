package studio

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/room"
)

// The tokens that the server makes are for one room, not for its name: whoever has the name next owes nothing to those who were let in before. Tokens
// of applications are for names, as LiveKit has it. A room under another is bound to that instead, by attributeMain.

// tenure is that of the room which has a name by this policy, "" for one under another.
func (h *House) tenure(roomName string, policy room.Policy) string {
	if h.isAnnex(roomName) {
		return ""
	}
	return h.keys.Tenure(roomName, policy.Salt)
}

// currentTenure is that of the room which has a name at the moment. For a room under another it reads nothing: the other's lock is held.
func (h *House) currentTenure(roomName string) (string, error) {
	if h.rooms == nil || h.isAnnex(roomName) {
		return "", nil
	}
	policy, _, err := h.rooms.Find(roomName)
	if err != nil {
		return "", fmt.Errorf("reading the policy of room %q: %w", roomName, err)
	}
	return h.tenure(roomName, policy), nil
}

// checkTenure refuses a token for a room whose name another has now.
func (h *House) checkTenure(claims auth.Claims) error {
	if claims.Tenure == "" {
		return nil
	}
	current, err := h.currentTenure(claims.Video.Room)
	if err == nil && claims.Tenure != current && !h.before(claims) {
		err = auth.ErrRevoked
	}
	return err
}

// stayGrace is how long who was in a room when it was created around them may be away from it: for a page that is loaded again, or a bad network.
const stayGrace = 5 * time.Minute

// before tells of a token with which somebody is in a room that still runs as it did when another created it.
func (h *House) before(claims auth.Claims) bool {
	s, err := h.Studio(claims.Video.Room)
	if err != nil || claims.Tenure != h.keys.Tenure(s.name, "") {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stayed(claims.Identity)
}

// handedOver notes who is in a room whose name changes hands while it runs: somebody creates it only now, or it is deleted and ends.
func (h *House) handedOver(roomName string) {
	s, err := h.Studio(roomName)
	if err != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	s.insiders = map[string]time.Time{}
	for identity, p := range s.members {
		s.insiders[identity] = time.Now()
		if p.encoder != nil && p.encoder.holder() != "" {
			s.insiders[p.encoder.holder()] = time.Now()
		}
	}
	if s.crowd != nil {
		for identity := range s.crowd.people {
			s.insiders[identity] = time.Now()
		}
	}
	for identity := range s.groups.went {
		s.insiders[identity] = time.Now()
	}
	s.keepRoom()
}

// stayed tells of somebody who was in the room when it was created around them, and has not been away for long since. The caller holds the lock.
func (s *Studio) stayed(identity string) bool {
	away, was := s.insiders[identity]
	return was && (s.isIn(identity) || time.Since(away) < stayGrace)
}

// isIn tells whether somebody is in the room in any way. The caller holds the lock.
func (s *Studio) isIn(identity string) bool {
	if s.members[identity] != nil || s.there(identity) {
		return true
	}
	for _, p := range s.members {
		if p.encoder != nil && p.encoder.holder() == identity {
			return true
		}
	}
	return false
}

// noteAway begins the time that somebody has to come back who leaves the room. The caller holds the lock.
func (s *Studio) noteAway(identity string) {
	if _, was := s.insiders[identity]; was {
		s.insiders[identity] = time.Now()
		s.keepLater(partRoom)
		s.forgetAway()
	}
}

// forgetAway has those forgotten who do not come back in time, also by what is kept.
func (s *Studio) forgetAway() {
	time.AfterFunc(stayGrace, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.keepLater(partRoom)
	})
}

// keptInsiders are those who stayed; the others are forgotten. The caller holds the lock.
func (s *Studio) keptInsiders() []string {
	maps.DeleteFunc(s.insiders, func(identity string, _ time.Time) bool { return !s.stayed(identity) })
	return slices.Sorted(maps.Keys(s.insiders))
}

// recallInsiders gives those who stayed their time to come back after a restart. The caller holds the lock.
func (s *Studio) recallInsiders(identities []string) {
	s.insiders = map[string]time.Time{}
	for _, identity := range identities {
		s.insiders[identity] = time.Now()
	}
	if len(identities) > 0 {
		s.forgetAway()
	}
}
