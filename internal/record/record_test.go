package record

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/Eyevinn/mp4ff/mp4"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/media/mediatest"
	"github.com/tuttilive/tutti/internal/mux/movie"
	"github.com/tuttilive/tutti/internal/store"
)

// frames is a source of as many pictures as it is long, a keyframe each second, 25 a second.
type frames struct {
	n, at  int
	format *media.Format
	before func(at int) // is called before each
}

func (f *frames) Next(context.Context) (*media.Frame, error) {
	if f.at == f.n {
		return nil, io.EOF
	}
	if f.before != nil {
		f.before(f.at)
	}
	key := f.at%25 == 0
	frame := mediatest.Frame(f.format, key, time.Hour+time.Duration(f.at)*40*time.Millisecond, mediatest.H264(key, 1000))
	f.at++
	return frame, nil
}

func (f *frames) Close() {}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// newSession is a session with a recording of its own in an empty library.
func newSession(t *testing.T, limits Limits) *session {
	t.Helper()
	l, err := openLibrary(t.TempDir(), quiet())
	if err != nil {
		t.Fatal(err)
	}
	if err := l.put(&entry{Recording: Recording{ID: "one", Room: "demo", State: Running, StartedAt: time.Now()}}); err != nil {
		t.Fatal(err)
	}
	return &session{library: l, limits: limits, log: quiet(), id: "one"}
}

func TestFilesAreSplitAtKeyframes(t *testing.T) {
	for name, limits := range map[string]Limits{"by length": {Split: 2500 * time.Millisecond}, "by size": {SplitBytes: 60_000}} {
		t.Run(name, func(t *testing.T) {
			s := newSession(t, limits)
			if _, failure := s.run(t.Context(), &frames{n: 250, format: mediatest.H264Format(320, 180)}); failure != "" {
				t.Fatal(failure)
			}
			e, _ := s.library.find("one")
			if len(e.Files) != 4 || e.Duration < 9.7 || e.Duration > 10.3 {
				t.Fatalf("%+v", e)
			}
			for _, f := range e.Files {
				if !f.Finished || f.Video != "h264" || f.Height != 180 || f.Duration < 0.9 || f.Duration > 3.1 {
					t.Errorf("%+v", f)
				}
			}
		})
	}
}

// listed is a source of frames that are there already.
type listed []*media.Frame

func (l *listed) Next(context.Context) (*media.Frame, error) {
	if len(*l) == 0 {
		return nil, io.EOF
	}
	f := (*l)[0]
	*l = (*l)[1:]
	return f, nil
}

func (l *listed) Close() {}

// TestSoundThatAFileCannotHoldCostsNoPicture has sound that changes its rate each 3 s, and a keyframe each 10 s.
func TestSoundThatAFileCannotHoldCostsNoPicture(t *testing.T) {
	s := newSession(t, Limits{})
	picture := mediatest.H264Format(320, 180)
	sounds := []*media.Format{
		{Codec: media.AAC, SampleRate: 44100, Channels: 2, Config: []byte{0x12, 0x10}}, {Codec: media.AAC, SampleRate: 48000, Channels: 2, Config: []byte{0x11, 0x90}},
	}
	var from listed
	for i := range 500 {
		at, key := time.Hour+time.Duration(i)*40*time.Millisecond, i%250 == 0
		sound := mediatest.Frame(sounds[i/75%2], true, at+time.Millisecond, make([]byte, 100))
		sound.Duration = 40 * time.Millisecond
		from = append(from, mediatest.Frame(picture, key, at, mediatest.H264(key, 1000)), sound)
	}
	if _, failure := s.run(t.Context(), &from); failure != "" {
		t.Fatal(failure)
	}
	e, _ := s.library.find("one")
	if len(e.Files) != 2 {
		t.Fatalf("%+v", e.Files)
	}
	for _, f := range e.Files {
		if n := pictures(t, s.library.path(f.Name)); n != 250 || f.Audio != "aac" {
			t.Errorf("%d pictures of 250: %+v", n, f)
		}
	}
}

