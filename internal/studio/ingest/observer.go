package ingest

import (
	"errors"
	"sync"

	"github.com/tuttilive/tutti/internal/room"
)

// Why the room ends an encoder's connection.
var (
	ErrReplaced  = errors.New("another encoder took over")
	ErrRemoved   = errors.New("removed by the host")
	ErrRoomEnded = errors.New("the room was closed")
	ErrShutdown  = errors.New("the server is shutting down")
)

// Observer ends a connection when the room ends its participant. The room calls it with its lock held, and so it calls Kick, which
// must not block.
type Observer struct {
	Kick func(reason error)

	mu  sync.Mutex
	sid string
}

// Entered names the participant. Nobody can have removed it by a SID that nobody knew.
func (o *Observer) Entered(sid string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.sid = sid
}

// Dismiss implements studio.EncoderObserver.
func (o *Observer) Dismiss(why error) { o.Kick(why) }

// RoomEvent implements studio.Observer.
func (o *Observer) RoomEvent(e room.Event) {
	switch e := e.(type) {
	case room.RoomClosed:
		if e.Reason == room.LeftServerShutdown {
			o.Kick(ErrShutdown)
		} else {
			o.Kick(ErrRoomEnded)
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
			o.Kick(ErrReplaced)
		case room.LeftRemoved:
			o.Kick(ErrRemoved)
		}
	}
}
