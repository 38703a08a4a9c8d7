package studio

import (
	"slices"
	"time"

	"github.com/tuttilive/tutti/internal/program/compose"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/room/stage"
)

// risingFor is how long the picture of somebody who was given a seat is counted on: they see themselves first, and may be asked whether a page may have their camera.
const risingFor = 30 * time.Second

// rise counts on the picture of somebody who was given a seat, so that the program is ready for it. The caller holds the lock, and changes who is on stage.
func (s *Studio) rise(who stage.Person) {
	if !slices.Contains(s.sources(stage.Speaker), room.Camera) {
		return
	}
	until := time.Now().Add(risingFor)
	s.rising[who.Identity] = until
	time.AfterFunc(risingFor, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.closed || s.rising[who.Identity] != until {
			return
		}
		delete(s.rising, who.Identity)
		s.restage()
	})
}

// awaited marks those among sources whose picture is counted on, adds those of whom there is nothing yet, and forgets whose picture has come. The caller
// holds the lock.
func (s *Studio) awaited(list []compose.Source) []compose.Source {
	if len(s.rising) == 0 {
		return list
	}
	for _, seat := range s.stage.Snapshot().Seats {
		if seat.Who == nil || s.rising[seat.Who.Identity].IsZero() {
			continue
		}
		identity := seat.Who.Identity
		i := slices.IndexFunc(list, func(x compose.Source) bool { return x.ID == identity })
		if i < 0 {
			i = len(list)
			list = append(list, compose.Source{ID: identity, Identity: identity, Name: seat.Who.Name, Seat: seat.N})
		}
		if list[i].Coming = list[i].Picture == nil; !list[i].Coming {
			delete(s.rising, identity) // it has come, and is waited for no more if it goes
		}
	}
	return list
}
