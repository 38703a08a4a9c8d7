package livekit

import (
	"sync"
	"time"
)

// Limits of a session's inbox. The session takes from it without waiting for anything but locks, so it is full only when
// the machine is far behind. Messages of others have half of it: whoever floods the room must not end anybody's session.
const (
	maxInboxItems = 16 << 10
	maxInboxBytes = 16 << 20
)

// inbox hands items from many goroutines, none of which may be blocked, to a worker that takes them one after the other. The worker has
// a goroutine only while there are items: most sessions have nothing to do most of the time, and there are many.
type inbox struct {
	work func() // takes until there is nothing to take

	mu     sync.Mutex
	items  []any
	bytes  int
	busy   bool // the worker is awake
	due    bool // it will be woken
	full   bool
	closed bool
}

// newInbox makes one whose worker is awake already.
func newInbox(work func()) *inbox { return &inbox{work: work, busy: true} }

// put adds an item of some bytes; it tells whether the item will be taken. An item that does not fit marks the inbox as
// full for good: something was lost, so the session cannot go on.
func (q *inbox) put(item any, bytes int) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed || q.full {
		return false
	}
	if !q.fits(bytes, maxInboxItems, maxInboxBytes) {
		q.full = true
		q.wake()
		return false
	}
	q.add(item, bytes)
	return true
}

// putLater is put for an item that is in no hurry: the worker is not woken for it within d, but takes it before anything that comes later.
func (q *inbox) putLater(item any, d time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.closed || q.full:
	case !q.fits(0, maxInboxItems, maxInboxBytes):
		q.full = true
		q.wake()
	default:
		q.items = append(q.items, item)
		if !q.busy && !q.due {
			q.due = true
			time.AfterFunc(d, q.rouse)
		}
	}
}

// rouse wakes the worker for what was in no hurry.
func (q *inbox) rouse() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.due = false
	if len(q.items) > 0 && !q.closed {
		q.wake()
	}
}

// offer is put for an item that can be done without: it is left out when the inbox is half full.
func (q *inbox) offer(item any, bytes int) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed || q.full || !q.fits(bytes, maxInboxItems/2, maxInboxBytes/2) {
		return false
	}
	q.add(item, bytes)
	return true
}

func (q *inbox) fits(bytes, items, most int) bool {
	return len(q.items) < items && q.bytes+bytes <= most
}

func (q *inbox) add(item any, bytes int) {
	q.items = append(q.items, item)
	q.bytes += bytes
	q.wake()
}

func (q *inbox) wake() {
	if !q.busy {
		q.busy = true
		go q.work()
	}
}

// take gives all items there are, in order; full tells that some were lost after them. When there is neither, the worker is taken to be
// asleep from now on. The slice given is used again.
func (q *inbox) take(spare []any) (items []any, full bool) {
	clear(spare)
	q.mu.Lock()
	defer q.mu.Unlock()
	items, q.items = q.items, spare[:0]
	q.bytes = 0
	if q.busy = len(items) > 0 || q.full; !q.busy {
		q.items = nil
	}
	return items, q.full
}

// close refuses further items and gives those that nobody took.
func (q *inbox) close() []any {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	left := q.items
	q.items = nil
	return left
}
