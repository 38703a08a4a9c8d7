package record

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tuttilive/tutti/internal/disk"
	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/mux/movie"
	"github.com/tuttilive/tutti/internal/program"
	"github.com/tuttilive/tutti/internal/studio"
)

// demand is what a movie takes: pictures as they are wherever possible, and the sound that every player knows, in the one form that a file holds.
var demand = program.Demand{Video: []media.Codec{media.H264, media.H265, media.AV1, media.VP9}, Audio: []media.Codec{media.AAC}, Steady: true}

const (
	// lookEvery is how often the free space is looked at, syncEvery how often what was written is forced to the disk.
	lookEvery = 2 * time.Second
	syncEvery = 10 * time.Second
)

var errDiskFull = errors.New("the disk is full")

// source is where a recording's frames come from; a program's reader.
type source interface {
	Next(ctx context.Context) (*media.Frame, error)
	Close()
}

// session is one running recording. It runs on its own goroutine until the program ends, somebody stops it, or nothing can be
// written any more.
type session struct {
	library *library
	limits  Limits
	log     *slog.Logger
	id      string
	in      string          // the room's name
	room    studio.RoomInfo // as it was last; the session's own
	watcher *studio.Watcher
	stop    context.CancelFunc
	done    chan struct{}

	// interrupted is set before stop where the server ends.
	interrupted atomic.Bool

	file      *os.File // nil between files
	disk      *sink
	name      string
	number    int
	writer    *movie.Writer
	outgrown  bool // the file holds no sound of what comes now: another begins at the next keyframe
	looked    time.Time
	synced    time.Time
	syncing   atomic.Bool
	finishing sync.WaitGroup
	refused   map[*media.Format]bool
}

// Limits bound what is recorded.
type Limits struct {
	// A file that is Split long, or of SplitBytes, is followed by another at the next keyframe; 0 for no bound.
	Split      time.Duration
	SplitBytes int64
	// Reserve is how many bytes stay free on the disk.
	Reserve int64
}

// sink is a file that remembers why writing failed.
type sink struct {
	file io.Writer
	err  error
}

func (s *sink) Write(b []byte) (int, error) {
	n, err := s.file.Write(b)
	if err != nil {
		s.err = err
	}
	return n, err
}

// run records from a source. It returns the code of a failure, "" for none.
func (s *session) run(ctx context.Context, from source) (ended time.Time, failure string) {
	var err error
	for err == nil {
		var f *media.Frame
		if f, err = from.Next(ctx); err != nil {
			err = nil // the program has ended, or somebody stopped it
			break
		}
		err = s.take(f)
	}
	ended = time.Now()
	if failed := s.endFile(); err == nil {
		err = failed
	}
	s.finishing.Wait()
	if err != nil {
		s.log.Error("recording ends", "error", err)
	}
	return ended, codeOf(err)
}

func codeOf(err error) string {
	switch {
	case err == nil:
		return ""
	case errors.Is(err, errDiskFull), disk.IsFull(err):
		return DiskFull
	}
	return WriteFailed
}

// take records a frame. It fails when nothing can be written.
func (s *session) take(f *media.Frame) error {
	now := time.Now()
	if now.Sub(s.looked) >= lookEvery {
		s.looked = now
		if !s.library.hasRoom(s.limits.Reserve) {
			return errDiskFull
		}
		s.progress()
	}
	if s.file != nil && s.isDue(f) {
		if err := s.endFile(); err != nil {
			return err
		}
	}
	for again := false; ; again = true {
		if s.file == nil {
			if err := s.beginFile(now); err != nil {
				return err
			}
		}
		err := s.writer.WriteFrame(f)
		switch {
		case err == nil:
			s.sync(now)
			return nil
		case s.disk.err != nil:
			return s.disk.err
		case errors.Is(err, movie.ErrNewFile) && s.awaitsKeyframe(f):
			s.outgrown = true // no picture is lost for it
			s.refuse(f, err)
			return nil
		case errors.Is(err, movie.ErrNewFile) && !again:
			if err := s.endFile(); err != nil {
				return err
			}
		default:
			s.refuse(f, err)
			return nil
		}
	}
}

// isDue tells whether a frame begins another file.
func (s *session) isDue(f *media.Frame) bool {
	l := s.limits
	if !s.outgrown && (l.Split == 0 || s.writer.Length() < l.Split) && (l.SplitBytes == 0 || s.writer.Bytes() < l.SplitBytes) {
		return false
	}
	return f.Keyframe && !s.awaitsKeyframe(f)
}

// awaitsKeyframe tells that a frame is sound beside a picture, in the middle of which no file begins.
func (s *session) awaitsKeyframe(f *media.Frame) bool {
	picture, _ := s.writer.Formats()
	return picture != nil && f.Kind() == media.Audio
}

func (s *session) beginFile(now time.Time) error {
	s.number++
	s.name = fmt.Sprintf("%s-%d.mp4", s.id, s.number)
	file, err := os.OpenFile(s.library.path(s.name), os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	s.file, s.disk, s.synced, s.outgrown = file, &sink{file: file}, now, false
	s.writer = movie.NewWriter(s.disk)
	_, err = s.library.change(s.id, true, func(e *entry) {
		e.Files = append(e.Files, File{Name: s.name, StartedAt: now.UTC()})
	})
	return err
}

// endFile closes the file, if there is one, and has it finished.
func (s *session) endFile() error {
	if s.file == nil {
		return nil
	}
	err := s.writer.Close()
	s.progress()
	if closed := s.file.Close(); err == nil {
		err = closed
	}
	failed := s.disk.err
	name := s.name
	s.file, s.writer, s.disk = nil, nil, nil
	s.finishing.Go(func() {
		if err := s.library.finish(s.id, name); err != nil {
			s.log.Error("a recorded file stays without an index", "file", name, "error", err)
		}
	})
	if failed != nil {
		return failed
	}
	if err != nil {
		s.log.Warn("the end of a recorded file is missing", "file", name, "error", err)
	}
	return nil
}

// progress tells how far the file is.
func (s *session) progress() {
	if s.writer == nil {
		return
	}
	picture, sound := s.writer.Formats()
	_, _ = s.library.change(s.id, false, func(e *entry) { // it may be deleted already
		f := e.file(s.name)
		if f == nil {
			return
		}
		f.Bytes, f.Duration = s.writer.Bytes(), s.writer.Length().Seconds()
		if picture != nil {
			f.Video, f.Width, f.Height = picture.Codec.String(), picture.Width, picture.Height
		}
		if sound != nil {
			f.Audio = sound.Codec.String()
		}
	})
}

// sync forces what was written to the disk now and then, so that a power failure takes little; a disk that is slow with it holds
// nobody up.
func (s *session) sync(now time.Time) {
	if now.Sub(s.synced) < syncEvery || !s.syncing.CompareAndSwap(false, true) {
		return
	}
	s.synced = now
	file := s.file
	s.finishing.Go(func() {
		defer s.syncing.Store(false)
		if err := file.Sync(); err != nil && !errors.Is(err, os.ErrClosed) {
			s.log.Warn("forcing a recording to the disk", "error", err)
		}
	})
}

func (s *session) refuse(f *media.Frame, err error) {
	if !s.refused[f.Format] {
		if s.refused == nil {
			s.refused = map[*media.Format]bool{}
		}
		s.refused[f.Format] = true
		s.log.Warn("what cannot be recorded is left out", "error", err)
	}
}
