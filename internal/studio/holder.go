package studio

import (
	"strings"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/room/stage"
)

// An encoder that comes with a token is that of the token's holder, and no way round what the room decides about them: a ban, the door, the
// stage, a mute. A stream key is the room's, and so is a token for all of the room or for ingests.

// holder is the identity in the token that let an encoder in, "" where something else did.
func (e *Encoder) holder() string {
	if strings.HasPrefix(e.owner, "token ") {
		return e.Claims.Identity
	}
	return ""
}

// bound is the holder where the encoder may do no more than they, else "".
func (e *encoder) bound() string {
	if e == nil || forRoom(e.Claims) {
		return ""
	}
	return e.holder()
}

// forRoom tells of claims that are good for ingests whoever has them.
func forRoom(c auth.Claims) bool { return c.Video.RoomAdmin || c.Video.IngressAdmin }

// mayIngest refuses a token whose holder may not send a stream into a room at the moment.
func (h *House) mayIngest(roomName string, policy room.Policy, c auth.Claims) error {
	if s, err := h.Studio(roomName); err == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.mayIngest(c)
	}
	if scene, ok := h.scenes.Find(policy.Scene); ok && scene.HasStage() && !forRoom(c) { // nobody is on it
		return auth.ErrDenied
	}
	return nil
}

// mayIngest is called with the lock held.
func (s *Studio) mayIngest(c auth.Claims) error {
	switch {
	case s.stage.Banned(c.Identity):
		return stage.ErrBanned
	case forRoom(c):
		return nil
	case s.scene.HasStage() && !s.stage.RoleOf(c.Identity).OnStage():
		return auth.ErrDenied
	}
	return s.stage.Inside(c.Identity)
}

// leads tells whether an ingest is the show's: it puts the room on the air and keeps it there, its picture goes before those of people, and
// it is lent with the host. Where somebody says who comes in, or who is heard, not everybody's is. The caller holds the lock.
func (s *Studio) leads(p *Participant) bool {
	if p == nil || p.kind != room.Ingest {
		return false
	}
	who := p.encoder.bound()
	guarded := s.scene.HasStage() || s.scene.Has("lock") || s.scene.Has("waitingRoom")
	return who == "" || !guarded || s.stage.RoleOf(who).Directs()
}

// hasPlace tells whether an identity is somebody's who is in the room or comes back: who is in the audience or in a group, or has something kept for
// them. An encoder would stand where they do. The caller holds the lock.
func (s *Studio) hasPlace(identity string) bool {
	p := s.members[identity]
	_, went := s.groups.went[identity]
	return p != nil && p.encoder == nil || went || s.stage.Knows(identity)
}

// removeEncodersOf sends away the encoders of somebody who is removed, and tells whether there were any. The caller holds the lock.
func (s *Studio) removeEncodersOf(identity string) (some bool) {
	for _, p := range s.members {
		if p.encoder != nil && p.encoder.holder() == identity {
			s.leave(p, room.LeftRemoved)
			some = true
		}
	}
	return some
}

// followHolders has encoders follow what has happened to those with whose tokens they came. The caller holds the lock.
func (s *Studio) followHolders(happened []stage.Happening) {
	about := map[string]bool{}
	for _, h := range happened {
		about[h.Person.Identity] = h.What != stage.MediaChanged || about[h.Person.Identity]
	}
	for _, p := range s.members {
		if p.encoder == nil || p.encoder.holder() == "" || !about[p.encoder.holder()] {
			continue
		}
		if err := s.stillIngests(p); err != nil {
			s.dismiss(p, err)
			continue
		}
		s.emit(s.permit(p))
	}
}

// stillIngests refuses an encoder that may not come any more, or not with all that it publishes: half of it is of no use to whoever sends it.
// The caller holds the lock.
func (s *Studio) stillIngests(p *Participant) error {
	if err := s.mayIngest(p.encoder.Claims); err != nil {
		return err
	}
	perm := s.allowed(p)
	for _, entry := range s.tracks {
		if entry.publisherSID == p.sid && !perm.MayPublishAs(entry.pub) {
			return room.ErrNotAllowed
		}
	}
	return nil
}
