package store

import (
	"errors"
	"os"
	"path/filepath"
	"time"
)

// seenFile is changed while the server is there. It is empty: its time says it all, which a full disk takes, too.
const seenFile = "store.seen"

// NoteSeen notes that the server is there at a moment.
func (s *Store) NoteSeen(at time.Time) error {
	name := filepath.Join(s.dir, seenFile)
	err := os.Chtimes(name, at, at)
	if errors.Is(err, os.ErrNotExist) {
		if err = os.WriteFile(name, nil, 0o600); err == nil {
			err = os.Chtimes(name, at, at)
		}
	}
	return err
}

// Seen is when the server was last there, before it was started; zero where that was never noted.
func (s *Store) Seen() time.Time { return s.seen }

func seenAt(dir string) (time.Time, error) {
	info, err := os.Stat(filepath.Join(dir, seenFile))
	switch {
	case errors.Is(err, os.ErrNotExist):
		return time.Time{}, nil
	case err != nil:
		return time.Time{}, err
	}
	return info.ModTime(), nil
}
