package studio

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tuttilive/tutti/internal/program/compose"
	"github.com/tuttilive/tutti/internal/program/compose/layout"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/room/board"
	"github.com/tuttilive/tutti/internal/room/songs"
	"github.com/tuttilive/tutti/internal/store"
	"github.com/tuttilive/tutti/internal/studio/talk"
)

// keptRooms is a store of rooms in memory.
type keptRooms struct {
	mu     sync.Mutex
	rooms  map[string]Left
	images map[string][]byte
	asked  atomic.Int32 // how often for an image
	ill    atomic.Bool  // none can be read
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

func (k *keptRooms) KeepAttended(name string, a Attended) {
	k.change(name, func(l *Left) { l.Attended = a })
}
func (k *keptRooms) KeepImage(name, image string, b []byte) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.images[imageKey(name, image)] = b
}
func (k *keptRooms) Image(name, image string) ([]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.asked.Add(1)
	if k.ill.Load() {
		return nil, errors.New("too many open files")
	}
	return k.images[imageKey(name, image)], nil
}
func (k *keptRooms) Forget(name string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.rooms, name)
	clear(k.images)
}

// overRestarts runs a test in virtual time, which gets one house after the other with the rooms that are kept in between.
func overRestarts(t *testing.T, test func(t *testing.T, kept *keptRooms, next func() *House)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		kept := &keptRooms{rooms: map[string]Left{}, images: map[string][]byte{}}
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
	open := func(longAway bool) (left map[string]Left, logo string, end func()) {
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
			k.Keep("合奏", Running{SID: "RM_1", Images: []string{compose.LogoImage}, Settings: room.Settings{Metadata: "m", EmptyTimeout: time.Minute}})
			k.KeepTalk("合奏", Talked{Announcement: &talk.Announcement{Text: "a"}})
			k.KeepBoard("合奏", board.New().Keep())
			k.KeepImage("合奏", compose.LogoImage, []byte("logo"))
			k.KeepImage("over", compose.LogoImage, []byte("logo"))
			k.Keep("over", Running{})
			k.KeepTalk("over", Talked{})
			k.Forget("over")
		}
		b, _ := k.Image("合奏", compose.LogoImage)
		return k.Left(), string(b), func() { k.Close(); s.Close() }
	}
	_, _, end := open(false)
	end()
	left, logo, end := open(false)
	end()
	if r := left["合奏"]; len(left) != 1 || r.SID != "RM_1" || r.Settings.EmptyTimeout != time.Minute || r.Talk.Announcement.Text != "a" || len(r.Board.Contents) != 1 || logo != "logo" {
		t.Errorf("after a restart: %+v, %q", left, logo)
	}
	if files, err := os.ReadDir(filepath.Join(dir, "images")); err != nil || len(files) != 1 {
		t.Errorf("%d images, %v", len(files), err)
	}
	left, logo, end = open(true)
	end()
	if len(left) != 0 || logo != "" {
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

// pngOf is an image of one colour.
func pngOf(t *testing.T, c color.Color) []byte {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, 16, 16))
	draw.Draw(img, img.Bounds(), image.NewUniform(c), image.Point{}, draw.Src)
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// shown are the names of the images that are read.
func shown(s *Studio) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.composition.Images))
}

// TestImagesOutliveRestarts has a host bring a background and a logo, and take one of them away.
func TestImagesOutliveRestarts(t *testing.T) {
	red := color.RGBA{255, 0, 0, 255}
	overRestarts(t, func(t *testing.T, kept *keptRooms, next func() *House) {
		s, err := next().Open("r", room.Settings{})
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(s.ComposeImage(t.Context(), compose.BackgroundImage, pngOf(t, red)), s.ComposeImage(t.Context(), compose.LogoImage, pngOf(t, color.White))); err != nil {
			t.Fatal(err)
		}
		again := func(want ...string) *Studio {
			t.Helper()
			s, err := next().Studio("r")
			if err != nil {
				t.Fatal("the room is not kept:", err)
			}
			if n := len(shown(s)); n > 0 {
				t.Errorf("%d images are read before anybody sees them", n)
			}
			enter(t, s.house, "ann", nil)
			synctest.Wait()
			if got := shown(s); !slices.Equal(got, want) || !slices.Equal(s.Composition().Images, want) {
				t.Fatalf("images %v, want %v", got, want)
			}
			return s
		}
		s = again(compose.BackgroundImage, compose.LogoImage)
		s.mu.Lock()
		background := s.composition.Images[compose.BackgroundImage]
		s.mu.Unlock()
		if got := color.RGBAModel.Convert(background.At(8, 8)); got != red {
			t.Errorf("the background is of %v", got)
		}
		if err := s.ComposeImage(t.Context(), compose.BackgroundImage, nil); err != nil {
			t.Fatal(err)
		}
		again(compose.LogoImage)
		kept.KeepImage("r", compose.LogoImage, []byte("not an image any more"))
		again()
	})
}

