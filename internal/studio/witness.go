package studio

import (
	"time"

	"github.com/tuttilive/tutti/internal/room"
)

// Witness hears what happens in all rooms, from RoomOpened to RoomClosed, but for messages and who speaks. It is called with
// the studio's lock held: it must not block or call back. in gives the room as it is at the moment, for as long as the call
// lasts.
type Witness interface {
	RoomEvent(in func() RoomInfo, e room.Event)
}

// tellWitnesses tells those who watch over all rooms. The caller holds the lock.
func (s *Studio) tellWitnesses(e room.Event) {
	if !changesStatus(e) {
		return
	}
	s.house.chronicle.RoomEvent(s.name, e, time.Now())
	for _, w := range s.house.witnesses {
		w.RoomEvent(s.info, e)
	}
}
