package studio

import (
	"fmt"
	"log/slog"
	"maps"
	"time"

	"github.com/tuttilive/tutti/internal/program/compose"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/room/board"
	"github.com/tuttilive/tutti/internal/room/pk"
	"github.com/tuttilive/tutti/internal/room/rollcall"
	"github.com/tuttilive/tutti/internal/room/songs"
	"github.com/tuttilive/tutti/internal/room/stage"
	"github.com/tuttilive/tutti/internal/store"
)

// Running is what is kept of an open room that is more than some people who talk, so that it is the same room after a restart.
type Running struct {
	SID       string        `json:"sid"`
	CreatedAt time.Time     `json:"createdAt"`
	Settings  room.Settings `json:"settings"`
	// Visited tells that somebody had been there.
	Visited bool        `json:"visited,omitempty"`
	Stage   *stage.Kept `json:"stage,omitempty"`
	// Contest is one that was going on.
	Contest *pk.View `json:"contest,omitempty"`
	// Composition is how its pictures are put together, nil where nobody has chosen that.
	Composition *compose.Settings `json:"composition,omitempty"`
	// Images are the names of its images, which are kept by themselves.
	Images []string `json:"images,omitempty"`
	// Insiders are those who were there when somebody created the room around them, and have not left it since for long.
	Insiders []string `json:"insiders,omitempty"`
}

// Attended is who was in a room, and who answered its last roll call.
type Attended struct {
	Stays []rollcall.Stay
	Roll  *rollcall.Kept // nil where there was none
}

// Left is all that was kept of a room.
type Left struct {
	Running
	// Talk, Board and Songs are nil where there was none.
	Talk  *Talked
	Board *board.Kept
	Songs *songs.Kept
	// Attended is who was there, until LastSeen where they were when it was kept.
	Attended Attended
	LastSeen time.Time
}

// RoomKeeper keeps open rooms beyond the life of the process. All but Left and Image are called with locks held: they must not block.
type RoomKeeper interface {
	// Left are the rooms that were open when the last process ended, by name.
	Left() map[string]Left
	// Keep, KeepTalk, KeepBoard, KeepSongs and KeepAttended keep a part of a room each, in the place of what was kept before.
	Keep(roomName string, r Running)
	KeepTalk(roomName string, t Talked)
	KeepBoard(roomName string, b board.Kept)
	KeepSongs(roomName string, k songs.Kept)
	KeepAttended(roomName string, a Attended)
	// KeepImage keeps an image of the composition as it was brought, none when it is empty; Image reads one of a room that is left.
	KeepImage(roomName, image string, b []byte)
	Image(roomName, image string) ([]byte, error)
	// Forget ends all of it.
	Forget(roomName string)
}

// RunningRooms keeps open rooms in the store. Close waits until all is written.
type RunningRooms struct {
	rooms    *store.Later[Running]
	talks    *store.Later[Talked]
	boards   *store.Later[board.Kept]
	songs    *store.Later[songs.Kept]
	attended *store.Later[Attended]
	images   *store.Later[[]byte] // by imageKey
	shown    *store.Files         // what those are written to
	left     map[string]Left
}

// OpenRunningRooms reads which rooms were open; after a long absence they are forgotten.
func OpenRunningRooms(s *store.Store, longAway bool, log *slog.Logger) (*RunningRooms, error) {
	rooms, left, err := openKept[Running](s, "running", longAway, log)
	if err != nil {
		return nil, err
	}
	talks, talked, err := openKept[Talked](s, "talks", longAway, log)
	if err != nil {
		return nil, err
	}
	boards, drawn, err := openKept[board.Kept](s, "boards", longAway, log)
	if err != nil {
		return nil, err
	}
	sung, singing, err := openKept[songs.Kept](s, "songs", longAway, log)
	if err != nil {
		return nil, err
	}
	attended, there, err := openKept[Attended](s, "attended", longAway, log)
	if err != nil {
		return nil, err
	}
	shown, err := store.OpenFiles(s, "images")
	if err != nil {
		return nil, err
	}
	k := &RunningRooms{rooms: rooms, talks: talks, boards: boards, songs: sung, attended: attended,
		images: store.NewLater(shown, "images", log), shown: shown, left: map[string]Left{}}
	var images []string
	for name, r := range left {
		l := Left{Running: r}
		if t, ok := talked[name]; ok {
			l.Talk = &t
		}
		if b, ok := drawn[name]; ok {
			l.Board = &b
		}
		if sung, ok := singing[name]; ok {
			l.Songs = &sung
		}
		l.Attended, l.LastSeen = there[name], s.Seen()
		k.left[name] = l
		for _, image := range r.Images {
			images = append(images, imageKey(name, image))
		}
	}
	if err := shown.Retain(images); err != nil {
		log.Warn("images of rooms that are over are still on the disk", "error", err)
	}
	return k, nil
}

