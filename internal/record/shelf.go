package record

import (
	"errors"
	"time"

	"github.com/tuttilive/tutti/internal/store"
)

// Of are the recordings of a room, the newest first: those of the room that has this name now.
func (r *Recorder) Of(name string) []Recording {
	created := r.createdAt(name)
	return r.shown(r.library.list(func(e *entry) bool { return e.Room == name && e.Created.Equal(created) }))
}

// All are all recordings, also of rooms that are gone, the newest first.
func (r *Recorder) All() []Recording {
	return r.shown(r.library.list(func(*entry) bool { return true }))
}

func (r *Recorder) shown(entries []entry) []Recording {
	all := make([]Recording, len(entries))
	for i, e := range entries {
		all[i] = r.dated(e)
	}
	return all
}

// dated says when a recording is deleted, and how far it is on its way into the bucket.
func (r *Recorder) dated(e entry) Recording {
	if r.uploader != nil {
		e.Upload = r.uploader.of(&e)
	}
	if keep := r.keep(e.Room, e.Created); keep > 0 && !e.EndedAt.IsZero() {
		e.ExpiresAt = e.EndedAt.Add(keep)
	}
	return e.Recording
}

// keep is how long the recordings of a room are kept, 0 for ever.
func (r *Recorder) keep(name string, created time.Time) time.Duration {
	if s := r.SettingsOf(name); s.Keep > 0 && r.createdAt(name).Equal(created) {
		return time.Duration(s.Keep * float64(time.Second))
	}
	return r.options.Keep
}

// Find gives a recording, and whether it is of the room that has its room's name now.
func (r *Recorder) Find(id string) (rec Recording, current bool, err error) {
	e, err := r.library.find(id)
	if err != nil {
		return Recording{}, false, err
	}
	return r.dated(e), e.Created.Equal(r.createdAt(e.Room)), nil
}

// Running is the recording of a room that is being made.
func (r *Recorder) Running(name string) (Recording, bool) {
	r.mu.Lock()
	s := r.sessions[name]
	r.mu.Unlock()
	if s == nil {
		return Recording{}, false
	}
	e, err := r.library.find(s.id)
	return e.Recording, err == nil
}

// Change gives a recording another title, or lets others play it; nil leaves what is.
func (r *Recorder) Change(id string, title *string, published *bool) (Recording, error) {
	return r.library.change(id, true, func(e *entry) {
		if title != nil {
			e.Title = *title
		}
		if published != nil {
			e.Published = *published
		}
	})
}

// expire deletes what has been kept long enough.
func (r *Recorder) expire(now time.Time) {
	for _, rec := range r.All() {
		if rec.ExpiresAt.IsZero() || rec.ExpiresAt.After(now) || rec.State == Running {
			continue
		}
		if err := r.remove(rec.ID); err != nil {
			r.log.Error("deleting an old recording", "recording", rec.ID, "error", err)
			continue
		}
		r.log.Info("an old recording is deleted", "recording", rec.ID, "room", rec.Room, "ended", rec.EndedAt)
	}
}

// SettingsOf are how a room is recorded.
func (r *Recorder) SettingsOf(name string) Settings {
	r.mu.Lock()
	s, ok := r.settings[name]
	r.mu.Unlock()
	if ok {
		return s
	}
	s, err := r.options.Settings.Get(name)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		r.log.Error("reading how a room is recorded", "room", name, "error", err)
		return Settings{}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.settings) >= 10_000 {
		clear(r.settings)
	}
	r.settings[name] = s
	return s
}

// Set changes how a room is recorded, from its next show on; a show that is not recorded yet and shall be, from now on.
func (r *Recorder) Set(name string, s Settings) error {
	if err := r.options.Settings.Put(name, s); err != nil {
		return err
	}
	r.mu.Lock()
	r.settings[name] = s
	delete(r.declined, name)
	r.looks[name] = struct{}{}
	r.mu.Unlock()
	select {
	case r.wake <- struct{}{}:
	default:
	}
	return nil
}

// forget forgets how a room was recorded that is another's from now on.
func (r *Recorder) forget(name string) {
	if err := r.options.Settings.Delete(name); err != nil {
		r.log.Error("forgetting how a room was recorded", "room", name, "error", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.settings, name)
}
