package media

import (
	"context"
	"errors"
	"sync"
	"time"
)

// ErrRingClosed is what a cursor returns after the writer closed its ring without another reason.
var ErrRingClosed = errors.New("media: ring closed")

// Mark is what a ring must know of an item.
type Mark struct {
	// Bytes is the item's size, counted against the ring's bound.
	Bytes int
	// Time is the item's place on the clock; it bounds the ring's length in time.
	Time time.Duration
	// Key tells that reading can start at the item.
	Key bool
}

// Limits bound what a ring keeps. Whichever is reached first drops the oldest items.
type Limits struct {
	Items int
	Bytes int
	Span  time.Duration
	// Past bounds how old what lies before the newest key item may be, where nobody reads that who is further behind.
	Past time.Duration
}

// Ring shares items between one writer and any number of readers, each of which is a Cursor: a position, never a queue.
// The ring keeps the newest items within its limits, so a reader that falls behind loses items and is told so.
// All methods are safe for use by several goroutines; items must be immutable.
type Ring[T any] struct {
	limits Limits

	mu    sync.RWMutex
	slots []slot[T] // slots[i%len] holds item i
	first uint64    // oldest item kept
	next  uint64    // item to be written next
	bytes int
	key   uint64 // newest key item, plus one; 0 when none was written
	wake  chan struct{}
	err   error // why the ring was closed
}

type slot[T any] struct {
	item T
	mark Mark
}

// NewRing makes an empty ring. Limits.Items must be positive; other limits of 0 do not bound.
func NewRing[T any](limits Limits) *Ring[T] {
	return &Ring[T]{limits: limits, slots: make([]slot[T], 16), wake: make(chan struct{})}
}

// Append adds an item. Readers learn of it at the next Flush, or when they look by themselves.
func (r *Ring[T]) Append(item T, mark Mark) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return
	}
	for r.next > r.first && r.full(mark) {
		r.drop()
	}
	if int(r.next-r.first) == len(r.slots) {
		r.grow()
	}
	r.slots[r.next%uint64(len(r.slots))] = slot[T]{item: item, mark: mark}
	r.bytes += mark.Bytes
	r.next++
	if mark.Key {
		r.key = r.next
	}
}

func (r *Ring[T]) full(mark Mark) bool {
	l := r.limits
	oldest := r.slots[r.first%uint64(len(r.slots))].mark
	return int(r.next-r.first) >= l.Items ||
		l.Bytes > 0 && r.bytes+mark.Bytes > l.Bytes ||
		l.Span > 0 && mark.Time-oldest.Time > l.Span ||
		l.Past > 0 && r.first+1 < r.key && mark.Time-oldest.Time > l.Past
}

func (r *Ring[T]) drop() {
	s := &r.slots[r.first%uint64(len(r.slots))]
	r.bytes -= s.mark.Bytes
	*s = slot[T]{}
	r.first++
}

func (r *Ring[T]) grow() {
	bigger := make([]slot[T], min(2*len(r.slots), max(r.limits.Items, len(r.slots)+1)))
	for i := r.first; i < r.next; i++ {
		bigger[i%uint64(len(bigger))] = r.slots[i%uint64(len(r.slots))]
	}
	r.slots = bigger
}

// Flush wakes the readers that wait. Call it once for each batch of items.
func (r *Ring[T]) Flush() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err == nil {
		close(r.wake)
		r.wake = make(chan struct{})
	}
}

