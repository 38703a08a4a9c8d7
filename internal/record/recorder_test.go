package record

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/store"
	"github.com/tuttilive/tutti/internal/studio"
)

// hold is a witness that keeps a studio's lock for a moment when its show changes.
type hold struct{ then atomic.Pointer[func()] }

func (h *hold) RoomEvent(_ func() studio.RoomInfo, e room.Event) {
	if _, ok := e.(room.LiveChanged); ok {
		if then := h.then.Swap(nil); then != nil {
			(*then)()
		}
	}
}

// openRecorder is a recorder of a house in which the host of the room "demo" is.
func openRecorder(t *testing.T, mode Mode, others ...studio.Witness) (*Recorder, *studio.Studio) {
	t.Helper()
	return openAgain(t, Options{Dir: t.TempDir(), Mode: mode}, nil, others...)
}

// shows are what an earlier process left on the air.
type shows map[string]studio.Show

func (s shows) Interrupted() map[string]studio.Show { return s }
func (shows) Keep(string, studio.Show)              {}
func (shows) Forget(string)                         {}

// openAgain is a recorder of what earlier ones left in a directory.
func openAgain(t *testing.T, o Options, left shows, others ...studio.Witness) (*Recorder, *studio.Studio) {
	t.Helper()
	st, err := store.Open(t.TempDir(), quiet())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	o.Log = quiet()
	o.Settings, err = store.OpenBucket[Settings](st, "record")
	if err != nil {
		t.Fatal(err)
	}
	policies, err := studio.OpenPolicies(st)
	if err != nil {
		t.Fatal(err)
	}
	r, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	h := studio.NewHouse(studio.Options{Rooms: policies, Shows: left, Witnesses: append(others, r), Log: quiet()})
	t.Cleanup(h.Close)
	r.Open(h)
	t.Cleanup(r.Close)
	if _, err := h.Enter("demo", room.Join{Identity: "host", Permission: room.Permission{Publish: true, Admin: true}}, deaf{}); err != nil {
		t.Fatal(err)
	}
	s, err := h.Studio("demo")
	if err != nil {
		t.Fatal(err)
	}
	return r, s
}

type deaf struct{}

func (deaf) RoomEvent(room.Event) {}

// within fails where something does not come about.
func within(t *testing.T, what string, done <-chan struct{}) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatal(what)
	}
}

// TestShowsChangeWhileRecordingsBeginAndEnd has a show end while its lock is held by who tells the recorder of it, and the recorder asks for it.
func TestShowsChangeWhileRecordingsBeginAndEnd(t *testing.T) {
	for name, then := range map[string]func(r *Recorder, id string){
		"begin": func(r *Recorder, _ string) {
			if _, err := r.Start("demo", "", "host"); err != nil && !errors.Is(err, studio.ErrNotLive) && !errors.Is(err, ErrRunning) {
				t.Error(err)
			}
		},
		"end": func(r *Recorder, id string) {
			if _, err := r.Stop(t.Context(), id); err != nil && !errors.Is(err, ErrNotFound) {
				t.Error(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			var h hold
			r, s := openRecorder(t, ForHosts, &h)
			if err := s.GoLive("host", ""); err != nil {
				t.Fatal(err)
			}
			id := ""
			if name == "end" {
				rec, err := r.Start("demo", "", "host")
				if err != nil {
					t.Fatal(err)
				}
				id = rec.ID
			}
			var asking sync.WaitGroup
			during := func() {
				asking.Go(func() { then(r, id) })
				for range 100 { // until the recorder holds its own lock, which it must not while it asks
					if !r.mu.TryLock() {
						return
					}
					r.mu.Unlock()
					time.Sleep(time.Millisecond)
				}
			}
			h.then.Store(&during)
			over := make(chan struct{})
			go func() {
				defer close(over)
				if _, err := s.EndLive(); err != nil {
					t.Error(err)
				}
				asking.Wait()
			}()
			within(t, "the room and its recorder wait for each other", over)
		})
	}
}

// TestAShowThatFollowsAtOnceIsRecorded ends shows and begins others before the recorder can have looked.
func TestAShowThatFollowsAtOnceIsRecorded(t *testing.T) {
	r, s := openRecorder(t, ForAll)
	for range 20 {
		if err := s.GoLive("host", ""); err != nil {
			t.Fatal(err)
		}
		since := s.Info().Live.Since
		recorded := make(chan struct{})
		go func() {
			defer close(recorded)
			for begun := time.Now(); time.Since(begun) < 50*time.Second; time.Sleep(time.Millisecond) {
				if rec, ok := r.Running("demo"); ok && !rec.StartedAt.Before(since) && s.Info().Recorded {
					return
				}
			}
			t.Error("the show is not recorded")
		}()
		within(t, "the show is not recorded", recorded)
		if _, err := s.EndLive(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestAStoppedRecordingIsNotBegunAgain stops one of a room that is always recorded.
func TestAStoppedRecordingIsNotBegunAgain(t *testing.T) {
	r, s := openRecorder(t, ForAll)
	if err := s.GoLive("host", "t"); err != nil {
		t.Fatal(err)
	}
	stop := func() {
		t.Helper()
		for begun := time.Now(); time.Since(begun) < time.Minute; time.Sleep(time.Millisecond) {
			if rec, ok := r.Running("demo"); ok {
				if _, err := r.Stop(t.Context(), rec.ID); err != nil {
					t.Fatal(err)
				}
				return
			}
		}
		t.Fatal("the show is not recorded")
	}
	stop()
	yes := true
	for _, settings := range []Settings{{Keep: 86400}, {Publish: true}} {
		if err := r.Set("demo", settings); err != nil {
			t.Fatal(err)
		}
		r.look("demo")
		if rec, ok := r.Running("demo"); ok {
			t.Fatalf("%+v begins it again, by %s", settings, rec.By)
		}
	}
	if err := r.Set("demo", Settings{Always: &yes}); err != nil {
		t.Fatal(err)
	}
	stop()
	if err := r.Set("demo", Settings{Always: &yes, Keep: 86400}); err != nil {
		t.Fatal(err)
	}
	r.look("demo")
	if _, ok := r.Running("demo"); ok {
		t.Fatal("a setting that is as it was begins it again")
	}
	show := s.Info().Live
	r, s = openAgain(t, Options{Dir: r.library.dir, Mode: ForAll}, shows{"demo": {Title: "t", Since: show.Since, By: "host"}})
	if err := s.GoLive("host", ""); err != nil || !s.Info().Live.Since.Equal(show.Since) {
		t.Fatalf("%v, %+v", err, s.Info().Live)
	}
	r.look("demo")
	if rec, ok := r.Running("demo"); ok {
		t.Fatalf("after a restart the same show is recorded again, by %s", rec.By)
	}
	if _, err := s.EndLive(); err != nil {
		t.Fatal(err)
	}
	if err := s.GoLive("host", "another"); err != nil {
		t.Fatal(err)
	}
	stop()
}
