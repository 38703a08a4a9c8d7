package rtmp

import (
	"sync"

	"github.com/tuttilive/tutti/internal/room"
)

// observer ends a connection when the room ends its participant. The room calls it with its lock held.
type observer struct {
	kick func(reason error)

	mu  sync.Mutex
	sid string
}

// entered names the participant. Nobody can have removed it by a SID that nobody knew.
func (o *observer) entered(sid string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.sid = sid
}

// RoomEvent implements studio.Observer.
func (o *observer) RoomEvent(e room.Event) {
	switch e := e.(type) {
	case room.RoomClosed:
		if e.Reason == room.LeftServerShutdown {
			o.kick(errShutdown)
		} else {
			o.kick(errRoomEnded)
		}
	case room.ParticipantLeft:
		o.mu.Lock()
		self := e.Participant.SID == o.sid
		o.mu.Unlock()
		if !self {
			return
		}
		switch e.Reason {
		case room.LeftDuplicate:
			o.kick(errReplaced)
		case room.LeftRemoved:
			o.kick(errRemoved)
		}
	}
}
