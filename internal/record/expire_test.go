package record

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/media/mediatest"
	"github.com/tuttilive/tutti/internal/store"
)

// TestFilesOfAShowThatGoesOnAreDeletedByTheirOwnEnd has a recording of four files, which ended an hour after each other. Two hours are kept.
func TestFilesOfAShowThatGoesOnAreDeletedByTheirOwnEnd(t *testing.T) {
	st, err := store.Open(t.TempDir(), quiet())
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	settings, err := store.OpenBucket[Settings](st, "record")
	if err != nil {
		t.Fatal(err)
	}
	r, err := New(Options{Dir: t.TempDir(), Settings: settings, Keep: 2 * time.Hour, Log: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	r.createdAt = func(string) time.Time { return time.Time{} }
	l, now := r.library, time.Now()
	if err := l.put(&entry{Recording: Recording{ID: "one", State: Running, StartedAt: now.Add(-4 * time.Hour)}}); err != nil {
		t.Fatal(err)
	}
	s := &session{library: l, limits: Limits{Split: 2500 * time.Millisecond}, log: quiet(), id: "one"}
	if _, failure := s.run(t.Context(), &frames{n: 250, format: mediatest.H264Format(320, 180)}); failure != "" {
		t.Fatal(failure)
	}
	if _, err := r.Pieces("one"); err != nil { // has the first ones looked for, too
		t.Fatal(err)
	}
	if _, err := l.change("one", true, func(e *entry) {
		for i := range e.Files {
			e.Files[i].StartedAt = now.Add(time.Duration(i-4) * time.Hour)
		}
	}); err != nil {
		t.Fatal(err)
	}
	check := func(after string, names ...string) {
		t.Helper()
		played, err := r.Pieces("one")
		var got []string
		long := 0.0
		for _, p := range played {
			got, long = append(got, p.Name), long+p.Duration
		}
		rec, _, found := r.Find("one")
		if err != nil || found != nil || !slices.Equal(got, names) || rec.Duration != long || len(rec.Files) != len(names) || !rec.StartedAt.Equal(now.Add(-4*time.Hour)) {
			t.Errorf("%s: %v is played, of %+v, %v", after, got, rec, err)
		}
		there, _ := filepath.Glob(l.path("*.mp4*"))
		if len(there) != 2*len(names) {
			t.Errorf("%s there is %v", after, there)
		}
	}
	r.expire(now)
	check("after four hours", "one-3.mp4", "one-4.mp4")
	r.expire(now.Add(24 * time.Hour))
	check("after a day", "one-4.mp4") // it has only just ended, and another may not have begun
	again, err := openLibrary(l.dir, quiet())
	if err != nil {
		t.Fatal(err)
	}
	if e, err := again.find("one"); err != nil || len(e.Files) != 1 || len(e.Dropped) != 0 {
		t.Errorf("after a restart: %+v, %v", e, err)
	}
}

// TestWhatIsDeletedOfAShowThatGoesOnIsDeletedInTheBucket has the storage be away meanwhile.
func TestWhatIsDeletedOfAShowThatGoesOnIsDeletedInTheBucket(t *testing.T) {
	there, dir := inMemory(t), t.TempDir()
	r := uploads(t, dir, there, &net.Dialer{}, true)
	defer r.Close()
	if err := r.Set("channel", Settings{Keep: 7200}); err != nil {
		t.Fatal(err)
	}
	e := &entry{Recording: Recording{ID: "on", Room: "channel", State: Running}}
	for i, name := range []string{"on-1.mp4", "on-2.mp4", "on-3.mp4"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("movie"), 0o600); err != nil {
			t.Fatal(err)
		}
		e.Files = append(e.Files, File{Name: name, StartedAt: time.Now().Add(time.Duration(i-3) * 90 * time.Minute), Duration: 5400, Bytes: 5, Finished: i < 2})
	}
	if err := r.library.put(e); err != nil {
		t.Fatal(err)
	}
	r.library.changed()
	until(t, r, "on", func(u *Upload) bool { return u.State == Stored })
	there.kill()
	r.expire(time.Now())
	rec, _, err := r.Find("on")
	if err != nil || len(rec.Files) != 2 || rec.Duration != 10800 || rec.Upload.State != Stored || !there.has("on-1.mp4") {
		t.Fatalf("%+v, %v", rec, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "on-1.mp4")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the local copy: %v", err)
	}
	there.start()
	for range 1200 {
		if e, err := r.library.find("on"); err == nil && len(e.Dropped) == 0 {
			break
		}
		<-time.After(50 * time.Millisecond)
	}
	if there.has("on-1.mp4") || !there.has("on-2.mp4") {
		t.Errorf("in the bucket: the first %v, the second %v", there.has("on-1.mp4"), there.has("on-2.mp4"))
	}
}
