package studio

import (
	"fmt"
	"log/slog"
	"maps"
	"time"

	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/store"
)

// Running is what is kept of an open room that has settings of its own, so that it is the same room after a restart.
type Running struct {
	SID       string        `json:"sid"`
	CreatedAt time.Time     `json:"createdAt"`
	Settings  room.Settings `json:"settings"`
	// Visited tells that somebody had been there.
	Visited bool `json:"visited,omitempty"`
}

// RoomKeeper keeps open rooms beyond the life of the process. Keep and Forget are called with locks held: they must not block.
type RoomKeeper interface {
	// Left are the rooms that were open when the last process ended, by name.
	Left() map[string]Running
	Keep(roomName string, r Running)
	Forget(roomName string)
}

// RunningRooms keeps open rooms in the store. Close waits until all is written.
type RunningRooms struct {
	later *store.Later[Running]
	left  map[string]Running
}

// OpenRunningRooms reads which rooms were open; after a long absence they are forgotten.
func OpenRunningRooms(s *store.Store, longAway bool, log *slog.Logger) (*RunningRooms, error) {
	bucket, err := store.OpenBucket[Running](s, "running")
	if err != nil {
		return nil, err
	}
	left, err := bucket.All()
	if err != nil {
		return nil, fmt.Errorf("reading the rooms that were open: %w", err)
	}
	k := &RunningRooms{later: store.NewLater(bucket, "open rooms", log), left: left}
	if longAway {
		for name := range left {
			k.later.Delete(name)
		}
		k.left = nil
	}
	return k, nil
}

// Left implements RoomKeeper.
func (k *RunningRooms) Left() map[string]Running { return maps.Clone(k.left) }

// Keep implements RoomKeeper.
func (k *RunningRooms) Keep(roomName string, r Running) { k.later.Put(roomName, r) }

// Forget implements RoomKeeper.
func (k *RunningRooms) Forget(roomName string) { k.later.Delete(roomName) }

// Close writes what is left.
func (k *RunningRooms) Close() { k.later.Close() }

// noRooms keeps nothing.
type noRooms struct{}

func (noRooms) Left() map[string]Running { return nil }
func (noRooms) Keep(string, Running)     {}
func (noRooms) Forget(string)            {}

// reopen opens a room as it was before a restart, and waits for its people: they need a moment to come back.
func (h *House) reopen(roomName string, r Running) {
	state, err := room.New(roomName, r.Settings.Within(h.rules), r.CreatedAt)
	if err != nil {
		h.running.Forget(roomName) // its name is no longer allowed
		return
	}
	state.SID = r.SID
	if r.Visited {
		state.Visit()
	}
	s := newStudio(h, state, h.sceneOf(roomName))
	h.mu.Lock()
	h.studios[roomName] = s
	h.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept = true
	patience := state.KeptFor()
	if !r.Visited {
		patience -= time.Since(r.CreatedAt)
	}
	s.wait(max(patience, h.returnGrace))
}

// keepRoom notes how the room is run, for after a restart, where that is not as all are run. The caller holds the lock, or is the
// only one who knows the studio.
func (s *Studio) keepRoom() {
	if s.room.Settings == s.house.rules && !s.kept || s.annex != nil {
		return
	}
	s.kept = true
	s.house.running.Keep(s.name, Running{
		SID: s.room.SID, CreatedAt: s.room.CreatedAt, Settings: s.room.Settings, Visited: s.room.Visited(),
	})
}
