package hls

import (
	"sync"

	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/studio"
)

// Keeper has the streams of all shows made from their beginning, so that whoever comes later can go back to before anybody watched, and starts at
// once. It is a witness of the house. Whoever opened it closes it, before the door.
type Keeper struct {
	mu      sync.Mutex // taken under the lock of a studio: who holds it asks no studio and no house for anything
	door    *Server    // nil before Open
	closed  bool
	early   map[string]struct{} // rooms that went on the air before Open
	kept    map[any]struct{}    // programs
	closing chan struct{}
	running sync.WaitGroup
}

// NewKeeper makes one that keeps nothing until it is opened.
func NewKeeper() *Keeper {
	return &Keeper{early: map[string]struct{}{}, kept: map[any]struct{}{}, closing: make(chan struct{})}
}

// Open keeps the streams of a door's house from now on.
func (k *Keeper) Open(door *Server) {
	k.mu.Lock()
	k.door = door
	early := k.early
	k.early = nil
	k.mu.Unlock()
	for roomName := range early {
		k.look(roomName)
	}
}

// Close lets go of all streams and waits for that; call it once.
func (k *Keeper) Close() {
	k.mu.Lock()
	k.closed = true
	k.mu.Unlock()
	close(k.closing)
	k.running.Wait()
}

// RoomEvent implements studio.Witness.
func (k *Keeper) RoomEvent(in func() studio.RoomInfo, e room.Event) {
	if changed, ok := e.(room.LiveChanged); ok && changed.Live.On {
		k.look(in().Name)
	}
}

// look keeps the stream of a room's program, if it is not kept already. It does not block.
func (k *Keeper) look(roomName string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch door := k.door; {
	case k.closed:
	case door == nil:
		k.early[roomName] = struct{}{}
	default:
		k.running.Go(func() { k.keep(door, roomName) })
	}
}

// keep returns when the program has ended, or is kept by another call.
func (k *Keeper) keep(door *Server, roomName string) {
	w, err := door.house.Tap(roomName)
	if err != nil {
		return // the show is over already
	}
	defer w.Close()
	if !k.claim(w.Program()) {
		return
	}
	defer k.release(w.Program())
	if b, err := door.join(roomName, w); err != nil && !b.ended() {
		door.log.Warn("keeping a show for going back", "room", roomName, "error", err)
		return
	}
	select { // at once where the show is over meanwhile
	case <-w.Done():
	case <-k.closing:
	}
}

func (k *Keeper) claim(program any) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	_, kept := k.kept[program]
	k.kept[program] = struct{}{}
	return !kept
}

func (k *Keeper) release(program any) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.kept, program)
}
