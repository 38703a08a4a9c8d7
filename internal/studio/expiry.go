package studio

import (
	"time"

	"github.com/tuttilive/tutti/internal/room"
)

// expireEvery is how often rooms are looked through for those that nobody uses.
const expireEvery = time.Hour

// expireRooms forgets rooms that nobody uses, until the house closes.
func (h *House) expireRooms(after time.Duration) {
	tick := time.NewTicker(expireEvery)
	defer tick.Stop()
	for {
		now := time.Now()
		inUse := func(name string) bool { _, err := h.Studio(name); return err == nil }
		if err := h.rooms.Expire(now.Add(-after), now, inUse, h.log); err != nil {
			h.log.Error("looking for rooms that nobody uses", "error", err)
		}
		select {
		case <-tick.C:
		case <-h.stop:
			return
		}
	}
}

// NoteUse notes that somebody came into a room or watches it, without holding them up. Enter and Watch do so by themselves.
func (h *House) NoteUse(roomName string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed || h.rooms == nil || !h.rooms.dueForUse(roomName, time.Now()) {
		return
	}
	h.work.Go(func() {
		if err := h.rooms.Use(roomName, time.Now()); err != nil {
			h.log.Error("noting that a room is used", "room", roomName, "error", err)
		}
	})
}

// Delete ends a room for everybody in it and forgets what was kept of it.
func (h *House) Delete(roomName string) error {
	if err := h.rooms.Delete(roomName); err != nil { // first, so that nobody comes back with an old link
		return err
	}
	for _, door := range h.elsewhere {
		door.End(roomName)
	}
	if s, err := h.Studio(roomName); err == nil {
		s.Close(room.LeftRoomDeleted)
	}
	return nil
}
