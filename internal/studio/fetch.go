package studio

import (
	"time"

	"github.com/tuttilive/tutti/internal/room"
)

// fetchWithin is how long a viewer waits for a stream that is fetched on demand.
const fetchWithin = 8 * time.Second

// Fetcher fetches streams from elsewhere when somebody wants to watch them.
type Fetcher interface {
	// Fetch tells whether there is something to fetch for a room, and begins to. It must not block.
	Fetch(roomName string) bool
	// Fetches tells whether there is something to fetch for a room.
	Fetches(roomName string) bool
}

// Want has what a room shows fetched, where it is not live and is fetched on demand, and tells whether that is so.
func (h *House) Want(roomName string) bool { return h.fetcher != nil && h.fetcher.Fetch(roomName) }

func (h *House) fetches(roomName string) bool { return h.fetcher != nil && h.fetcher.Fetches(roomName) }

// lacksIngest tells whether what a room shows was begun by an ingest, and none is there: it ends soon, unless one comes.
func (s *Studio) lacksIngest() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.air == nil || !s.air.byIngest {
		return false
	}
	for _, p := range s.members {
		if p.kind == room.Ingest {
			return false
		}
	}
	return true
}

// await opens a program that is about to begin.
func (h *House) await(roomName string) (*Watcher, error) {
	limit := time.NewTimer(fetchWithin)
	defer limit.Stop()
	for {
		s, err := h.Open(roomName, room.Settings{})
		if err != nil {
			return nil, err
		}
		changed := s.Changed()
		w, err := h.Tap(roomName)
		if err == nil {
			return w, nil
		}
		select {
		case <-changed:
		case <-s.stop:
		case <-limit.C:
			return nil, err
		case <-h.stop:
			return nil, ErrShutdown
		}
	}
}
