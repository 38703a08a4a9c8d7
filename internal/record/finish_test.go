package record

import (
	"bytes"
	"errors"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/media/mediatest"
	"github.com/tuttilive/tutti/internal/studio"
)

// crash leaves a recording of the room "demo" as a process does that is killed: its file is not closed, and is said to be written to.
func crash(t *testing.T) (dir string) {
	t.Helper()
	s := newSession(t, Limits{})
	from := &frames{n: 100, format: mediatest.H264Format(320, 180)}
	for {
		f, err := from.Next(t.Context())
		if err != nil {
			return s.library.dir
		}
		if err := s.take(f); err != nil {
			t.Fatal(err)
		}
	}
}

// reopen opens what is left in a directory.
func reopen(t *testing.T, dir string) *library {
	t.Helper()
	l, err := openLibrary(dir, quiet())
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// TestWhatAStartCannotFinishIsFinishedLater begins with a file that gets no index, as on a full disk.
func TestWhatAStartCannotFinishIsFinishedLater(t *testing.T) {
	l := reopen(t, crash(t))
	name, aside := l.path("one-1.mp4"), l.path("aside")
	if err := errors.Join(os.Rename(name, aside), os.Mkdir(name, 0o700)); err != nil { // a directory is not opened for writing
		t.Fatal(err)
	}
	for _, e := range l.left() {
		l.finishLeft(e)
	}
	if e, err := l.find("one"); err != nil || e.State != Done || len(e.Files) != 1 || e.Files[0].Finished {
		t.Fatalf("%+v, %v", e, err)
	}
	if err := errors.Join(os.Remove(name), os.Rename(aside, name)); err != nil {
		t.Fatal(err)
	}
	l.finishFailed()
	if e, err := l.find("one"); err != nil || !e.Files[0].Finished || e.Duration < 3.4 {
		t.Errorf("with room for its index: %+v, %v", e, err)
	}
}

// TestAnEndLeavesFilesToTheNextStart has no time to finish any.
func TestAnEndLeavesFilesToTheNextStart(t *testing.T) {
	l := reopen(t, crash(t))
	before, err := os.ReadFile(l.path("one-1.mp4"))
	if err != nil {
		t.Fatal(err)
	}
	close(l.ends)
	for _, e := range l.left() {
		if r, ended := l.finishLeft(e); ended {
			t.Errorf("it has ended: %+v", r)
		}
	}
	if e, err := l.find("one"); err != nil || e.State != Finishing || len(e.Files) != 1 || e.Files[0].Finished {
		t.Fatalf("%+v, %v", e, err)
	}
	if after, err := os.ReadFile(l.path("one-1.mp4")); err != nil || !bytes.Equal(before, after) {
		t.Fatalf("the file had %d bytes and has %d, %v", len(before), len(after), err)
	}
	l = reopen(t, l.dir)
	for _, e := range l.left() {
		if r, ended := l.finishLeft(e); !ended || r.State != Done || r.Duration < 3.4 {
			t.Errorf("at the next start: %t, %+v", ended, r)
		}
	}
}

// telling is what applications are told of recordings, in its order. Who tells of the end of one that is held waits.
type telling struct {
	mu     sync.Mutex
	events []string
	held   string
	waits  chan struct{} // is closed once somebody does
	goOn   chan struct{}
}

func (w *telling) tell(_ studio.RoomInfo, event string, r Recording) {
	w.mu.Lock()
	w.events = append(w.events, event+" "+r.ID)
	w.mu.Unlock()
	if r.ID == w.held && event != "recording_started" {
		close(w.waits)
		<-w.goOn
	}
}

func (w *telling) has(event string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range w.events {
		if e == event {
			return true
		}
	}
	return false
}

// eventually waits for something that other goroutines do.
func eventually(t *testing.T, what string, isSo func() bool) {
	t.Helper()
	for begun := time.Now(); !isSo(); time.Sleep(time.Millisecond) {
		if time.Since(begun) > time.Minute {
			t.Fatal(what)
		}
	}
}

// TestAShowGoesOnBeforeAllIsFinished has two recordings left of a crash, and the first takes long. Applications are told what became of them.
func TestAShowGoesOnBeforeAllIsFinished(t *testing.T) {
	dir := crash(t)
	l := reopen(t, dir)
	if err := l.put(&entry{Recording: Recording{ID: "newer", Room: "other", State: Running, StartedAt: time.Now().Add(time.Hour)}}); err != nil {
		t.Fatal(err)
	}
	w := &telling{held: "newer", waits: make(chan struct{}), goOn: make(chan struct{})}
	r, s := openAgain(t, Options{Dir: dir, Mode: ForHosts, Tell: w.tell}, shows{"demo": {Title: "t", Since: time.Now(), By: "host"}})
	goOn := sync.OnceFunc(func() { close(w.goOn) })
	t.Cleanup(goOn) // else the recorder is never closed
	within(t, "nobody is told that a recording has ended with a crash", w.waits)
	if !w.has("recording_failed newer") { // there was nothing in it
		t.Error(w.events)
	}
	if err := s.GoLive("host", ""); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the show is not recorded again while something is being finished", func() bool {
		rec, ok := r.Running("demo")
		return ok && rec.ID == "one" && w.has("recording_started one")
	})
	goOn()
	eventually(t, "what it had before is not finished", func() bool {
		rec, _, err := r.Find("one")
		return err == nil && rec.Files[0].Finished
	})
	if rec, ok := r.Running("demo"); !ok || rec.State != Running || !rec.EndedAt.IsZero() || w.has("recording_finished one") {
		t.Errorf("it does not go on: %+v, %q", rec, w.events)
	}
	if rec, err := r.Stop(t.Context(), "one"); err != nil || rec.State != Done || !w.has("recording_finished one") {
		t.Errorf("%+v, %v, %q", rec, err, w.events)
	}
}

