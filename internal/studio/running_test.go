package studio

import (
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tuttilive/tutti/internal/program/compose/layout"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/room/board"
	"github.com/tuttilive/tutti/internal/room/rollcall"
	"github.com/tuttilive/tutti/internal/room/songs"
	"github.com/tuttilive/tutti/internal/store"
	"github.com/tuttilive/tutti/internal/studio/talk"
)

// keptRooms is a store of rooms in memory.
type keptRooms struct {
	mu    sync.Mutex
	rooms map[string]Left
}

func (k *keptRooms) Left() map[string]Left {
	k.mu.Lock()
	defer k.mu.Unlock()
	return maps.Clone(k.rooms)
}

func (k *keptRooms) change(name string, f func(*Left)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	l := k.rooms[name]
	f(&l)
	k.rooms[name] = l
}

func (k *keptRooms) Keep(name string, r Running)    { k.change(name, func(l *Left) { l.Running = r }) }
func (k *keptRooms) KeepTalk(name string, t Talked) { k.change(name, func(l *Left) { l.Talk = &t }) }
func (k *keptRooms) KeepBoard(name string, b board.Kept) {
	k.change(name, func(l *Left) { l.Board = &b })
}
func (k *keptRooms) KeepSongs(name string, kept songs.Kept) {
	k.change(name, func(l *Left) { l.Songs = &kept })
}

func (k *keptRooms) KeepAttendance(name string, all []rollcall.Stay) {
	k.change(name, func(l *Left) { l.Attendance = all })
}
func (k *keptRooms) Forget(name string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.rooms, name)
}

// overRestarts runs a test in virtual time, which gets one house after the other with the rooms that are kept in between.
func overRestarts(t *testing.T, test func(t *testing.T, kept *keptRooms, next func() *House)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		kept := &keptRooms{rooms: map[string]Left{}}
		var last *House
		test(t, kept, func() *House {
			if last != nil {
				last.Close()
			}
			last = NewHouse(Options{
				Running: kept, ReturnGrace: testReturn, Log: slog.New(slog.DiscardHandler),
				Rules: room.Settings{EmptyTimeout: 5 * time.Minute, DepartureTimeout: 10 * time.Second},
			})
			return last
		})
		last.Close()
	})
}

