package record

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/disk"
	"github.com/tuttilive/tutti/internal/store"
)

// shelve is a library with one recording of a file, finished and published.
func shelve(t *testing.T, bucket bool) *library {
	t.Helper()
	l, err := openLibrary(t.TempDir(), quiet())
	if err != nil {
		t.Fatal(err)
	}
	l.bucket = bucket
	if err := os.WriteFile(l.path("one-1.mp4"), []byte("movie"), 0o600); err != nil {
		t.Fatal(err)
	}
	e := &entry{Recording: Recording{ID: "one", Room: "demo", State: Done, Published: true, Files: []File{{Name: "one-1.mp4", Finished: true, Stored: bucket}}}}
	if err := l.put(e); err != nil {
		t.Fatal(err)
	}
	return l
}

// fill keeps a recording from being written down, as a full disk does: a length that is no number is not JSON.
func (l *library) fill(t *testing.T) (free func()) {
	t.Helper()
	length := func(seconds float64) func() {
		return func() {
			if _, err := l.change("one", false, func(e *entry) { e.Files[0].Duration = seconds }); err != nil {
				t.Fatal(err)
			}
		}
	}
	length(math.NaN())()
	return length(1)
}

func TestWhatCannotBeWrittenDownIsNotChanged(t *testing.T) {
	l := shelve(t, false)
	h, no := &Shelf{library: l}, false
	free := l.fill(t)
	if r, err := h.Change("one", nil, &no); err == nil {
		t.Errorf("unpublished: %+v", r)
	}
	if e, err := l.find("one"); err != nil || !e.Published {
		t.Errorf("until a restart it is another: %+v, %v", e, err)
	}
	free()
	if r, err := h.Change("one", nil, &no); err != nil || r.Published {
		t.Errorf("%+v, %v", r, err)
	}
	again, err := openLibrary(l.dir, quiet())
	if err != nil {
		t.Fatal(err)
	}
	if e, err := again.find("one"); err != nil || e.Published {
		t.Errorf("after a restart: %+v, %v", e, err)
	}
}

// TestWhoAsksIsToldThatTheDiskIsFull by the error of which the API has a status.
func TestWhoAsksIsToldThatTheDiskIsFull(t *testing.T) {
	full := &fs.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}
	if err := orFull(full); !errors.Is(err, store.ErrFull) || !disk.IsFull(err) {
		t.Error(err)
	}
	if err := orFull(fs.ErrPermission); errors.Is(err, store.ErrFull) {
		t.Error(err)
	}
}

// TestWhatIsDeletedStaysDeleted deletes what cannot be written down, or only in part, and starts again.
func TestWhatIsDeletedStaysDeleted(t *testing.T) {
	for _, test := range []struct {
		name                     string
		bucket, blocked, pending bool
	}{
		{name: "only here"},
		{name: "in the bucket too", bucket: true, pending: true},
		{name: "a file cannot be removed", blocked: true},
		{name: "one that is in the bucket cannot be removed", bucket: true, blocked: true, pending: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := shelve(t, test.bucket)
			l.fill(t)
			movie := l.path("one-1.mp4")
			if test.blocked { // a directory in which something is
				if err := errors.Join(os.Remove(movie), os.MkdirAll(movie+"/x", 0o700)); err != nil {
					t.Fatal(err)
				}
			}
			if err := l.remove("one"); (err != nil) != test.blocked {
				t.Error(err)
			}
			if err := l.remove("one"); !errors.Is(err, ErrNotFound) {
				t.Errorf("again: %v", err)
			}
			if err := os.RemoveAll(movie + "/x"); err != nil && !errors.Is(err, syscall.ENOTDIR) {
				t.Fatal(err)
			}
			again, err := openLibrary(l.dir, quiet())
			if err != nil {
				t.Fatal(err)
			}
			again.bucket = test.bucket
			again.clearDeleted()
			if e, err := again.find("one"); err == nil {
				t.Errorf("after a restart it is there again: %+v", e)
			}
			if pending := again.pending(); (len(pending) == 1) != test.pending {
				t.Errorf("for the uploader: %+v", pending)
			}
			if err := again.forget("one"); err != nil {
				t.Error(err)
			}
			if left, _ := os.ReadDir(l.dir); len(left) != 0 {
				t.Errorf("left: %v", left)
			}
		})
	}
}

// TestWhoAsksDoesNotWaitForTheDisk has a description being written for a while.
func TestWhoAsksDoesNotWaitForTheDisk(t *testing.T) {
	l := shelve(t, false)
	if err := l.put(&entry{Recording: Recording{ID: "two", Room: "demo", State: Running, StartedAt: time.Now()}}); err != nil {
		t.Fatal(err)
	}
	l.entry("one").writing.Lock()
	var changing sync.WaitGroup
	for n := range 10 {
		changing.Go(func() {
			if _, err := l.change("one", true, func(e *entry) { e.Title += fmt.Sprint(n) }); err != nil {
				t.Error(err)
			}
		})
	}
	asked := make(chan struct{})
	go func() {
		defer close(asked)
		for changed := false; !changed; time.Sleep(time.Millisecond) {
			e, err := l.find("one")
			if err != nil {
				t.Error(err)
				return
			}
			changed = len(e.Title) == 10
		}
		if _, err := l.change("two", true, func(e *entry) { e.Pictured = true }); err != nil {
			t.Error(err)
		}
		if len(l.list(func(*entry) bool { return true })) != 2 {
			t.Error("they are not all there")
		}
	}()
	within(t, "who asks for a recording waits until another is written down", asked)
	l.entry("one").writing.Unlock()
	changing.Wait()
	e, _ := l.find("one")
	if content, err := os.ReadFile(l.path("one.json")); err != nil || !strings.Contains(string(content), e.Title) {
		t.Errorf("%q is not what was written down last: %s, %v", e.Title, content, err)
	}
}
