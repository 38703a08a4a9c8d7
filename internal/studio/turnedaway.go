package studio

import (
	"slices"
	"sync"
	"time"

	"github.com/tuttilive/tutti/internal/room"
)

// Bounds of what is remembered of encoders that were turned away: strangers can make up names of rooms.
const (
	maxTurnedAway      = 8 // of a room
	maxTurnedAwayRooms = 500
)

// TurnedAway is an encoder that was not let in, or was sent away for what it sent.
type TurnedAway struct {
	// At is when that happened last, Times how often in a row: encoders try again by themselves.
	At       time.Time
	Times    int
	Protocol string
	// Code is a stable word, Reason an English sentence.
	Code, Reason string
}

// turnedAway remembers encoders that were turned away, of the rooms where that happened last.
type turnedAway struct {
	mu     sync.Mutex
	byRoom map[string][]TurnedAway // the newest last
	order  []string                // of rooms, the one where it happened last at the end
}

// TurnAway notes for the hosts of a room that an encoder was turned away.
func (h *House) TurnAway(roomName, protocol, code, reason string) {
	if room.CheckName(roomName) != nil {
		return
	}
	t := &h.turned
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.byRoom == nil {
		t.byRoom = map[string][]TurnedAway{}
	}
	list, remembered := t.byRoom[roomName]
	now := TurnedAway{At: time.Now(), Times: 1, Protocol: protocol, Code: code, Reason: reason}
	if i := slices.IndexFunc(list, func(o TurnedAway) bool { return o.Protocol == protocol && o.Code == code && o.Reason == reason }); i >= 0 {
		now.Times += list[i].Times
		list = slices.Delete(list, i, i+1)
	}
	list = append(list, now)
	t.byRoom[roomName] = list[max(0, len(list)-maxTurnedAway):]
	if remembered { // names that are made up are not looked for
		i := slices.Index(t.order, roomName)
		t.order = slices.Delete(t.order, i, i+1)
	}
	if t.order = append(t.order, roomName); len(t.order) > maxTurnedAwayRooms {
		delete(t.byRoom, t.order[0])
		t.order = t.order[1:]
	}
}

// TurnedAway are the encoders that were turned away from a room of late, the last one first.
func (h *House) TurnedAway(roomName string) []TurnedAway {
	h.turned.mu.Lock()
	defer h.turned.mu.Unlock()
	list := slices.Clone(h.turned.byRoom[roomName])
	slices.Reverse(list)
	return list
}

// forget forgets what happened to whoever had the room before.
func (t *turnedAway) forget(roomName string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.byRoom, roomName)
	t.order = slices.DeleteFunc(t.order, func(name string) bool { return name == roomName })
}