// openKept reads a bucket, or empties it after a long absence.
func openKept[T any](s *store.Store, name string, longAway bool, log *slog.Logger) (*store.Later[T], map[string]T, error) {
	bucket, err := store.OpenBucket[T](s, name)
	if err != nil {
		return nil, nil, err
	}
	left, err := bucket.All()
	if err != nil {
		return nil, nil, fmt.Errorf("reading what was kept of open rooms (%s): %w", name, err)
	}
	later := store.NewLater(bucket, name, log)
	if longAway {
		for room := range left {
			later.Delete(room)
		}
		left = nil
	}
	return later, left, nil
}

// Left implements RoomKeeper.
func (k *RunningRooms) Left() map[string]Left { return maps.Clone(k.left) }

// Keep implements RoomKeeper.
func (k *RunningRooms) Keep(roomName string, r Running) { k.rooms.Put(roomName, r) }

// KeepTalk implements RoomKeeper.
func (k *RunningRooms) KeepTalk(roomName string, t Talked) { k.talks.Put(roomName, t) }

// KeepBoard implements RoomKeeper.
func (k *RunningRooms) KeepBoard(roomName string, b board.Kept) { k.boards.Put(roomName, b) }

// KeepSongs implements RoomKeeper.
func (k *RunningRooms) KeepSongs(roomName string, kept songs.Kept) { k.songs.Put(roomName, kept) }

// KeepAttended implements RoomKeeper.
func (k *RunningRooms) KeepAttended(roomName string, a Attended) { k.attended.Put(roomName, a) }

// KeepImage implements RoomKeeper.
func (k *RunningRooms) KeepImage(roomName, image string, b []byte) {
	if len(b) == 0 {
		k.images.Delete(imageKey(roomName, image))
		return
	}
	k.images.Put(imageKey(roomName, image), b)
}

// Image implements RoomKeeper.
func (k *RunningRooms) Image(roomName, image string) ([]byte, error) {
	return k.shown.Get(imageKey(roomName, image))
}

// imageKey is what an image is kept under. Names of images have no slash.
func imageKey(roomName, image string) string { return image + "/" + roomName }

// Forget implements RoomKeeper.
func (k *RunningRooms) Forget(roomName string) {
	k.rooms.Delete(roomName)
	k.talks.Delete(roomName)
	k.boards.Delete(roomName)
	k.songs.Delete(roomName)
	k.attended.Delete(roomName)
	for _, image := range compose.ImageNames {
		k.images.Delete(imageKey(roomName, image))
	}
}

// Close writes what is left.
func (k *RunningRooms) Close() {
	k.rooms.Close()
	k.talks.Close()
	k.boards.Close()
	k.songs.Close()
	k.attended.Close()
	k.images.Close()
}

// noRooms keeps nothing.
type noRooms struct{}

func (noRooms) Left() map[string]Left                { return nil }
func (noRooms) Keep(string, Running)                 {}
func (noRooms) KeepTalk(string, Talked)              {}
func (noRooms) KeepBoard(string, board.Kept)         {}
func (noRooms) KeepSongs(string, songs.Kept)         {}
func (noRooms) KeepAttended(string, Attended)        {}
func (noRooms) KeepImage(string, string, []byte)     {}
func (noRooms) Image(string, string) ([]byte, error) { return nil, store.ErrNotFound }
func (noRooms) Forget(string)                        {}

// reopen opens a room as it was before a restart, and waits for its people: they need a moment to come back.
func (h *House) reopen(roomName string, l Left) {
	state, err := room.New(roomName, l.Settings.Within(h.rules), l.CreatedAt)
	if err != nil {
		h.running.Forget(roomName) // its name is no longer allowed
		return
	}
	state.SID = l.SID
	if l.Visited {
		state.Visit()
	}
	s := newStudio(h, state, h.sceneOf(roomName))
	h.mu.Lock()
	h.studios[roomName] = s
	h.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.recall(l)
	patience := state.KeptFor()
	if !l.Visited {
		patience -= time.Since(l.CreatedAt)
	}
	s.wait(max(patience, h.returnGrace))
}

// keepRoom notes how the room is run, for after a restart. The caller holds the lock, or is the only one who knows the studio.
func (s *Studio) keepRoom() {
	s.memory.unkept |= partRoom
	s.keepNow()
}
