package studio

import (
	"time"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/room/stage"
	"github.com/tuttilive/tutti/internal/studio/talk"
)

// Elsewhere is a door that holds people of a room who need not be participants in its studio, because their media goes
// past the server.
type Elsewhere interface {
	// Remove sends somebody away, and tells whether they were there. It is called without locks held.
	Remove(roomName, identity string) bool
	// End sends everybody away, because the room was deleted. It is called without locks held.
	End(roomName string)
	// Holds tells whether anybody is there. It is called without locks held.
	Holds(roomName string) bool
}

// AlsoAt makes a door known. It is called before anybody comes in.
func (h *House) AlsoAt(door Elsewhere) { h.elsewhere = append(h.elsewhere, door) }

// Revoke makes the tokens of an identity for a room worthless that were made before a moment. Who is in its audience by one, or in that of a
// room under it, is so no more, nor publishes an encoder by one, and cut tells that somebody was or did; participants are sent away with Remove.
func (h *House) Revoke(roomName, identity string, before time.Time) (cut bool, err error) {
	if err := h.rooms.Revoke(roomName, identity, before); err != nil {
		return false, err
	}
	rooms := []string{roomName}
	if s, err := h.Studio(roomName); err == nil {
		s.mu.Lock()
		rooms = append(rooms, s.groups.breakout.Rooms()...)
		s.mu.Unlock()
	}
	for _, name := range rooms {
		if s, err := h.Studio(name); err == nil {
			cut = s.cutRevoked(identity, func(made time.Time) bool { return h.rooms.revoked.covers(roomName, identity, made) }) || cut
		}
	}
	return cut, nil
}

// cutRevoked ends those connections of somebody in the audience, and of their encoders, whose tokens were revoked, by when they were made, and tells
// whether there were any.
func (s *Studio) cutRevoked(identity string, revoked func(made time.Time) bool) (some bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.members {
		if p.encoder != nil && p.encoder.holder() == identity && revoked(p.encoder.Claims.Made) {
			s.dismiss(p, auth.ErrRevoked)
			some = true
		}
	}
	if s.crowd == nil {
		return some
	}
	farewell := talk.Frame(talk.Encode(talk.Bye{Reason: "revoked"}))
	for _, a := range s.crowd.people[identity] {
		if revoked(a.claims.Made) {
			a.ear.Cut(farewell, "unauthorized")
			some = true
		}
	}
	return some
}

// Remove sends somebody away, wherever in the room they are: ErrNoRoom or room.ErrNoParticipant when they are nowhere.
func (h *House) Remove(roomName, identity string) error {
	found := h.removeElsewhere(roomName, identity)
	s, err := h.Studio(roomName)
	if err == nil {
		err = s.Remove(identity)
	}
	if found {
		return nil
	}
	return err
}

func (h *House) removeElsewhere(roomName, identity string) (found bool) {
	for _, door := range h.elsewhere {
		found = door.Remove(roomName, identity) || found
	}
	return found
}

// followElsewhere has the other doors send away whom the stage did: they would go on face to face there. The caller holds the lock.
func (s *Studio) followElsewhere(h stage.Happening) {
	if h.What == stage.Banned || h.What == stage.TurnedAway && h.Reason != stage.Gone {
		s.work.Go(func() { s.house.removeElsewhere(s.name, h.Person.Identity) })
	}
}
