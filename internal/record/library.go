package record

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tuttilive/tutti/internal/disk"
	"github.com/tuttilive/tutti/internal/mux/movie"
)

// ErrNotFound tells that there is no such recording, or no such file of it.
var ErrNotFound = errors.New("there is no such recording")

// library is the recordings that there are, in memory and on disk.
type library struct {
	dir string
	log *slog.Logger
	// bucket tells that files are in a bucket too, or will be; changed is called when there is something new to do there.
	bucket  bool
	changed func()

	mu      sync.Mutex
	entries map[string]*entry
}

// openLibrary reads what is there. What was being recorded when the server ended counts as interrupted.
func openLibrary(dir string, log *slog.Logger) (*library, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the directory for recordings: %w", err)
	}
	names, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return nil, err
	}
	l := &library{dir: dir, log: log, changed: func() {}, entries: map[string]*entry{}}
	for _, name := range names {
		content, err := os.ReadFile(name)
		e := &entry{}
		if err == nil {
			err = json.Unmarshal(content, e)
		}
		if err == nil && e.ID != strings.TrimSuffix(filepath.Base(name), ".json") {
			err = errors.New("it is about another recording")
		}
		if err != nil {
			log.Error("what is known of a recording cannot be read", "file", name, "error", err)
			continue
		}
		for i := range e.Files {
			e.Files[i].Name = filepath.Base(e.Files[i].Name)
		}
		if e.State == Running || e.State == Finishing {
			e.Interrupted = e.State == Running
			e.State = Finishing
		}
		l.entries[e.ID] = e
	}
	return l, nil
}

