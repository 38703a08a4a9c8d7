package record

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/tuttilive/tutti/internal/s3"
	"github.com/tuttilive/tutti/internal/store"
)

// Shelf is what is kept: recordings, and how rooms are recorded. Its methods may be called from any goroutine. It is its recorder's.
type Shelf struct {
	library *library
	// uploader is nil where nothing is uploaded.
	uploader *uploader
	bucket   *s3.Bucket // nil for none
	saved    *store.Bucket[Settings]
	keepFor  time.Duration
	log      *slog.Logger
	// createdAt is since when there has been this room of its name.
	createdAt func(room string) time.Time

	mu       sync.Mutex
	settings map[string]Settings // as they were read
}

func openShelf(o Options) (*Shelf, error) {
	l, err := openLibrary(o.Dir, o.Log)
	if err != nil {
		return nil, err
	}
	h := &Shelf{library: l, bucket: o.Bucket, saved: o.Settings, keepFor: o.Keep, log: o.Log, settings: map[string]Settings{}}
	if o.Bucket != nil {
		h.uploader = newUploader(l, o.Bucket, o.KeepLocal, o.Log)
		l.bucket, l.changed = true, h.uploader.look
	}
	l.clearDeleted()
	return h, nil
}

// Of are the recordings of a room, the newest first: those of the room that has this name now.
func (h *Shelf) Of(name string) []Recording {
	created := h.createdAt(name)
	return h.shown(h.library.list(func(e *entry) bool { return e.Room == name && e.Created.Equal(created) }))
}

// All are all recordings, also of rooms that are gone, the newest first.
func (h *Shelf) All() []Recording {
	return h.shown(h.library.list(func(*entry) bool { return true }))
}

func (h *Shelf) shown(entries []entry) []Recording {
	all := make([]Recording, len(entries))
	for i, e := range entries {
		all[i] = h.dated(e)
	}
	return all
}

// dated says when a recording is deleted, and how far it is on its way into the bucket.
func (h *Shelf) dated(e entry) Recording {
	if h.uploader != nil {
		e.Upload = h.uploader.of(&e)
	}
	if keep := h.keep(e.Room, e.Created); keep > 0 && !e.EndedAt.IsZero() {
		e.ExpiresAt = e.EndedAt.Add(keep)
	}
	return e.Recording
}

// keep is how long the recordings of a room are kept, 0 for ever.
func (h *Shelf) keep(name string, created time.Time) time.Duration {
	if s := h.SettingsOf(name); s.Keep > 0 && h.createdAt(name).Equal(created) {
		return time.Duration(s.Keep * float64(time.Second))
	}
	return h.keepFor
}

// Find gives a recording, and whether it is of the room that has its room's name now.
func (h *Shelf) Find(id string) (rec Recording, current bool, err error) {
	e, err := h.library.find(id)
	if err != nil {
		return Recording{}, false, err
	}
	return h.dated(e), e.Created.Equal(h.createdAt(e.Room)), nil
}

// Change gives a recording another title, or lets others play it; nil leaves what is.
func (h *Shelf) Change(id string, title *string, published *bool) (Recording, error) {
	return h.library.amend(id, func(e *entry) {
		if title != nil {
			e.Title = *title
		}
		if published != nil {
			e.Published = *published
		}
	})
}

// expire deletes what has been kept long enough: recordings by their end, and files of those that go on by their own.
func (h *Shelf) expire(now time.Time) {
	for _, e := range h.library.list(func(e *entry) bool { return e.State == Running && len(e.Files) > 1 }) {
		h.expireFiles(e, now)
	}
	for _, rec := range h.All() {
		if rec.ExpiresAt.IsZero() || rec.ExpiresAt.After(now) || rec.State == Running {
			continue
		}
		if err := h.remove(rec.ID); err != nil {
			h.log.Error("deleting an old recording", "recording", rec.ID, "error", err)
			continue
		}
		h.log.Info("an old recording is deleted", "recording", rec.ID, "room", rec.Room, "ended", rec.EndedAt)
	}
}

