package webhook

import (
	"context"
	"sync"
)

const (
	// requests is how many one receiver gets at once.
	requests = 8
	// What waits for a receiver is bounded, of each room and in all; minor events have half of the place. While much waits a room has few.
	maxWaiting         = 1000
	maxWaitingBytes    = 4 << 20
	fewWaiting         = 20
	fewWaitingBytes    = 256 << 10
	maxWaitingAll      = 8 * maxWaiting
	maxWaitingAllBytes = 8 * maxWaitingBytes
)

// queue is what waits for a receiver, in a line for each room. put may be called by all and does not block.
type queue struct {
	to     *receiver
	ctx    context.Context // ends what is being sent
	sends  sync.WaitGroup  // the goroutines of lines
	places chan struct{}   // one for each request that is under way

	mu      sync.Mutex
	lines   map[string]*line // by room; of those in which something waits or is sent
	waiting int
	bytes   int
	closed  bool
	closing chan struct{} // closed with it
}

// line is what waits of one room, first what is being sent, guarded by the queue's lock. A goroutine sends it, one event after the other, and ends with
// the last.
type line struct {
	waiting []waiting
	bytes   int
}

type waiting struct {
	event *event // shared with other receivers
	bytes int
}

func newQueue(ctx context.Context, to *receiver) *queue {
	return &queue{to: to, ctx: ctx, places: make(chan struct{}, requests), lines: map[string]*line{}, closing: make(chan struct{})}
}

// put queues an event, or drops it when too many wait.
func (q *queue) put(e *event) {
	if !q.queued(e) {
		q.to.drop(e, "too many wait")
	}
}

func (q *queue) queued(e *event) bool {
	w, roomName := waiting{e, e.size()}, e.Room.GetName()
	q.mu.Lock()
	defer q.mu.Unlock()
	l, goes := q.lines[roomName]
	if !goes {
		l = &line{}
	}
	if q.closed || !q.takes(l, w) {
		return false
	}
	l.waiting, l.bytes = append(l.waiting, w), l.bytes+w.bytes
	q.waiting, q.bytes = q.waiting+1, q.bytes+w.bytes
	if !goes {
		q.lines[roomName] = l
		q.sends.Go(func() { q.send(roomName, l) })
	}
	return true
}

// takes tells whether there is place for one more in a line. Once half of all is taken a room has a little, so that some that take what they can
// leave place to the others. The caller holds the lock.
func (q *queue) takes(l *line, w waiting) bool {
	most, mostBytes, all, allBytes := maxWaiting, maxWaitingBytes, maxWaitingAll, maxWaitingAllBytes
	if w.event.minor {
		most, mostBytes, all, allBytes = most/2, mostBytes/2, all/2, allBytes/2
	}
	if q.waiting >= all/2 || q.bytes >= allBytes/2 {
		most, mostBytes = fewWaiting, fewWaitingBytes
	}
	return len(l.waiting) < most && l.bytes+w.bytes <= mostBytes && q.waiting < all && q.bytes+w.bytes <= allBytes
}

// send sends what waits of a room until nothing does.
func (q *queue) send(roomName string, l *line) {
	for e := q.first(l); e != nil; e = q.next(roomName, l) {
		if err := q.to.deliver(q.ctx, e); err != nil {
			q.to.drop(e, err.Error())
		}
	}
}

func (q *queue) first(l *line) *event {
	q.mu.Lock()
	defer q.mu.Unlock()
	return l.waiting[0].event
}

// next is the event behind the first, which waits no more; there is none after nil.
func (q *queue) next(roomName string, l *line) *event {
	q.mu.Lock()
	defer q.mu.Unlock()
	over := l.waiting[0]
	l.waiting[0] = waiting{} // what was sent is not held by those that follow
	l.waiting, l.bytes = l.waiting[1:], l.bytes-over.bytes
	q.waiting, q.bytes = q.waiting-1, q.bytes-over.bytes
	if len(l.waiting) == 0 {
		delete(q.lines, roomName)
		return nil
	}
	return l.waiting[0].event
}

// enter waits for a place for one request; leave gives it back. Those who wait come in the order in which they do.
func (q *queue) enter(ctx context.Context) error {
	select {
	case q.places <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (q *queue) leave() { <-q.places }

func (q *queue) len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.waiting
}

// close takes nothing more, and has each event that waits tried once more at most.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	close(q.closing)
}
