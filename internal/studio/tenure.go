package studio

import (
	"fmt"

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

// before tells of a token for a room that still runs as it did when somebody created it: who is inside stays.
func (h *House) before(claims auth.Claims) bool {
	s, err := h.Studio(claims.Video.Room)
	return err == nil && s.uncreated.Load() && claims.Tenure == h.keys.Tenure(s.name, "")
}

// handedOver notes of a room that runs that its name changes hands: somebody creates it only now, or it is deleted and ends.
func (h *House) handedOver(roomName string) {
	if s, err := h.Studio(roomName); err == nil {
		s.uncreated.Store(true)
	}
}
