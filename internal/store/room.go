package store

import "github.com/tuttilive/tutti/internal/disk"

const (
	// reserve is how many bytes stay free on the disk. The embedded server has a stream take nothing more for good once a write to it has failed
	// for want of room, so it must not come to that: writes are refused before. It is more than the largest value.
	reserve = 2 * maxValue
	// purgeReserve is the same for deletions, which write little and make room.
	purgeReserve = 1 << 20
)

// room tells whether so many bytes are free: ErrFull where they are not. What can be told of is told once.
func (s *Store) room(bytes int64) error {
	free, err := disk.Free(s.dir)
	if err != nil || free >= bytes { // where it cannot be told, writing will
		if free >= reserve && s.full.CompareAndSwap(true, false) {
			s.log.Info("there is room on the disk again: what changes is kept", "dir", s.dir)
		}
		return nil
	}
	if s.full.CompareAndSwap(false, true) {
		s.log.Error("the disk is full: nothing that changes is kept", "dir", s.dir, "free", free, "needed", bytes)
	}
	return ErrFull
}
