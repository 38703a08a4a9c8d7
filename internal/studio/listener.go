package studio

import (
	"github.com/tuttilive/tutti/internal/room"
)

// Listen hears messages that are addressed to a name in the room that is nobody's identity, until stop is called: answers to
// what the server asks of participants.
func (s *Studio) Listen(name string, obs Observer) (stop func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, ErrNoRoom
	}
	s.listeners[name] = obs
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.listeners, name)
	}, nil
}

// tellListeners passes on what is addressed to them. The caller holds the lock.
func (s *Studio) tellListeners(e room.Event) {
	if len(s.listeners) == 0 {
		return
	}
	d, ok := e.(room.DataReceived)
	if !ok {
		return
	}
	for _, to := range d.Data.To {
		if obs := s.listeners[to]; obs != nil {
			obs.RoomEvent(e)
		}
	}
}
