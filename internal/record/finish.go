package record

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/tuttilive/tutti/internal/disk"
	"github.com/tuttilive/tutti/internal/mux/movie"
)

// errEnds tells that a file is left to the next process.
var errEnds = errors.New("the server ends, and finishes it when it begins again")

// left are the recordings that have unfinished files.
func (l *library) left() []entry {
	return l.list(func(e *entry) bool { return e.State == Finishing || e.isUnfinished() })
}

// finishLeft finishes what an earlier process has left of a recording, as it was at the start; it may have gone on since. It tells whether that
// is its end.
func (l *library) finishLeft(left entry) (r Recording, ended bool) {
	for _, f := range left.Files {
		if f.Finished {
			continue
		}
		err := l.finish(left.ID, f.Name)
		if errors.Is(err, errEnds) {
			return Recording{}, false
		}
		if err != nil {
			l.log.Error("what was left of a recording cannot be finished", "recording", left.ID, "error", err)
		}
	}
	r, err := l.change(left.ID, true, func(e *entry) {
		if ended = e.State == Finishing; ended {
			e.end("")
		}
	})
	if err == nil {
		l.log.Info("what was left of a recording is finished", "recording", r.ID, "room", r.Room, "duration", time.Duration(r.Duration*float64(time.Second)))
	}
	return r, ended
}

// finishFailed finishes files of recordings that are over for which there was no room when they ended, or when it was tried at the start, where
// there is now. One that cannot be finished for another reason is tried once.
func (l *library) finishFailed() {
	for _, e := range l.list(func(e *entry) bool { return (e.State == Done || e.State == Failed) && e.isUnfinished() }) {
		for _, f := range e.Files {
			if f.Finished || e.lost[f.Name] || !l.hasRoom(l.sizeOf(f.Name)/100+leastRoom) { // an index is a hundredth of its file, or less
				continue
			}
			err := l.finish(e.ID, f.Name)
			if errors.Is(err, errEnds) {
				return
			}
			if err != nil && !disk.IsFull(err) {
				l.log.Error("a recorded file stays without an index", "file", f.Name, "error", err)
				l.giveUp(e.ID, f.Name)
			}
		}
	}
}

// sizeOf is how many bytes a file has, 0 where that cannot be told.
func (l *library) sizeOf(name string) int64 {
	info, err := os.Stat(l.path(name))
	if err != nil {
		return 0
	}
	return info.Size()
}

// giveUp notes that a file cannot be finished.
func (l *library) giveUp(id, name string) {
	_, _ = l.change(id, false, func(e *entry) { // it may be deleted already
		if e.lost == nil {
			e.lost = map[string]bool{}
		}
		e.lost[name] = true
	})
}

// finish makes a file seekable. One in which there is nothing is deleted.
func (l *library) finish(id, name string) error {
	s, err := l.finishFile(name)
	switch {
	case errors.Is(err, movie.ErrEmpty), errors.Is(err, fs.ErrNotExist):
		if err := unlessGone(os.Remove(l.path(name))); err != nil {
			return err
		}
		_, err := l.change(id, true, func(e *entry) {
			e.Files = slices.DeleteFunc(e.Files, func(f File) bool { return f.Name == name })
		})
		return err
	case err != nil:
		return fmt.Errorf("finishing %s: %w", name, err)
	}
	_, err = l.change(id, true, func(e *entry) {
		if f := e.file(name); f != nil {
			f.Finished, f.Bytes, f.Duration = true, s.Bytes, s.Length.Seconds()
		}
	})
	l.changed()
	return err
}

func (l *library) finishFile(name string) (movie.Summary, error) {
	file, err := os.OpenFile(l.path(name), os.O_RDWR, 0)
	if err != nil {
		return movie.Summary{}, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return movie.Summary{}, err
	}
	return movie.Finish(&untilEnd{file, l.ends}, info.Size())
}

// untilEnd is a file that nothing is read of, nor written to, any more once the process ends: there is no harm in stopping anywhere.
type untilEnd struct {
	*os.File
	ends <-chan struct{}
}

func (f *untilEnd) check() error {
	select {
	case <-f.ends:
		return errEnds
	default:
		return nil
	}
}

// ReadAt implements movie.File, as the others do.
func (f *untilEnd) ReadAt(b []byte, at int64) (int, error) {
	if err := f.check(); err != nil {
		return 0, err
	}
	return f.File.ReadAt(b, at)
}

func (f *untilEnd) WriteAt(b []byte, at int64) (int, error) {
	if err := f.check(); err != nil {
		return 0, err
	}
	return f.File.WriteAt(b, at)
}

func (f *untilEnd) Truncate(size int64) error {
	if err := f.check(); err != nil {
		return err
	}
	return f.File.Truncate(size)
}

// end gives the recording its last state. The caller holds the lock.
func (e *entry) end(failure string) {
	e.State, e.Error = Done, failure
	if failure == "" && len(e.Files) == 0 {
		e.Error = Empty
	}
	if e.Error != "" {
		e.State = Failed
	}
}