func TestARoomIsTheSameAfterARestart(t *testing.T) {
	overRestarts(t, func(t *testing.T, kept *keptRooms, next func() *House) {
		h := next()
		s, err := h.Open("r", room.Settings{MaxParticipants: 1, DepartureTimeout: 30 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		enter(t, h, "a", nil)
		if err := s.SetMetadata("m"); err != nil {
			t.Fatal(err)
		}
		before := s.Info()
		h = next()
		time.Sleep(testReturn - time.Second)
		p := enter(t, h, "a", nil)
		if after := p.Studio().Info(); after.SID != before.SID || after.Settings != before.Settings || !after.CreatedAt.Equal(before.CreatedAt) {
			t.Errorf("before %+v, after %+v", before, after)
		}
		if _, err := h.Enter("r", room.Join{Identity: "b"}, &heard{}); !errors.Is(err, room.ErrFull) {
			t.Errorf("its limit is forgotten: %v", err)
		}
		p.Leave(room.LeftByItself)
		lasts(t, h, 30*time.Second)
		if len(kept.rooms) != 0 {
			t.Errorf("still kept: %+v", kept.rooms)
		}
	})
}

func TestARoomToWhichNobodyComesBackEnds(t *testing.T) {
	overRestarts(t, func(t *testing.T, kept *keptRooms, next func() *House) {
		h := next()
		if _, err := h.Open("r", room.Settings{Metadata: "m"}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		lasts(t, next(), 4*time.Minute) // what is left of the time for the first to come
		if len(kept.rooms) != 0 {
			t.Errorf("still kept: %+v", kept.rooms)
		}
		h = next()
		enter(t, h, "a", func(j *room.Join) { j.Settings.Metadata = "m" })
		lasts(t, next(), testReturn)
	})
}

func TestRoomsLikeAllOthersAreNotKept(t *testing.T) {
	overRestarts(t, func(t *testing.T, kept *keptRooms, next func() *House) {
		enter(t, next(), "a", nil)
		if len(kept.rooms) != 0 {
			t.Errorf("kept: %+v", kept.rooms)
		}
	})
}

func TestARoomThatIsDeletedIsNotKept(t *testing.T) {
	overRestarts(t, func(t *testing.T, kept *keptRooms, next func() *House) {
		s, err := next().Open("r", room.Settings{Metadata: "m"})
		if err != nil || len(kept.rooms) != 1 {
			t.Fatalf("%v, %+v", err, kept.rooms)
		}
		s.Close(room.LeftRoomDeleted)
		if len(kept.rooms) != 0 {
			t.Errorf("kept: %+v", kept.rooms)
		}
	})
}

func TestOpenRoomsSurviveInTheStore(t *testing.T) {
	dir := t.TempDir()
	open := func(longAway bool) (map[string]Left, func()) {
		t.Helper()
		s, err := store.Open(dir, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		k, err := OpenRunningRooms(s, longAway, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		if len(k.Left()) == 0 && !longAway {
			k.Keep("合奏", Running{SID: "RM_1", Settings: room.Settings{Metadata: "m", EmptyTimeout: time.Minute}})
			k.KeepTalk("合奏", Talked{Announcement: &talk.Announcement{Text: "a"}})
			k.KeepBoard("合奏", board.New().Keep())
			k.Keep("over", Running{})
			k.KeepTalk("over", Talked{})
			k.Forget("over")
		}
		return k.Left(), func() { k.Close(); s.Close() }
	}
	_, end := open(false)
	end()
	left, end := open(false)
	end()
	if r := left["合奏"]; len(left) != 1 || r.SID != "RM_1" || r.Settings.EmptyTimeout != time.Minute || r.Talk.Announcement.Text != "a" || len(r.Board.Contents) != 1 {
		t.Errorf("after a restart: %+v", left)
	}
	left, end = open(true)
	end()
	if len(left) != 0 {
		t.Errorf("after a long absence: %+v", left)
	}
}

// TestARoomIsArrangedTheSameAfterARestart has a host choose how the program looks.
func TestARoomIsArrangedTheSameAfterARestart(t *testing.T) {
	overRestarts(t, func(t *testing.T, kept *keptRooms, next func() *House) {
		s, err := next().Open("r", room.Settings{})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Compose([]byte(`{"layout":"side-by-side","lowerThird":{"title":"夜话"},"gains":{"ann":0.5},"texts":[{"text":"hello","size":0.1}]}`)); err != nil {
			t.Fatal(err)
		}
		before := s.Composition()
		s, err = next().Studio("r")
		if err != nil {
			t.Fatal("a room that was arranged is not kept:", err)
		}
		after := s.Composition()
		if after.Layout != layout.Side || after.LowerThird != before.LowerThird || after.Gains["ann"] != 0.5 || !slices.Equal(after.Texts, before.Texts) {
			t.Errorf("before %+v, after %+v", before.Settings, after.Settings)
		}
	})
}

// TestWhoWasThereIsKnownAfterARestart has two people be there for a while before a restart, and one of them behind it.
func TestWhoWasThereIsKnownAfterARestart(t *testing.T) {
	overRestarts(t, func(t *testing.T, kept *keptRooms, next func() *House) {
		class := func(h *House) *Studio {
			s, err := h.Open("r", room.Settings{Metadata: "m"})
			if err != nil {
				t.Fatal(err)
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			s.scene, _ = h.scenes.Find("class")
			return s
		}
		h := next()
		class(h)
		enter(t, h, "ann", nil)
		time.Sleep(20 * time.Minute)
		enter(t, h, "ben", nil)
		time.Sleep(20 * time.Minute)
		left := time.Now()
		h = next()
		s := class(h)
		s.mu.Lock()
		of := kept.Left()["r"]
		of.LastSeen = left
		s.recall(of)
		s.mu.Unlock()
		time.Sleep(time.Second)
		enter(t, h, "ann", nil)
		time.Sleep(9 * time.Minute)
		all := s.Attendance()
		if len(all) != 2 || all[0].Total != 49*time.Minute || !all[0].Here || all[1].Total != 20*time.Minute || all[1].Here {
			t.Errorf("there were %+v", all)
		}
	})
}
