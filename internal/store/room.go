package store

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/tuttilive/tutti/internal/disk"
)

const (
	// reserve is how many bytes stay free on the disk. The embedded server has a stream take nothing more until it is started again once a
	// write to it has failed for want of room, so it should not come to that: writes are refused before. It is more than the largest value.
	reserve = 2 * maxValue
	// purgeReserve is the same for deletions, which write little and make room.
	purgeReserve = 1 << 20
)

// write has something written, where there is room for so many bytes. ErrFull where there is not, or where the disk did not take it.
func (s *Store) write(bytes int64, do func(context.Context) error) error {
	if err := s.room(bytes); err != nil {
		return err
	}
	return s.attempt(do)
}

func (s *Store) attempt(do func(context.Context) error) error {
	s.lock.RLock()
	defer s.lock.RUnlock()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	err := do(ctx)
	if err != nil && !errors.Is(err, ErrExists) && s.failed.Load() { // the embedded server does not answer then
		return ErrFull
	}
	return err
}

// room tells whether so many bytes are free: ErrFull where they are not. What can be told of is told once.
func (s *Store) room(bytes int64) error {
	free, err := disk.Free(s.dir)
	known := err == nil // where it cannot be told, writing will
	if known && free < bytes {
		if s.full.CompareAndSwap(false, true) {
			s.log.Error("the disk is full: nothing that changes is kept", "dir", s.dir, "free", free, "needed", bytes)
		}
		return ErrFull
	}
	if s.failed.Load() { // a quota that is used up, for instance, which is not known before
		if err := s.renew(bytes); err != nil {
			if s.full.CompareAndSwap(false, true) {
				s.log.Error("the disk takes nothing: nothing that changes is kept", "dir", s.dir, "error", err)
			}
			return ErrFull
		}
	}
	if known && free >= reserve && s.full.CompareAndSwap(true, false) {
		s.log.Info("there is room on the disk again: what changes is kept", "dir", s.dir)
	}
	return nil
}

// renew starts the embedded server again, which could not write, once the disk takes so many bytes. What was kept before is there meanwhile.
func (s *Store) renew(bytes int64) error {
	s.lock.Lock()
	defer s.lock.Unlock()
	if !s.failed.Load() || s.closed { // another was here before
		return nil
	}
	if err := s.try(bytes); err != nil {
		return err
	}
	s.stop()
	s.failed.Store(false)
	err := s.start(patience)
	for _, open := range s.buckets {
		if err == nil {
			err = open(patience)
		}
	}
	if err != nil {
		s.failed.Store(true)
	}
	return err
}

// try writes so many bytes to the disk, and takes them away again.
func (s *Store) try(bytes int64) error {
	name := filepath.Join(s.dir, "store.room")
	defer os.Remove(name)
	return os.WriteFile(name, make([]byte, bytes), 0o600)
}