// expireFiles deletes the files of a recording that have been kept long enough. The last one stays: it is recorded to, or was a moment ago.
func (h *Shelf) expireFiles(e entry, now time.Time) {
	keep := h.keep(e.Room, e.Created)
	if keep <= 0 {
		return
	}
	for _, f := range e.Files[:len(e.Files)-1] {
		if !f.Finished || f.end().Add(keep).After(now) {
			continue
		}
		if err := h.library.drop(e.ID, f.Name); err != nil {
			h.log.Error("deleting an old file of a recording", "recording", e.ID, "file", f.Name, "error", err)
			continue
		}
		if h.uploader != nil {
			h.uploader.stopFile(f.Name)
		}
		h.log.Info("an old file of a recording is deleted", "recording", e.ID, "room", e.Room, "file", f.Name, "ended", f.end())
	}
}

// SettingsOf are how a room is recorded.
func (h *Shelf) SettingsOf(name string) Settings {
	h.mu.Lock()
	s, ok := h.settings[name]
	h.mu.Unlock()
	if ok {
		return s
	}
	s, err := h.saved.Get(name)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		h.log.Error("reading how a room is recorded", "room", name, "error", err)
		return Settings{}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.settings) >= 10_000 {
		clear(h.settings)
	}
	h.settings[name] = s
	return s
}

// set keeps how a room is recorded.
func (h *Shelf) set(name string, s Settings) error {
	if err := h.saved.Put(name, s); err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.settings[name] = s
	return nil
}

// keeps tells whether it is said how a room is recorded, or anything was recorded in it as it is now.
func (h *Shelf) keeps(name string) bool {
	return h.SettingsOf(name) != (Settings{}) || len(h.Of(name)) > 0
}

// forget forgets how a room was recorded that is another's from now on.
func (h *Shelf) forget(name string) {
	if err := h.saved.Delete(name); err != nil {
		h.log.Error("forgetting how a room was recorded", "room", name, "error", err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.settings, name)
}

func (h *Shelf) remove(id string) error {
	err := h.library.remove(id)
	if h.uploader != nil {
		h.uploader.stop(id)
	}
	return err
}

// interrupted is the recording of a room that a restart interrupted a moment ago, "" for none.
func (h *Shelf) interrupted(name string, now time.Time) string {
	created := h.createdAt(name)
	for _, e := range h.library.list(func(e *entry) bool { return e.Room == name && e.Interrupted && e.Created.Equal(created) }) {
		if now.Sub(e.EndedAt) < continuedWithin {
			return e.ID
		}
	}
	return ""
}

// declinedBefore is when the show began that somebody stopped recording, as a room's last recording says; zero where nobody did.
func (h *Shelf) declinedBefore(name string) time.Time {
	created := h.createdAt(name)
	all := h.library.list(func(e *entry) bool { return e.Room == name && e.Created.Equal(created) })
	if len(all) == 0 {
		return time.Time{}
	}
	return all[0].Declined
}

// OpenFile opens a file of a recording for reading, as long as ctx is good. The caller closes it.
func (h *Shelf) OpenFile(ctx context.Context, id, name string) (io.ReadSeekCloser, File, error) {
	e, err := h.library.find(id)
	if err != nil {
		return nil, File{}, err
	}
	f := e.file(name)
	if f == nil {
		return nil, File{}, ErrNotFound
	}
	file, err := os.Open(h.library.path(f.Name))
	switch {
	case err == nil:
		return file, *f, nil
	case !errors.Is(err, os.ErrNotExist):
		return nil, *f, err
	case !f.Stored:
		return nil, *f, ErrNotFound
	case h.bucket == nil:
		return nil, *f, ErrAway
	}
	size, err := h.bucket.Size(ctx, f.Name) // so that a server that does not answer is told of, and not an answer that breaks off
	switch {
	case errors.Is(err, s3.ErrNotFound):
		return nil, *f, ErrNotFound
	case err != nil:
		h.log.Warn("reading a recording from the bucket", "recording", id, "error", err)
		return nil, *f, ErrAway
	}
	return h.bucket.Open(ctx, f.Name, size), *f, nil
}