// TestAnEndDoesNotWaitUntilAllIsFinished closes a recorder while it finishes something that takes long.
func TestAnEndDoesNotWaitUntilAllIsFinished(t *testing.T) {
	w := &telling{held: "one", waits: make(chan struct{}), goOn: make(chan struct{})}
	r, _ := openAgain(t, Options{Dir: crash(t), Mode: ForHosts, Tell: w.tell}, nil)
	within(t, "nobody is told that a recording has ended with a crash", w.waits)
	go func() { // while the recorder is closed, which waits for it
		defer close(w.goOn)
		select {
		case <-r.library.ends:
		case <-time.After(time.Minute):
			t.Error("files are finished however long it takes")
		}
	}()
}

// TestFilesGoOnBeingNumbered where one is gone in which there was nothing.
func TestFilesGoOnBeingNumbered(t *testing.T) {
	for want, names := range map[int][]string{0: nil, 1: {"one-1.mp4"}, 3: {"one-1.mp4", "one-3.mp4"}, 12: {"one-9.mp4", "one-12.mp4"}} {
		e := entry{Recording: Recording{ID: "one"}}
		for _, name := range names {
			e.Files = append(e.Files, File{Name: name})
		}
		if got := e.lastNumber(); got != want {
			t.Errorf("%q: %d", names, got)
		}
	}
}

// TestWhatWasInterruptedGoesOnAfterASecondRestart: its file is still being finished when something else of it is written down, and the server ends
// again.
func TestWhatWasInterruptedGoesOnAfterASecondRestart(t *testing.T) {
	l := reopen(t, crash(t))
	h := &Shelf{library: l, createdAt: func(string) time.Time { return time.Time{} }}
	title := "another title"
	if _, err := h.Change("one", &title, nil); err != nil {
		t.Fatal(err)
	}
	h.library = reopen(t, l.dir)
	if id := h.interrupted("demo", time.Now()); id != "one" {
		t.Errorf("what goes on is %q", id)
	}
}
