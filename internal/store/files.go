package store

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/tuttilive/tutti/internal/disk"
)

// Files keeps bytes that are too many to be read whenever the server starts, each value in a file beside the embedded server: images. Each is
// read when it is asked for.
type Files struct {
	store *Store
	dir   string
}

// OpenFiles opens a directory of a store, which is made where needed.
func OpenFiles(s *Store, name string) (*Files, error) {
	f := &Files{s, filepath.Join(s.dir, name)}
	if err := os.MkdirAll(f.dir, 0o700); err != nil {
		return nil, fmt.Errorf("store: making room for %s: %w", name, err)
	}
	return f, nil
}

// fileOf is what a value is kept in: names may be longer than those of files.
func fileOf(name string) string {
	sum := sha256.Sum256([]byte(name))
	return hex.EncodeToString(sum[:])
}

// Get reads a value, ErrNotFound where there is none.
func (f *Files) Get(name string) ([]byte, error) {
	b, err := os.ReadFile(filepath.Join(f.dir, fileOf(name)))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, ErrNotFound
	case err != nil:
		return nil, fmt.Errorf("store: reading %q: %w", name, err)
	}
	return b, nil
}

// Put writes a value: after a crash there is the whole of it, or what was there before. ErrFull where there is no room.
func (f *Files) Put(name string, b []byte) error {
	err := f.store.room(reserve + int64(len(b)))
	if err == nil {
		err = f.write(fileOf(name), b)
	}
	if disk.IsFull(err) {
		err = ErrFull
	}
	if err != nil {
		return fmt.Errorf("store: writing %q: %w", name, err)
	}
	return nil
}

func (f *Files) write(file string, b []byte) error {
	temporary, err := os.CreateTemp(f.dir, ".new-*")
	if err != nil {
		return err
	}
	_, err = temporary.Write(b)
	err = errors.Join(err, temporary.Sync(), temporary.Close())
	if err == nil {
		err = os.Rename(temporary.Name(), filepath.Join(f.dir, file))
	}
	if err != nil {
		os.Remove(temporary.Name())
	}
	return err
}

// Delete forgets a value, also one that is not there.
func (f *Files) Delete(name string) error {
	err := os.Remove(filepath.Join(f.dir, fileOf(name)))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("store: deleting %q: %w", name, err)
	}
	return nil
}

// Retain forgets all values but those of the given names, and what a crash left half written.
func (f *Files) Retain(names []string) error {
	kept := map[string]bool{}
	for _, name := range names {
		kept[fileOf(name)] = true
	}
	entries, err := os.ReadDir(f.dir)
	if err != nil {
		return fmt.Errorf("store: reading what is kept: %w", err)
	}
	for _, e := range entries {
		if !kept[e.Name()] {
			err = errors.Join(err, os.Remove(filepath.Join(f.dir, e.Name())))
		}
	}
	return err
}