// left are the recordings that have unfinished files.
func (l *library) left() (ids []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, e := range l.entries {
		if e.Deleted {
			continue
		}
		if e.State == Finishing || slices.ContainsFunc(e.Files, func(f File) bool { return !f.Finished }) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// finishFailed finishes files of recordings that are over for which there was no room when they ended, where there is now. One that cannot be
// finished for another reason is tried once.
func (l *library) finishFailed() {
	for _, e := range l.list(func(e *entry) bool { return e.State == Failed && e.Error == DiskFull }) {
		for _, f := range e.Files {
			const index = 100 // a file is so many times as long as its index, or longer
			if f.Finished || e.lost[f.Name] || !l.hasRoom(f.Bytes/index+leastRoom) {
				continue
			}
			if err := l.finish(e.ID, f.Name); err != nil && !disk.IsFull(err) {
				l.log.Error("a recorded file stays without an index", "file", f.Name, "error", err)
				l.giveUp(e.ID, f.Name)
			}
		}
	}
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

// hasRoom tells whether the disk has so many bytes left. Where that cannot be told, writing will.
func (l *library) hasRoom(bytes int64) bool {
	free, err := disk.Free(l.dir)
	return err != nil || free >= bytes
}

func (l *library) path(name string) string { return filepath.Join(l.dir, name) }

// put adds a recording, or changes what is known of one, and writes it down.
func (l *library) put(e *entry) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.write(e); err != nil {
		return err
	}
	l.entries[e.ID] = e
	return nil
}

// change changes what is known of a recording; keep writes it down too. It gives what it is then.
func (l *library) change(id string, keep bool, f func(e *entry)) (Recording, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.entries[id]
	if e == nil || e.Deleted {
		return Recording{}, ErrNotFound
	}
	f(e)
	e.add()
	if keep {
		if err := l.write(e); err != nil { // on a full disk the memory knows it, and at the next start the files do
			l.log.Error("writing down what is known of a recording", "recording", id, "error", err)
		}
	}
	return e.snapshot(), nil
}

// note changes what is known of a recording, also of one that is deleted, and writes it down.
func (l *library) note(id string, f func(e *entry)) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.entries[id]
	if e == nil {
		return ErrNotFound
	}
	f(e)
	if err := l.write(e); err != nil {
		l.log.Error("writing down what is known of a recording", "recording", id, "error", err)
		return err
	}
	return nil
}

// write replaces the description of a recording as a whole. The caller holds the lock.
func (l *library) write(e *entry) error {
	content, err := json.MarshalIndent(e, "", "  ")
	if err != nil {
		return err
	}
	return l.replace(e.ID+".json", append(content, '\n'))
}

// find gives a copy of what is known of a recording.
func (l *library) find(id string) (entry, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.entries[id]
	if e == nil || e.Deleted {
		return entry{}, ErrNotFound
	}
	return e.copy(), nil
}

// list gives copies of those that are asked for, the newest first.
func (l *library) list(wanted func(e *entry) bool) []entry {
	return l.sorted(func(e *entry) bool { return !e.Deleted && wanted(e) })
}

// pending gives copies of those that have files to be uploaded, or are deleted, the newest first.
func (l *library) pending() []entry {
	return l.sorted(func(e *entry) bool {
		return e.Deleted || slices.ContainsFunc(e.Files, func(f File) bool { return f.Finished && !f.Stored })
	})
}

func (l *library) sorted(wanted func(e *entry) bool) (all []entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.entries {
		if wanted(e) {
			all = append(all, e.copy())
		}
	}
	slices.SortFunc(all, func(a, b entry) int {
		return cmp.Or(b.StartedAt.Compare(a.StartedAt), strings.Compare(a.ID, b.ID))
	})
	return all
}

// remove deletes a recording and its files. What of it is in the bucket, or on the way there, is left to the uploader.
func (l *library) remove(id string) error {
	l.mu.Lock()
	e := l.entries[id]
	if e == nil || e.Deleted {
		l.mu.Unlock()
		return ErrNotFound
	}
	elsewhere := len(e.Uploads) > 0 || slices.ContainsFunc(e.Files, func(f File) bool { return f.Stored || l.bucket && f.Finished })
	var errs []error
	if elsewhere {
		e.Deleted = true
		errs = append(errs, l.write(e)) // after a restart it must not be there again
	} else {
		delete(l.entries, id)
	}
	l.mu.Unlock()
	errs = append(errs, os.Remove(l.path(pictureName(id))), os.Remove(l.path(stripName(id))))
	for _, f := range e.Files {
		errs = append(errs, os.Remove(l.path(piecesName(f.Name))), os.Remove(l.path(f.Name)))
	}
	if !elsewhere {
		errs = append(errs, os.Remove(l.path(id+".json"))) // last, so that what is left of a failure is still known
	}
	l.changed()
	return unlessGone(errs...)
}

// forget forgets a deleted recording.
func (l *library) forget(id string) error {
	l.mu.Lock()
	delete(l.entries, id)
	l.mu.Unlock()
	return unlessGone(os.Remove(l.path(id + ".json")))
}

// unlessGone joins errors but those that tell that something is not there.
func unlessGone(errs ...error) error {
	for i, err := range errs {
		if errors.Is(err, fs.ErrNotExist) {
			errs[i] = nil
		}
	}
	return errors.Join(errs...)
}

// finish makes a file seekable. One in which there is nothing is deleted.
func (l *library) finish(id, name string) error {
	s, err := finishFile(l.path(name))
	switch {
	case errors.Is(err, movie.ErrEmpty), errors.Is(err, fs.ErrNotExist):
		_, changed := l.change(id, true, func(e *entry) {
			e.Files = slices.DeleteFunc(e.Files, func(f File) bool { return f.Name == name })
		})
		if err := os.Remove(l.path(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return changed
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

func finishFile(path string) (movie.Summary, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return movie.Summary{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return movie.Summary{}, err
	}
	return movie.Finish(f, info.Size())
}

// finishLeft finishes what a recording that was interrupted has left.
func (l *library) finishLeft(id string) {
	e, err := l.find(id)
	if err != nil {
		return
	}
	last := e.StartedAt
	for _, f := range e.Files {
		if info, err := os.Stat(l.path(f.Name)); err == nil && info.ModTime().After(last) {
			last = info.ModTime() // before it is changed
		}
		if f.Finished {
			continue
		}
		if err := l.finish(id, f.Name); err != nil {
			l.log.Error("what was left of a recording cannot be finished", "recording", id, "error", err)
		}
	}
	r, err := l.change(id, true, func(e *entry) {
		if e.EndedAt.IsZero() {
			e.EndedAt = last.UTC()
		}
		if e.State == Finishing {
			e.end("")
		}
	})
	if err == nil {
		l.log.Info("what was left of a recording is finished", "recording", id, "room", r.Room, "duration", time.Duration(r.Duration*float64(time.Second)))
	}
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
