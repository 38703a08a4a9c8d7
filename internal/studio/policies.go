package studio

import (
	"errors"
	"sync"

	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/store"
)

// maxKnown bounds the memory of policies; beyond it they are read from the store again.
const maxKnown = 10_000

// Policies keeps the policies of rooms that somebody created. Reads come from memory after the first.
type Policies struct {
	bucket *store.Bucket[room.Policy]

	mu    sync.RWMutex
	known map[string]room.Policy
}

// OpenPolicies opens the bucket of rooms.
func OpenPolicies(s *store.Store) (*Policies, error) {
	b, err := store.OpenBucket[room.Policy](s, "rooms")
	if err != nil {
		return nil, err
	}
	return &Policies{bucket: b, known: map[string]room.Policy{}}, nil
}

// Find is the policy of a room, the default one where nobody created it, and tells whether somebody did.
func (p *Policies) Find(name string) (room.Policy, bool, error) {
	p.mu.RLock()
	policy, ok := p.known[name]
	p.mu.RUnlock()
	if ok {
		return policy, true, nil
	}
	policy, err := p.bucket.Get(name)
	if errors.Is(err, store.ErrNotFound) {
		return room.DefaultPolicy(), false, nil
	}
	if err != nil {
		return room.Policy{}, false, err
	}
	p.remember(name, policy)
	return policy, true, nil
}

// Create keeps a new room; store.ErrExists where there is one of that name.
func (p *Policies) Create(name string, policy room.Policy) error {
	if err := p.bucket.Create(name, policy); err != nil {
		return err
	}
	p.remember(name, policy)
	return nil
}

func (p *Policies) remember(name string, policy room.Policy) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.known) >= maxKnown {
		clear(p.known)
	}
	p.known[name] = policy
}
