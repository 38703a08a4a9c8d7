package studio

import (
	"sync"
	"time"

	"github.com/tuttilive/tutti/internal/store"
)

// Bounds of what is remembered of revoked tokens; beyond them the oldest revocations are forgotten.
const (
	maxRevokedInRoom = 200
	maxRevokedRooms  = 5000
)

// revoked says for each identity of a room before when its tokens were made that are no longer good, in Unix seconds.
type revoked map[string]int64

// newest is the latest of the revocations.
func (r revoked) newest() (latest int64) {
	for _, before := range r {
		latest = max(latest, before)
	}
	return latest
}

// revocations are the tokens that applications have revoked, kept over restarts.
type revocations struct {
	bucket *store.Bucket[revoked]

	mu     sync.RWMutex
	byRoom map[string]revoked
}

func openRevocations(s *store.Store) (*revocations, error) {
	b, err := store.OpenBucket[revoked](s, "revoked")
	if err != nil {
		return nil, err
	}
	all, err := b.All()
	if err != nil {
		return nil, err
	}
	if all == nil {
		all = map[string]revoked{}
	}
	return &revocations{bucket: b, byRoom: all}, nil
}

// add revokes the tokens of an identity for a room that were made before a moment.
func (r *revocations) add(room, identity string, before time.Time) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	old := r.byRoom[room]
	list := revoked{identity: max(before.Unix(), old[identity])}
	for who, when := range old {
		if who != identity {
			list[who] = when
		}
	}
	forgetOldest(list, maxRevokedInRoom, identity, func(when int64) int64 { return when })
	if err := r.bucket.Put(room, list); err != nil {
		return err
	}
	r.byRoom[room] = list
	if gone := forgetOldest(r.byRoom, maxRevokedRooms, room, revoked.newest); gone != "" {
		return r.bucket.Delete(gone)
	}
	return nil
}

// forgetOldest drops the oldest entry where there is one too many, but not the one named, and says which.
func forgetOldest[V any](entries map[string]V, most int, keep string, age func(V) int64) (gone string) {
	if len(entries) <= most {
		return ""
	}
	for name, v := range entries {
		if name != keep && (gone == "" || age(v) < age(entries[gone])) {
			gone = name
		}
	}
	delete(entries, gone)
	return gone
}

// covers tells whether a token of an identity for a room, made at a moment, has been revoked. A token that does not say when it was
// made counts as made before.
func (r *revocations) covers(room, identity string, made time.Time) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	before, ok := r.byRoom[room][identity]
	return ok && (made.IsZero() || made.Unix() < before)
}