// TestImagesThatAreChangedBeforeTheyAreReadAreAsTheyWereChanged: a host does not wait until a server that has just started has read them.
func TestImagesThatAreChangedBeforeTheyAreReadAreAsTheyWereChanged(t *testing.T) {
	overRestarts(t, func(t *testing.T, kept *keptRooms, next func() *House) {
		h := next()
		h.imageTurn <- struct{}{} // another one is being read
		s, err := h.Open("r", room.Settings{})
		if err != nil {
			t.Fatal(err)
		}
		white := pngOf(t, color.White)
		kept.KeepImage("r", compose.BackgroundImage, white)
		kept.KeepImage("r", compose.LogoImage, white)
		s.mu.Lock()
		s.unread = map[string]bool{compose.BackgroundImage: true, compose.LogoImage: true}
		s.recallImages()
		s.mu.Unlock()
		synctest.Wait()
		if err := s.ComposeImage(t.Context(), compose.LogoImage, nil); err != nil {
			t.Fatal(err)
		}
		s.mu.Lock()
		names := s.imageNames()
		s.mu.Unlock()
		if !slices.Equal(names, []string{compose.BackgroundImage}) {
			t.Errorf("after another restart there would be %v", names)
		}
		<-h.imageTurn
		synctest.Wait()
		if got := shown(s); !slices.Equal(got, []string{compose.BackgroundImage}) {
			t.Errorf("images %v", got)
		}
	})
}

// TestOneBadMomentLosesNoImage has the disk fail when an image is read after a restart.
func TestOneBadMomentLosesNoImage(t *testing.T) {
	overRestarts(t, func(t *testing.T, kept *keptRooms, next func() *House) {
		s, err := next().Open("r", room.Settings{})
		if err == nil {
			err = s.ComposeImage(t.Context(), compose.LogoImage, pngOf(t, color.White))
		}
		if err != nil {
			t.Fatal(err)
		}
		kept.ill.Store(true)
		h := next()
		s = enter(t, h, "ann", nil).Studio()
		synctest.Wait()
		if err := s.SetMetadata("has the room kept again"); err != nil {
			t.Fatal(err)
		}
		if got := kept.Left()["r"].Images; kept.asked.Load() != 1 || !slices.Equal(got, []string{compose.LogoImage}) {
			t.Errorf("asked for %d times, and kept are %v", kept.asked.Load(), got)
		}
		time.Sleep(24 * time.Hour)
		if asked := kept.asked.Load(); asked < 24 || asked > 31 {
			t.Errorf("asked for %d times in a day", asked)
		}
		kept.ill.Store(false)
		time.Sleep(imageAgainAtMost)
		if got := shown(s); len(got) != 1 {
			t.Error("it is not shown")
		}
	})
}

// TestWhoBringsAnImageDoesNotWaitForThoseOfOtherRooms after a restart, however many there are.
func TestWhoBringsAnImageDoesNotWaitForThoseOfOtherRooms(t *testing.T) {
	overRestarts(t, func(t *testing.T, kept *keptRooms, next func() *House) {
		const rooms = 5
		h := next()
		for i := range rooms {
			s, err := h.Open(fmt.Sprint("r", i), room.Settings{})
			if err == nil {
				err = s.ComposeImage(t.Context(), compose.LogoImage, pngOf(t, color.White))
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		h = next()
		h.imageTurn <- struct{}{} // another one is being read
		for i := range rooms {
			if _, err := h.Enter(fmt.Sprint("r", i), room.Join{Identity: "ann"}, &heard{}); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		before := make(chan int32, 1)
		go h.readImage(t.Context(), func() error { before <- kept.asked.Load(); return nil })
		synctest.Wait()
		<-h.imageTurn
		synctest.Wait()
		if n := <-before; n > 1 || kept.asked.Load() != rooms {
			t.Errorf("%d of %d were read before", n, kept.asked.Load())
		}
	})
}

// TestWhoWasThereIsKnownAfterARestart has two people be there for a while before a restart, and one of them behind it; a roll call goes on over it.
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
		before := class(h)
		enter(t, h, "ann", nil)
		time.Sleep(20 * time.Minute)
		enter(t, h, "ben", nil)
		time.Sleep(20 * time.Minute)
		answer := func(s *Studio, who string) {
			t.Helper()
			if code := request(t, s, Actor{Identity: who}, `{"type":"answerRoll"}`); code != "" {
				t.Errorf("%s answers the roll call: %s", who, code)
			}
		}
		before.mu.Lock()
		before.callRoll(Actor{}, talk.Request{Seconds: 600})
		before.mu.Unlock()
		answer(before, "ann")
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
		answer(s, "ben")
		heard := hear(t, s)
		if roll := s.RollCall(); !roll.Open || roll.Answered != 2 || roll.Of != 2 {
			t.Errorf("the roll call: %+v", roll)
		}
		all := s.Attendance()
		if len(all) != 2 || all[0].Total != 49*time.Minute || !all[0].Here || all[1].Total != 20*time.Minute || all[1].Here {
			t.Errorf("there were %+v", all)
		}
		time.Sleep(time.Minute)
		if roll := s.RollCall(); roll.Open || !strings.Contains(heard.all(), `"open":false`) {
			t.Errorf("the roll call has no end: %+v, %s", roll, heard.all())
		}
	})
}