// pictures is how many a finished file holds.
func pictures(t *testing.T, path string) int {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	m, err := mp4.DecodeFile(f, mp4.WithDecodeMode(mp4.DecModeLazyMdat))
	if err != nil {
		t.Fatal(err)
	}
	for _, trak := range m.Moov.Traks {
		if trak.Mdia.Hdlr.HandlerType == "vide" {
			return int(trak.Mdia.Minf.Stbl.Stsz.SampleNumber)
		}
	}
	return 0
}

func TestAFullDiskEndsARecordingAndKeepsWhatThereIs(t *testing.T) {
	s := newSession(t, Limits{})
	from := &frames{n: 1000, format: mediatest.H264Format(320, 180)}
	from.before = func(at int) {
		if at == 100 {
			s.limits.Reserve, s.looked = math.MaxInt64, time.Time{}
		}
	}
	if _, failure := s.run(t.Context(), from); failure != DiskFull || from.at != 101 {
		t.Fatalf("%q after %d frames", failure, from.at)
	}
	e, _ := s.library.find("one")
	if len(e.Files) != 1 || !e.Files[0].Finished || e.Duration < 3.9 {
		t.Errorf("%+v", e)
	}
}

func TestAFailedWriteLosesNothingEarlier(t *testing.T) {
	s := newSession(t, Limits{})
	from := &frames{n: 1000, format: mediatest.H264Format(320, 180)}
	from.before = func(at int) {
		if at == 100 {
			s.disk.file = broken{}
		}
	}
	if _, failure := s.run(t.Context(), from); failure != WriteFailed {
		t.Fatal(failure)
	}
	e, _ := s.library.find("one")
	if len(e.Files) != 1 || !e.Files[0].Finished || e.Duration < 3.4 {
		t.Errorf("%+v", e)
	}
}

// TestWhatHadNoRoomForItsIndexGetsItLater has a file of a recording that a full disk ended, without an index.
func TestWhatHadNoRoomForItsIndexGetsItLater(t *testing.T) {
	s := newSession(t, Limits{})
	from := &frames{n: 100, format: mediatest.H264Format(320, 180)}
	from.before = func(at int) {
		if at == 99 { // as if there were a directory in the place of the file when it is to be finished
			if err := os.Rename(s.library.path(s.name), s.library.path("aside")); err != nil {
				t.Fatal(err)
			}
			if err := os.Mkdir(s.library.path(s.name), 0o700); err != nil {
				t.Fatal(err)
			}
		}
	}
	_, _ = s.run(t.Context(), from)
	if _, err := s.library.change("one", true, func(e *entry) { e.end(DiskFull) }); err != nil {
		t.Fatal(err)
	}
	e, _ := s.library.find("one")
	if len(e.Files) != 1 || e.Files[0].Finished {
		t.Fatalf("%+v", e)
	}
	name := s.library.path(e.Files[0].Name)
	if err := errors.Join(os.Remove(name), os.Rename(s.library.path("aside"), name)); err != nil {
		t.Fatal(err)
	}
	s.library.finishFailed()
	if e, _ := s.library.find("one"); !e.Files[0].Finished || e.State != Failed || e.Duration < 3.5 {
		t.Errorf("%+v", e)
	}
}

