package record

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/tuttilive/tutti/internal/disk"
	"github.com/tuttilive/tutti/internal/mux/movie"
	"github.com/tuttilive/tutti/internal/store"
)

// ErrNotFound tells that there is no such recording, or no such file of it.
var ErrNotFound = errors.New("there is no such recording")

// Whether a recording is deleted is said by the name of its description: to change that takes no room on a disk that is full.
const (
	keptAs    = ".json"
	deletedAs = ".deleted"
)

// library is the recordings that there are, in memory and on disk. Who waits for the disk keeps nobody from asking what is in memory.
type library struct {
	dir string
	log *slog.Logger
	// bucket tells that files are in a bucket too, or will be; changed is called when there is something new to do there.
	bucket  bool
	changed func()
	// ends is closed when the process has no time any more for what the next one can do as well.
	ends chan struct{}
	// scans are looks into files for their pieces, which scan does.
	scans singleflight.Group
	scan  func(f io.ReaderAt, size int64) (movie.Pieces, error)

	mu      sync.Mutex
	entries map[string]*entry
}

// openLibrary reads what is there. What was being recorded when the server ended counts as interrupted.
func openLibrary(dir string, log *slog.Logger) (*library, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the directory for recordings: %w", err)
	}
	l := &library{dir: dir, log: log, changed: func() {}, ends: make(chan struct{}), scan: movie.ReadPieces, entries: map[string]*entry{}}
	for _, kind := range []string{keptAs, deletedAs} {
		names, err := filepath.Glob(filepath.Join(dir, "*"+kind))
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			e, err := readEntry(name, kind)
			if err != nil {
				log.Error("what is known of a recording cannot be read", "file", name, "error", err)
				continue
			}
			if e.State == Finishing && e.EndedAt.IsZero() {
				e.EndedAt = l.lastChange(e)
			}
			l.entries[e.ID] = e
		}
	}
	return l, nil
}

func readEntry(name, kind string) (*entry, error) {
	content, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	e := &entry{writing: &sync.Mutex{}}
	if err := json.Unmarshal(content, e); err != nil {
		return nil, err
	}
	if e.ID != strings.TrimSuffix(filepath.Base(name), kind) {
		return nil, errors.New("it is about another recording")
	}
	for i := range e.Files {
		e.Files[i].Name = filepath.Base(e.Files[i].Name)
	}
	e.Deleted = e.Deleted || kind == deletedAs // descriptions of old say so themselves
	if e.State == Running || e.State == Finishing {
		e.Interrupted = e.Interrupted || e.State == Running // what was being finished may have been interrupted before
		e.State = Finishing
	}
	return e, nil
}

// lastChange is when a recording that something cut off was written to.
func (l *library) lastChange(e *entry) time.Time {
	last := e.StartedAt
	for _, f := range e.Files {
		if info, err := os.Stat(l.path(f.Name)); err == nil && info.ModTime().After(last) {
			last = info.ModTime()
		}
	}
	return last.UTC()
}

// hasRoom tells whether the disk has so many bytes left. Where that cannot be told, writing will.
func (l *library) hasRoom(bytes int64) bool {
	free, err := disk.Free(l.dir)
	return err != nil || free >= bytes
}

func (l *library) path(name string) string { return filepath.Join(l.dir, name) }

// put adds a recording that is new, and writes it down.
func (l *library) put(e *entry) error {
	e.writing = &sync.Mutex{}
	content, err := e.describe()
	if err == nil {
		err = l.replace(e.ID+keptAs, content)
	}
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries[e.ID] = e
	return nil
}

// change changes what is known of a recording; keep writes it down too. It gives what it is then.
func (l *library) change(id string, keep bool, f func(e *entry)) (Recording, error) {
	l.mu.Lock()
	e := l.entries[id]
	if e == nil || e.Deleted {
		l.mu.Unlock()
		return Recording{}, ErrNotFound
	}
	f(e)
	e.add()
	r := e.snapshot()
	l.mu.Unlock()
	if keep {
		_ = l.write(e) // on a full disk the memory knows it, and at the next start the files do
	}
	return r, nil
}

