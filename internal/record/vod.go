package record

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/tuttilive/tutti/internal/mux/movie"
)

// piecesName is where it is kept how a file is played piece by piece: what was looked for once, and is still known when the file is
// elsewhere.
func piecesName(file string) string { return file + ".pieces" }

// pieces are those of a finished file, and nobody's to change. A long file is looked through once, however many ask for it first.
func (l *library) pieces(file string) (movie.Pieces, error) {
	p, err, _ := l.scans.Do(file, func() (any, error) { return l.findPieces(file) })
	return p.(movie.Pieces), err
}

func (l *library) findPieces(file string) (p movie.Pieces, err error) {
	content, err := os.ReadFile(l.path(piecesName(file)))
	if err == nil && json.Unmarshal(content, &p) == nil {
		return p, nil
	}
	f, err := os.Open(l.path(file))
	if err != nil {
		return movie.Pieces{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return movie.Pieces{}, err
	}
	if p, err = l.scan(f, info.Size()); err != nil {
		return movie.Pieces{}, err
	}
	if content, err = json.Marshal(p); err == nil {
		err = l.replace(piecesName(file), content)
	}
	if !l.has(file) { // it was deleted while it was looked through
		err = unlessGone(os.Remove(l.path(piecesName(file))))
	}
	if err != nil { // it is looked for again
		l.log.Warn("writing down how a recorded file is played", "file", file, "error", err)
	}
	return p, nil
}

// has tells whether a file is one of a recording's that is not deleted.
func (l *library) has(file string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.entries {
		if !e.Deleted && e.file(file) != nil {
			return true
		}
	}
	return false
}

// replace writes a file as a whole. It is on the disk then: what is removed after it may be the only copy of what it tells of.
func (l *library) replace(name string, content []byte) error {
	name = l.path(name)
	temporary, err := os.CreateTemp(l.dir, ".new-*")
	if err != nil {
		return err
	}
	_, err = temporary.Write(content)
	if err == nil {
		err = temporary.Sync()
	}
	err = errors.Join(err, temporary.Close())
	if err == nil {
		err = os.Rename(temporary.Name(), name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temporary.Name()))
	}
	return l.sync()
}

// sync has the directory on the disk with all names that are in it, where the file system knows of such a thing.
func (l *library) sync() error {
	dir, err := os.Open(l.dir)
	if err != nil {
		return err
	}
	err = dir.Sync()
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, syscall.EINVAL) {
		err = nil
	}
	return errors.Join(err, dir.Close())
}

// Played is a finished file of a recording as something to be played piece by piece.
type Played struct {
	File
	movie.Pieces
}

// Pieces are a recording's finished files, in their order. What cannot be played so is left out; ErrNotFound tells that nothing can.
func (r *Recorder) Pieces(id string) (all []Played, err error) {
	e, err := r.library.find(id)
	if err != nil {
		return nil, err
	}
	for _, f := range e.Files {
		if !f.Finished {
			continue
		}
		p, err := r.library.pieces(f.Name)
		if err != nil {
			r.log.Warn("a recorded file cannot be played piece by piece", "file", f.Name, "error", err)
			continue
		}
		all = append(all, Played{f, p})
	}
	if len(all) == 0 {
		return nil, ErrNotFound
	}
	return all, nil
}

// Header is one of the headers of a file, of which the playlist says so.
func (r *Recorder) Header(id, file string, n int) ([]byte, error) {
	e, err := r.library.find(id)
	if err != nil {
		return nil, err
	}
	f := e.file(file)
	if f == nil || !f.Finished {
		return nil, ErrNotFound
	}
	p, err := r.library.pieces(f.Name)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotFound, err)
	}
	if n < 0 || n >= len(p.Headers) {
		return nil, ErrNotFound
	}
	return p.Headers[n], nil
}
