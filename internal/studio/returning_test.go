package studio

import (
	"errors"
	"log/slog"
	"maps"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/store"
)

// keptShows is a store of shows in memory.
type keptShows struct {
	mu    sync.Mutex
	shows map[string]Show
}

func (k *keptShows) Interrupted() map[string]Show {
	k.mu.Lock()
	defer k.mu.Unlock()
	return maps.Clone(k.shows)
}

func (k *keptShows) Keep(name string, s Show) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.shows[name] = s
}

func (k *keptShows) Forget(name string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.shows, name)
}

const testReturn = time.Minute

// restarts runs a test in virtual time, which gets one house after the other, with what is kept in between.
func restarts(t *testing.T, test func(t *testing.T, kept *keptShows, next func() *House)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		kept := &keptShows{shows: map[string]Show{}}
		var last *House
		next := func() *House {
			if last != nil {
				last.Close()
			}
			last = NewHouse(Options{Shows: kept, AwayGrace: testGrace, ReturnGrace: testReturn, Log: slog.New(slog.DiscardHandler)})
			return last
		}
		test(t, kept, next)
		last.Close()
	})
}

func asAdmin(j *room.Join) { j.Permission.Admin = true }

func TestAShowGoesOnAfterARestart(t *testing.T) {
	restarts(t, func(t *testing.T, kept *keptShows, next func() *House) {
		first := next()
		guest, host := enter(t, first, "guest", nil), enter(t, first, "host-1", asAdmin)
		publish(t, guest, "TR_1")
		publish(t, host, "TR_2")
		if err := host.Studio().GoLive("host", "Night"); err != nil {
			t.Fatal(err)
		}
		if err := host.Studio().Show("TR_2"); err != nil {
			t.Fatal(err)
		}
		since := host.Studio().Info().Live.Since
		time.Sleep(time.Hour)

		h := next()
		if live := first.Live("r"); live.On || !live.Returning {
			t.Errorf("the house that stopped says %+v", live)
		}
		if _, err := h.Watch("r", "flv"); !errors.Is(err, ErrReturning) || !errors.Is(err, ErrNotLive) {
			t.Errorf("watching before anybody is back gives %v", err)
		}
		if live := h.Live("r"); !live.Returning || live.Title != "Night" {
			t.Errorf("before anybody is back: %+v", live)
		}
		time.Sleep(testReturn / 2)
		guest = enter(t, h, "guest", nil)
		publish(t, guest, "TR_3")
		if guest.Studio().onAir() {
			t.Error("a guest alone puts the room on the air")
		}
		host = enter(t, h, "host-1", asAdmin)
		if !host.Studio().onAir() {
			t.Fatal("the host is back and the show is not")
		}
		live := host.Studio().Info().Live
		if live.Title != "Night" || !live.Since.Equal(since) || live.Resumed.IsZero() || live.Returning {
			t.Errorf("it went on as %+v, since was %v", live, since)
		}
		publish(t, host, "TR_4")
		if picture, _ := host.Studio().air.program.Picture(); picture == nil || picture.Info().ID != "TR_4" {
			t.Error("viewers do not see what the host had chosen")
		}
		if st, err := host.Studio().LiveStatus(); err != nil || st.Pinned != "TR_4" {
			t.Errorf("pinned is %q, %v", st.Pinned, err)
		}
		if err := host.Studio().Show(""); err != nil {
			t.Fatal(err)
		}
		if st, err := host.Studio().LiveStatus(); err != nil || st.Pinned != "" {
			t.Errorf("after going back to automatic, pinned is %q, %v", st.Pinned, err)
		}
		time.Sleep(2 * testReturn)
		if !host.Studio().onAir() {
			t.Error("the show that went on ended by itself")
		}
		if _, err := host.Studio().EndLive(); err != nil || len(kept.shows) != 0 {
			t.Errorf("after the end %d shows are kept, %v", len(kept.shows), err)
		}
	})
}

func TestWhatWasShownIsShownAgain(t *testing.T) {
	restarts(t, func(t *testing.T, _ *keptShows, next func() *House) {
		host := enter(t, next(), "host-1", asAdmin)
		publish(t, host, "TR_1")
		if err := host.Studio().GoLive("host", ""); err != nil {
			t.Fatal(err)
		}
		h := next()
		guest := enter(t, h, "guest", nil)
		publish(t, guest, "TR_2")
		publish(t, enter(t, h, "host-1", asAdmin), "TR_3")
		if picture, _ := guest.Studio().air.program.Picture(); picture.Info().ID != "TR_3" {
			t.Errorf("viewers see %s", picture.Info().ID)
		}
	})
}

