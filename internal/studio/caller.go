package studio

import (
	"time"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/room/plain"
	"github.com/tuttilive/tutti/internal/room/stage"
)

// Caller is who asks for something without a connection, each time with a token of their own. The right to direct a room is that of its
// application; in a room under it a token makes nobody more than who they are, since those who direct for the moment have such tokens. The
// door holds for them as for those who come in: it fails with a *room.Refusal for who is banned, for who is outside a closed door, and for
// who asks too often.
func (s *Studio) Caller(who auth.Claims) (Actor, error) {
	if who.Video.RoomAdmin && s.annex == nil {
		return Actor{App: true}, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	id := who.Identity
	if err := s.stage.MayCome(id, false); err != nil {
		return Actor{}, err
	}
	if err := s.stage.Inside(id); err != nil {
		return Actor{}, err
	}
	if wait := s.callers.Take(id, asksPerPerson, 1, time.Now()); wait > 0 {
		return Actor{}, errTooManyAsks.After(wait)
	}
	name := s.stage.NameFor(stage.Person{Identity: id, Name: plain.Name(who.Name)})
	return Actor{Identity: id, Name: name, Admin: who.Video.RoomAdmin, Named: !MayRename(who)}, nil
}
