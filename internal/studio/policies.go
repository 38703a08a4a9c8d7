package studio

import (
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/store"
)

// maxKnown bounds the memory of policies, and of names that nobody created; beyond it they are read from the store again.
const maxKnown = 10_000

// usedWithin is how exactly the last use of a room is kept.
const usedWithin = 24 * time.Hour

// Policies keeps the policies of rooms that somebody created, and the tokens for rooms that were revoked. Reads come from memory
// after the first.
type Policies struct {
	bucket  *store.Bucket[room.Policy]
	revoked *revocations
	intakes *intakes

	writing sync.Mutex               // held while what is kept of a room changes
	handed  []func(name string)      // guarded by writing
	keeping []func(name string) bool // guarded by writing

	mu      sync.RWMutex
	known   map[string]room.Policy
	unknown map[string]struct{} // names that nobody created
	changes int                 // counts creations, so that an older look is not remembered
}

// OpenPolicies opens the bucket of rooms.
func OpenPolicies(s *store.Store) (*Policies, error) {
	b, err := store.OpenBucket[room.Policy](s, "rooms")
	if err != nil {
		return nil, err
	}
	revoked, err := openRevocations(s)
	if err != nil {
		return nil, err
	}
	intakes, err := openIntakes(s)
	if err != nil {
		return nil, err
	}
	return &Policies{bucket: b, revoked: revoked, intakes: intakes, known: map[string]room.Policy{}, unknown: map[string]struct{}{}}, nil
}

// OnHandover has f called when a name changes hands: somebody creates a room of it, or the room is deleted or forgotten. What is kept
// for whoever had it before is not for whoever comes next. It is called before anybody comes in; f must not call back.
func (p *Policies) OnHandover(f func(name string)) {
	p.writing.Lock()
	defer p.writing.Unlock()
	p.handed = append(p.handed, f)
}

// handOver tells of a name that changes hands. The caller holds the lock for writing.
func (p *Policies) handOver(name string) {
	for _, f := range p.handed {
		f(name)
	}
}

// Find is the policy of a room, the default one where nobody created it, and tells whether somebody did.
func (p *Policies) Find(name string) (room.Policy, bool, error) {
	p.mu.RLock()
	policy, ok := p.known[name]
	_, never := p.unknown[name]
	changes := p.changes
	p.mu.RUnlock()
	switch {
	case ok:
		return policy, true, nil
	case never:
		return room.DefaultPolicy(), false, nil
	}
	policy, err := p.bucket.Get(name)
	missing := errors.Is(err, store.ErrNotFound)
	if err != nil && !missing {
		return room.Policy{}, false, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.changes != changes: // what was read may be old
	case missing:
		if len(p.unknown) >= maxKnown {
			clear(p.unknown)
		}
		p.unknown[name] = struct{}{}
	default:
		p.remember(name, policy)
	}
	if missing {
		return room.DefaultPolicy(), false, nil
	}
	return policy, true, nil
}

// Create keeps a new room; store.ErrExists where there is one of that name.
func (p *Policies) Create(name string, policy room.Policy) error {
	p.writing.Lock()
	defer p.writing.Unlock()
	switch _, err := p.bucket.Get(name); { // another's stream keys are not forgotten
	case err == nil:
		return store.ErrExists
	case !errors.Is(err, store.ErrNotFound):
		return err
	}
	if err := p.intakes.forget(name); err != nil { // first: what fails half way is done again
		return err
	}
	if err := p.bucket.Create(name, policy); err != nil {
		return err
	}
	p.handOver(name)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.changes++
	delete(p.unknown, name)
	p.remember(name, policy)
	return nil
}

// Revoke makes the tokens of an identity for a room worthless that were made before a moment.
func (p *Policies) Revoke(room, identity string, before time.Time) error {
	return p.revoked.add(room, identity, before)
}

// Delete forgets a room, also one that nobody created. Its links are no longer good for anything.
func (p *Policies) Delete(name string) error {
	p.writing.Lock()
	defer p.writing.Unlock()
	return p.delete(name)
}

func (p *Policies) delete(name string) error {
	if err := p.intakes.forget(name); err != nil {
		return err
	}
	if err := p.bucket.Delete(name); err != nil {
		return err
	}
	p.handOver(name)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.changes++
	delete(p.known, name)
	return nil
}

// remember keeps a policy in memory. The caller holds the lock.
func (p *Policies) remember(name string, policy room.Policy) {
	if len(p.known) >= maxKnown {
		clear(p.known)
	}
	p.known[name] = policy
}

// dueForUse tells from memory whether Use has anything to do, or may have.
func (p *Policies) dueForUse(name string, now time.Time) bool {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if _, never := p.unknown[name]; never {
		return false
	}
	policy, ok := p.known[name]
	return !ok || now.Sub(policy.UsedAt) >= usedWithin
}

// Use notes that a room is used, about once a day. It reads and perhaps writes the store.
func (p *Policies) Use(name string, now time.Time) error {
	policy, created, err := p.Find(name)
	if err != nil || !created || now.Sub(policy.UsedAt) < usedWithin {
		return err
	}
	p.writing.Lock()
	defer p.writing.Unlock()
	return p.use(name, now)
}

// use writes the last use of a room that is still there. The caller holds the lock for writing.
func (p *Policies) use(name string, now time.Time) error {
	policy, created, err := p.Find(name)
	if err != nil || !created {
		return err
	}
	policy.UsedAt = now.UTC()
	if err := p.bucket.Put(name, policy); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.changes++
	p.remember(name, policy)
	return nil
}

// Expire forgets the rooms that nobody has used since a moment, but for those that are in use now. Rooms of which no use was
// ever noted count from their first look.
func (p *Policies) Expire(since, now time.Time, inUse func(name string) bool, log *slog.Logger) error {
	all, err := p.bucket.All()
	if err != nil {
		return err
	}
	for name, policy := range all {
		if !policy.UsedAt.IsZero() && policy.UsedAt.After(since) {
			continue
		}
		if err := p.expire(name, since, now, inUse(name), log); err != nil {
			return err
		}
	}
	return nil
}

func (p *Policies) expire(name string, since, now time.Time, inUse bool, log *slog.Logger) error {
	p.writing.Lock()
	defer p.writing.Unlock()
	policy, err := p.bucket.Get(name)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil
	case err != nil:
		return err
	case inUse || policy.UsedAt.IsZero():
		return p.use(name, now)
	case policy.UsedAt.After(since):
		return nil
	}
	log.Info("a room that nobody uses is forgotten", "room", name, "used", policy.UsedAt)
	return p.delete(name)
}