// Close ends the ring with a reason; nil means ErrRingClosed. Readers still get what it holds, then the reason.
func (r *Ring[T]) Close(err error) {
	if err == nil {
		err = ErrRingClosed
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err == nil {
		r.err = err
		close(r.wake)
	}
}

// Cursor is one reader's position in a ring. It belongs to one goroutine.
type Cursor[T any] struct {
	ring *Ring[T]
	at   uint64
	// seeking tells that the next item given out must be a key.
	seeking bool
	skips   int
}

// Live makes a cursor that starts with the next item written.
func (r *Ring[T]) Live() *Cursor[T] {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return &Cursor[T]{ring: r, at: r.next}
}

// FromKey makes a cursor that starts at the newest key item, or, when there is none yet, at the next one written.
func (r *Ring[T]) FromKey() *Cursor[T] {
	r.mu.RLock()
	defer r.mu.RUnlock()
	c := &Cursor[T]{ring: r}
	c.toKey()
	return c
}

// FromTime makes a cursor that starts at the first key item that is not older than t, or, when there is none yet, at the
// next key item written. It is for joining a reader of another ring in the past.
func (r *Ring[T]) FromTime(t time.Duration) *Cursor[T] {
	r.mu.RLock()
	defer r.mu.RUnlock()
	c := &Cursor[T]{ring: r, at: r.first, seeking: true}
	for c.at < r.next && r.slots[c.at%uint64(len(r.slots))].mark.Time < t {
		c.at++
	}
	return c
}

// FromKeySince makes a cursor that starts at the oldest key item that is not older than t, or, when there is none, as FromKey.
func (r *Ring[T]) FromKeySince(t time.Duration) *Cursor[T] {
	r.mu.RLock()
	defer r.mu.RUnlock()
	c := &Cursor[T]{ring: r}
	c.toKey()
	for i := r.first; i < r.next; i++ {
		if m := r.slots[i%uint64(len(r.slots))].mark; m.Key && m.Time >= t {
			c.at = i
			break
		}
	}
	return c
}

// Unbroken is since when items have come within gap of each other, up to now. It is now where there is none of them.
func (r *Ring[T]) Unbroken(now, gap time.Duration) time.Duration {
	r.mu.RLock()
	defer r.mu.RUnlock()
	since := now
	for i := r.next; i > r.first; i-- {
		at := r.slots[(i-1)%uint64(len(r.slots))].mark.Time
		if since-at > gap {
			break
		}
		since = min(since, at)
	}
	return since
}

// FromKeyUntil makes a cursor that starts at the newest key item that is not newer than t, or, when there is none, at the oldest key item there
// is or will be. It is for joining where what has been written is ahead of the time.
func (r *Ring[T]) FromKeyUntil(t time.Duration) *Cursor[T] {
	r.mu.RLock()
	defer r.mu.RUnlock()
	c := &Cursor[T]{ring: r, at: r.next, seeking: true}
	for i := r.next; i > r.first; i-- {
		if m := r.slots[(i-1)%uint64(len(r.slots))].mark; m.Key {
			if c.at = i - 1; m.Time <= t {
				break
			}
		}
	}
	return c
}

// toKey moves to the newest key item, or to the end to wait for one. The caller holds the ring's lock.
func (c *Cursor[T]) toKey() {
	r := c.ring
	c.at, c.seeking = r.next, true
	if r.key > r.first {
		c.at = r.key - 1
	}
}

// Read fills dst with the next items and tells how many there were; it does not wait. A reader that has fallen out of
// the ring goes on at the newest key item and skipped is true. After the last item of a closed ring err says why it was
// closed.
func (c *Cursor[T]) Read(dst []T) (n int, skipped bool, err error) {
	n, skipped, _, err = c.ReadUntil(dst, 1<<63-1)
	return n, skipped, err
}

// ReadUntil is as Read, but leaves the first item that is newer than t, and what is behind it, for later: then next is the time of that,
// else t.
func (c *Cursor[T]) ReadUntil(dst []T, t time.Duration) (n int, skipped bool, next time.Duration, err error) {
	r := c.ring
	r.mu.RLock()
	defer r.mu.RUnlock()
	if c.at < r.first {
		c.toKey()
		c.skips++
		skipped = true
	}
	for c.at < r.next && n < len(dst) {
		s := &r.slots[c.at%uint64(len(r.slots))]
		if c.seeking && !s.mark.Key {
			c.at++
			continue
		}
		if s.mark.Time > t {
			return n, skipped, s.mark.Time, nil
		}
		c.at++
		c.seeking = false
		dst[n] = s.item
		n++
	}
	if n == 0 && c.at == r.next {
		err = r.err
	}
	return n, skipped, t, err
}

// Tip is the place in a ring behind its newest item.
type Tip struct {
	next uint64
	// Closed tells that nothing comes any more.
	Closed bool
}

// Tip is where the ring ends at the moment: what a reader that serves many cursors asks for once.
func (r *Ring[T]) Tip() Tip {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return Tip{r.next, r.err != nil}
}

// At tells whether the cursor has read all that lies before a tip.
func (c *Cursor[T]) At(t Tip) bool { return c.at >= t.next }

// KeepWithin has a cursor that lags further behind the newest item than span give up what it has not read yet, and go on at the newest key item
// ahead of it. It tells whether it did: where there is none it stays where it is.
func (c *Cursor[T]) KeepWithin(span time.Duration) bool {
	r := c.ring
	r.mu.RLock()
	defer r.mu.RUnlock()
	if c.at+1 >= r.next {
		return false // the newest item is all there is
	}
	oldest, newest := r.slots[max(c.at, r.first)%uint64(len(r.slots))], r.slots[(r.next-1)%uint64(len(r.slots))]
	if newest.mark.Time-oldest.mark.Time <= span || r.key == 0 || r.key-1 <= c.at || r.key <= r.first {
		return false
	}
	c.toKey()
	c.skips++
	return true
}

// Skips is how many times the cursor lost items.
func (c *Cursor[T]) Skips() int { return c.skips }

// Wait blocks until there is something to read, the ring is closed or flushed, or ctx ends.
func (c *Cursor[T]) Wait(ctx context.Context) error {
	r := c.ring
	r.mu.RLock()
	ready, wake, err := c.at < r.next, r.wake, r.err
	r.mu.RUnlock()
	if ready || err != nil {
		return nil
	}
	select {
	case <-wake:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Woken is a channel that is closed at the next Flush or Close. Take it before Read, or a wake-up can be missed.
func (r *Ring[T]) Woken() <-chan struct{} {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.wake
}
