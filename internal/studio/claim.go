package studio

import (
	"slices"

	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/store"
)

// CreateUnclaimed makes a room for somebody without a key or token for that. A name that others use who have one is taken, whether or not they
// created a room of it: whoever creates a room is its host. So it is store.ErrExists, too, where the room runs or is coming back, or anything
// is kept for it.
func (h *House) CreateUnclaimed(name string, policy room.Policy) error {
	if !h.dev && (h.inUse(name) || h.rooms.claimed(name)) {
		return store.ErrExists
	}
	return h.rooms.Create(name, policy)
}

// inUse tells whether anybody is in a room, at whatever door, or its show is coming back.
func (h *House) inUse(name string) bool {
	_, err := h.Studio(name)
	return err == nil || h.Live(name).Returning || slices.ContainsFunc(h.elsewhere, func(door Elsewhere) bool { return door.Holds(name) })
}

// OnClaim has keeps asked whether anything is kept for a name by somebody whom a key or token lets do so: such a name is taken, also where
// nobody created a room of it. It must not call back.
func (p *Policies) OnClaim(keeps func(name string) bool) {
	p.writing.Lock()
	defer p.writing.Unlock()
	p.keeping = append(p.keeping, keeps)
}

// claimed tells whether anything is kept for a name.
func (p *Policies) claimed(name string) bool {
	p.writing.Lock()
	defer p.writing.Unlock()
	if !p.intakes.of(name).IsZero() {
		return true
	}
	return slices.ContainsFunc(p.keeping, func(keeps func(string) bool) bool { return keeps(name) })
}