// TestWhatCannotBeFinishedIsTriedOnce has files that are damaged.
func TestWhatCannotBeFinishedIsTriedOnce(t *testing.T) {
	s := newSession(t, Limits{})
	var told bytes.Buffer
	s.library.log = slog.New(slog.NewTextHandler(&told, nil))
	for id, failure := range map[string]string{"full": DiskFull, "failed": WriteFailed} {
		name := id + "-1.mp4"
		if err := os.Mkdir(s.library.path(name), 0o700); err != nil { // which cannot be opened for writing
			t.Fatal(err)
		}
		if err := s.library.put(&entry{Recording: Recording{ID: id, State: Failed, Error: failure, Files: []File{{Name: name}}}}); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		s.library.finishFailed()
	}
	if text := told.String(); strings.Count(text, "level=ERROR") != 2 || strings.Count(text, "file=failed-1.mp4") != 1 {
		t.Error(text)
	}
	if e, err := s.library.find("full"); err != nil || e.Files[0].Finished || e.State != Failed {
		t.Errorf("%+v, %v", e, err)
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("broken") }

func TestWhatIsLeftIsFinishedAtTheNextStart(t *testing.T) {
	s := newSession(t, Limits{})
	dir := s.library.dir
	from := &frames{n: 100, format: mediatest.H264Format(320, 180)}
	for {
		f, err := from.Next(t.Context())
		if err != nil {
			break
		}
		if err := s.take(f); err != nil {
			t.Fatal(err)
		}
	}
	// Here the process is gone: the file is not closed, and the description says that it is being recorded.
	for name, content := range map[string]string{"broken.json": "{", "other.json": `{"id":"one"}`} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	l, err := openLibrary(dir, quiet())
	if err != nil || len(l.entries) != 1 {
		t.Fatalf("%v, %v", l, err)
	}
	for _, e := range l.left() {
		l.finishLeft(e)
	}
	e, _ := l.find("one")
	if e.State != Done || !e.Interrupted || e.EndedAt.IsZero() || len(l.left()) != 0 || e.Duration < 3.4 {
		t.Errorf("%+v", e)
	}
	f, err := os.Open(l.path(e.Files[0].Name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	begin := make([]byte, 64)
	if _, err := f.Read(begin); err != nil || !strings.Contains(string(begin), "mdat") {
		t.Errorf("%q, %v", begin, err)
	}
	// A file in which nothing was yet is no file of the recording.
	if err := l.put(&entry{Recording: Recording{ID: "two", State: Finishing, Files: []File{{Name: "two-1.mp4"}}}}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(l.path("two-1.mp4"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	two, err := l.find("two")
	if err != nil {
		t.Fatal(err)
	}
	l.finishLeft(two)
	if e, _ := l.find("two"); e.State != Failed || e.Error != Empty || len(e.Files) != 0 {
		t.Errorf("%+v", e)
	}
	if _, err := l.finishFile("two-1.mp4"); !errors.Is(err, os.ErrNotExist) || errors.Is(err, movie.ErrEmpty) {
		t.Error(err)
	}
}

func TestOldRecordingsAreDeleted(t *testing.T) {
	st, err := store.Open(t.TempDir(), quiet())
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	settings, err := store.OpenBucket[Settings](st, "record")
	if err != nil {
		t.Fatal(err)
	}
	r, err := New(Options{Dir: t.TempDir(), Settings: settings, Keep: time.Hour, Log: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	r.createdAt = func(string) time.Time { return time.Time{} }
	now := time.Now()
	for _, e := range []entry{
		{Recording: Recording{ID: "old", Room: "a", State: Done, EndedAt: now.Add(-2 * time.Hour)}},
		{Recording: Recording{ID: "new", Room: "a", State: Done, EndedAt: now.Add(-time.Minute)}},
		{Recording: Recording{ID: "kept", Room: "b", State: Done, EndedAt: now.Add(-2 * time.Hour)}},
		{Recording: Recording{ID: "running", Room: "a", State: Running, StartedAt: now.Add(-3 * time.Hour)}},
		// One of a room that had this name before does not follow the wishes of the one that has it now.
		{Recording: Recording{ID: "theirs", Room: "b", State: Done, EndedAt: now.Add(-2 * time.Hour)}, Created: now.Add(-9 * time.Hour)},
	} {
		if err := r.library.put(&e); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Set("b", Settings{Keep: 86400}); err != nil {
		t.Fatal(err)
	}
	r.expire(now)
	var left []string
	for _, e := range r.library.list(func(*entry) bool { return true }) {
		left = append(left, e.ID)
	}
	if got := strings.Join(left, " "); got != "running kept new" {
		t.Errorf("left are %s", got)
	}
	if of := r.Of("b"); len(of) != 1 || of[0].ExpiresAt.IsZero() {
		t.Errorf("%+v", of)
	}
	if !r.keeps("b") || r.keeps("nobody's") {
		t.Error("what is kept for a name is not known")
	}
	r.forget("b")
	if r.SettingsOf("b") != (Settings{}) {
		t.Error("settings outlive the room")
	}
}