// amend changes what only the description of a recording tells: it is written down, or stays as it was. f is called twice.
func (l *library) amend(id string, f func(e *entry)) (Recording, error) {
	e := l.entry(id)
	if e == nil {
		return Recording{}, ErrNotFound
	}
	e.writing.Lock()
	defer e.writing.Unlock()
	l.mu.Lock()
	gone, amended := e.Deleted, e.copy()
	l.mu.Unlock()
	if gone {
		return Recording{}, ErrNotFound
	}
	f(&amended)
	content, err := amended.describe()
	if err == nil {
		err = l.replace(id+keptAs, content)
	}
	if err != nil {
		return Recording{}, fmt.Errorf("writing down what is known of a recording: %w", orFull(err))
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	f(e)
	return e.snapshot(), nil
}

// orFull says of an error that the disk is full, where it is.
func orFull(err error) error {
	if disk.IsFull(err) {
		return fmt.Errorf("%w: %w", store.ErrFull, err)
	}
	return err
}

// note changes what is known of a recording, also of one that is deleted, and writes it down.
func (l *library) note(id string, f func(e *entry)) error {
	l.mu.Lock()
	e := l.entries[id]
	if e == nil {
		l.mu.Unlock()
		return ErrNotFound
	}
	f(e)
	l.mu.Unlock()
	return l.write(e)
}

// write replaces the description of a recording as a whole, with what is known when its turn has come: what was known before is never
// written over it. Only who writes the same one down waits for that.
func (l *library) write(e *entry) error {
	e.writing.Lock()
	defer e.writing.Unlock()
	l.mu.Lock()
	forgotten, name := l.entries[e.ID] != e, e.ID+keptAs
	if e.Deleted {
		name = e.ID + deletedAs
	}
	content, err := e.describe()
	l.mu.Unlock()
	if forgotten {
		return ErrNotFound
	}
	if err == nil {
		err = l.replace(name, content)
	}
	if err != nil {
		l.log.Error("writing down what is known of a recording", "recording", e.ID, "error", err)
	}
	return err
}

func (e *entry) describe() ([]byte, error) {
	content, err := json.MarshalIndent(e, "", "  ")
	return append(content, '\n'), err
}

// entry is what is known of a recording, nil for nothing. Who has no lock may not look into it.
func (l *library) entry(id string) *entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.entries[id]
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

// pending gives copies of those that have files to be uploaded or taken out of the bucket, the newest first.
func (l *library) pending() []entry {
	return l.sorted(func(e *entry) bool {
		return e.Deleted || len(e.Dropped) > 0 || slices.ContainsFunc(e.Files, func(f File) bool { return f.Finished && !f.Stored })
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

// remove deletes a recording and its files. Whatever fails or ends after it has begun, the recording is there for nobody any more.
func (l *library) remove(id string) error {
	e := l.entry(id)
	if e == nil {
		return ErrNotFound
	}
	if err := l.hide(e); err != nil {
		return err
	}
	return l.clear(e)
}

// hide makes a recording a deleted one.
func (l *library) hide(e *entry) error {
	e.writing.Lock()
	defer e.writing.Unlock()
	l.mu.Lock()
	gone := e.Deleted
	l.mu.Unlock()
	if gone {
		return ErrNotFound
	}
	if err := unlessGone(os.Rename(l.path(e.ID+keptAs), l.path(e.ID+deletedAs))); err != nil {
		return fmt.Errorf("deleting a recording: %w", orFull(err))
	}
	l.mu.Lock()
	e.Deleted = true
	l.mu.Unlock()
	if err := l.sync(); err != nil { // a power failure may bring it back; what is left of it is taken away all the same
		l.log.Error("noting that a recording is deleted", "recording", e.ID, "error", err)
	}
	return nil
}

// clear takes away what there is of a deleted recording. What of it is in the bucket, or on the way there, is left to the uploader; what
// cannot be removed now is tried at the next start.
func (l *library) clear(e *entry) error {
	l.mu.Lock()
	files := slices.Clone(e.Files)
	elsewhere := len(e.Uploads)+len(e.Dropped) > 0 || slices.ContainsFunc(files, l.mayBeElsewhere)
	l.mu.Unlock()
	if err := l.removeFiles(e.ID, files); err != nil {
		return err
	}
	if !elsewhere {
		return l.forget(e.ID)
	}
	_ = l.write(e) // what could not be written down on a full disk, where there is room now
	l.changed()
	return nil
}

// removeFiles takes away what of a recording is here.
func (l *library) removeFiles(id string, files []File) error {
	errs := []error{os.Remove(l.path(pictureName(id))), os.Remove(l.path(stripName(id)))}
	for _, f := range files {
		errs = append(errs, os.Remove(l.path(piecesName(f.Name))), os.Remove(l.path(f.Name)))
	}
	return unlessGone(errs...)
}

// drop deletes one file of a recording, which goes on without it. If anything ends in the middle it can be done again.
func (l *library) drop(id, name string) error {
	if err := unlessGone(os.Remove(l.path(piecesName(name))), os.Remove(l.path(name))); err != nil {
		return err
	}
	_, err := l.change(id, true, func(e *entry) {
		f := e.file(name)
		if f == nil {
			return
		}
		if _, begun := e.Uploads[name]; begun || l.mayBeElsewhere(*f) {
			e.Dropped = append(e.Dropped, name)
		}
		if e.Strip != nil {
			strip := *e.Strip // others may have the one that was
			strip.From -= f.Duration
			e.Strip = &strip
		}
		e.Files = slices.DeleteFunc(e.Files, func(f File) bool { return f.Name == name })
	})
	l.changed()
	return err
}

// mayBeElsewhere tells that a file is in the bucket, or on the way there.
func (l *library) mayBeElsewhere(f File) bool { return f.Stored || l.bucket && f.Finished }

// clearDeleted takes away what is left of recordings whose deletion something cut off.
func (l *library) clearDeleted() {
	for _, d := range l.sorted(func(e *entry) bool { return e.Deleted }) {
		if err := l.clear(l.entry(d.ID)); err != nil {
			l.log.Error("taking away what is left of a deleted recording", "recording", d.ID, "error", err)
		}
	}
}

// forget forgets a deleted recording.
func (l *library) forget(id string) error {
	e := l.entry(id)
	if e == nil {
		return nil
	}
	e.writing.Lock()
	defer e.writing.Unlock()
	l.mu.Lock()
	delete(l.entries, id)
	l.mu.Unlock()
	return unlessGone(os.Remove(l.path(id+keptAs)), os.Remove(l.path(id+deletedAs)))
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