func TestAnInterruptedShowEndsWhenNobodyComesBack(t *testing.T) {
	restarts(t, func(t *testing.T, kept *keptShows, next func() *House) {
		host := enter(t, next(), "host-1", asAdmin)
		if err := host.Studio().GoLive("host", ""); err != nil {
			t.Fatal(err)
		}
		next()
		h := next() // twice, as when a server stops again at once
		guest := enter(t, h, "guest", nil)
		changed := guest.Studio().Changed()
		time.Sleep(testReturn + time.Second)
		select {
		case <-changed:
		default:
			t.Error("nobody is told that the show is over")
		}
		if _, err := h.Watch("r", "flv"); errors.Is(err, ErrReturning) || !errors.Is(err, ErrNotLive) {
			t.Errorf("watching gives %v", err)
		}
		if len(kept.shows) != 0 {
			t.Error("the show is still kept")
		}
		if guest.Self().Identity == "" {
			t.Error("the room closed for those who are in it")
		}
		guest.Leave(room.LeftByItself)
		if _, err := h.Studio("r"); !errors.Is(err, ErrNoRoom) {
			t.Errorf("an empty room is still there: %v", err)
		}
	})
}

func TestTheHostComesBackWithNothingToShow(t *testing.T) {
	restarts(t, func(t *testing.T, _ *keptShows, next func() *House) {
		host := enter(t, next(), "host-1", asAdmin)
		if err := host.Studio().GoLive("host", ""); err != nil {
			t.Fatal(err)
		}
		host = enter(t, next(), "host-1", asAdmin)
		time.Sleep(testReturn - time.Second)
		if host.Studio().onAir() {
			t.Error("viewers are shown nothing")
		}
		time.Sleep(2 * time.Second)
		if !host.Studio().onAir() {
			t.Error("the show ended although its host is there")
		}
	})
}

func TestAnIngestGoesOnWithItsShow(t *testing.T) {
	restarts(t, func(t *testing.T, _ *keptShows, next func() *House) {
		publish(t, enter(t, next(), "obs-1", asIngest), "TR_1")
		h := next()
		since := h.Live("r").Since
		host := enter(t, h, "host-1", asAdmin)
		publish(t, host, "TR_2")
		if host.Studio().onAir() {
			t.Error("the host is on the air by accident")
		}
		ingest := enter(t, h, "obs-2", asIngest)
		publish(t, ingest, "TR_3")
		if live := host.Studio().Info().Live; !live.On || !live.Since.Equal(since) {
			t.Errorf("the ingest is back: %+v", live)
		}
		ingest.Leave(room.LeftByItself)
		time.Sleep(testGrace + time.Second)
		if host.Studio().onAir() {
			t.Error("the show of an ingest goes on without it")
		}
	})
}

func TestTheHostEndsAnInterruptedShow(t *testing.T) {
	restarts(t, func(t *testing.T, kept *keptShows, next func() *House) {
		host := enter(t, next(), "host-1", asAdmin)
		if err := host.Studio().GoLive("host", ""); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		host = enter(t, next(), "host-1", asAdmin)
		sum, err := host.Studio().EndLive()
		if err != nil || sum.Duration < time.Hour || len(kept.shows) != 0 {
			t.Errorf("ending gives %+v, %v; %d shows are kept", sum, err, len(kept.shows))
		}
	})
}

func TestShowsSurviveInTheStore(t *testing.T) {
	dir := t.TempDir()
	open := func() (*store.Store, *Shows) {
		t.Helper()
		s, err := store.Open(dir, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		k, err := OpenShows(s, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		return s, k
	}
	s, k := open()
	k.Keep("合奏", Show{Title: "夜", Since: time.Now()})
	k.Keep("over", Show{})
	k.Forget("over")
	k.Close()
	s.Close()
	s, k = open()
	found := k.Interrupted()
	if len(found) != 1 || found["合奏"].Title != "夜" {
		t.Errorf("after a restart: %+v", found)
	}
	k.Close()
	if err := s.NoteSeen(time.Now().Add(-2 * maxGone)); err != nil {
		t.Fatal(err)
	}
	s.Close()
	s, k = open()
	defer s.Close()
	defer k.Close()
	if found := k.Interrupted(); len(found) != 0 {
		t.Errorf("after a long absence: %+v", found)
	}
}
