package webhook

import (
	"context"
	"slices"
	"sync"
	"time"
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
	// So are those that are late: what a receiver cannot take shall not keep from it what it can. They have few of the requests.
	maxLate         = 100
	maxLateAll      = 2000
	maxLateAllBytes = 8 << 20
	lateRequests    = requests / 4
)

// queue is what waits for a receiver, in a line for each room. put may be called by all and does not block.
type queue struct {
	to     *receiver
	ctx    context.Context // ends what is being sent
	sends  sync.WaitGroup  // the goroutines of lines
	places chan struct{}   // one for each request that is under way
	lates  chan struct{}   // one for each of those that is for a late event

	mu        sync.Mutex
	lines     map[string]*line // by room; of those in which something waits or is sent
	waiting   int              // in lines
	bytes     int
	late      map[string]int // how many are late, by room
	lateAll   int
	lateBytes int
	closed    bool
	closing   chan struct{} // closed with it
}

// line is what waits of one room, first what is being sent, guarded by the queue's lock. A goroutine sends it, one event after the other, and ends with
// the last.
type line struct {
	waiting []*waiting
	bytes   int
}

// waiting is an event on its way to a receiver. All but the first two belong to the goroutine that sends it.
type waiting struct {
	event *event // shared with other receivers
	bytes int

	since            time.Time // when its turn came, zero before
	delivery         *Delivery // nil before it was tried first
	missing          int32     // how many it tells of that went missing
	attempts, denied int       // attempts, and those that failed as by the event (denies)
	late             bool      // it is in no line any more, and holds nobody up
}

func newQueue(ctx context.Context, to *receiver) *queue {
	return &queue{to: to, ctx: ctx, places: make(chan struct{}, requests), lates: make(chan struct{}, lateRequests), lines: map[string]*line{}, late: map[string]int{}, closing: make(chan struct{})}
}

// put queues an event, or drops it when too many wait.
func (q *queue) put(e *event) {
	if !q.queued(e) {
		q.to.drop(e, "too many wait")
	}
}

func (q *queue) queued(e *event) bool {
	w, roomName := &waiting{event: e, bytes: e.size()}, e.Room.GetName()
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
func (q *queue) takes(l *line, w *waiting) bool {
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
	ahead := 0      // the place in the line of the event that was tried last before its turn
	most := denials // fewer once it is known that the receiver takes some and not others
	for w := q.first(roomName, l); w != nil; w = q.first(roomName, l) {
		over := q.deliver(w, func(err error) (passed bool) {
			if w.denied < most || !denies(err) {
				return false
			}
			if ahead, passed = q.pass(l, ahead+1, most == denials); passed {
				most = 2
			}
			return passed
		})
		if over {
			q.takeOut(l, 0)
			ahead = max(0, ahead-1)
		}
	}
}

// deliver tries an event until the receiver has taken it or it is given up, or failed says of an error that this is not to be awaited. Once the queue is
// closed it does not wait.
func (q *queue) deliver(w *waiting, failed func(error) bool) (over bool) {
	if w.since.IsZero() {
		w.since = time.Now()
	}
	for {
		over, err := q.to.try(q.ctx, w)
		if over || failed(err) {
			return over
		}
		wait := time.NewTimer(waitBefore(w.attempts, err))
		select {
		case <-wait.C:
		case <-q.closing:
			wait.Stop()
		}
	}
}

// pass tries an event before its turn, for the first of its line is denied again and again. If the receiver takes it, that is not away: those before it
// are what is wrong, and nobody waits for them. Where it may have come back just then, they are tried once more before. If not, the next is tried after the
// next attempt with the first.
func (q *queue) pass(l *line, place int, again bool) (tried int, passed bool) {
	w := q.at(l, place)
	if w == nil {
		place, w = 1, q.at(l, 1)
	}
	if w == nil {
		return 0, false
	}
	if over, _ := q.to.try(q.ctx, w); !over {
		return place, false
	}
	for q.takeOut(l, place); place > 0; place-- {
		first, over := q.at(l, 0), false
		if again {
			var err error
			if over, err = q.to.try(q.ctx, first); !over && !denies(err) { // it is away
				break
			}
		}
		q.takeOut(l, 0)
		if !over {
			q.tryLate(first)
		}
	}
	return 0, true
}

// tryLate has an event that holds nobody up any more tried for the rest of its time too, unless many are.
func (q *queue) tryLate(w *waiting) {
	roomName := w.event.Room.GetName()
	if !q.beLate(w, roomName) {
		q.to.giveUp(w, "the receiver denies it, as others before")
		return
	}
	q.to.log.Warn("a webhook event holds its room up no more", "event", w.event.Event, "id", w.event.Id, "room", roomName)
	w.late = true
	q.sends.Go(func() {
		q.deliver(w, func(error) bool { return false })
		q.mu.Lock()
		defer q.mu.Unlock()
		q.lateAll, q.lateBytes = q.lateAll-1, q.lateBytes-w.bytes
		if q.late[roomName]--; q.late[roomName] == 0 {
			delete(q.late, roomName)
		}
	})
}

// beLate counts an event with those that are late where there is place for it.
func (q *queue) beLate(w *waiting, roomName string) bool {
	most, all, allBytes := maxLate, maxLateAll, maxLateAllBytes
	if w.event.minor {
		most, all, allBytes = most/2, all/2, allBytes/2
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.late[roomName] >= most || q.lateAll >= all || q.lateBytes+w.bytes > allBytes {
		return false
	}
	q.late[roomName]++
	q.lateAll, q.lateBytes = q.lateAll+1, q.lateBytes+w.bytes
	return true
}

// first is the event whose turn it is in a line, which ends where there is none.
func (q *queue) first(roomName string, l *line) *waiting {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(l.waiting) == 0 {
		delete(q.lines, roomName)
		return nil
	}
	return l.waiting[0]
}

// at is what waits at a place in a line, nil behind its end.
func (q *queue) at(l *line, place int) *waiting {
	q.mu.Lock()
	defer q.mu.Unlock()
	if place >= len(l.waiting) {
		return nil
	}
	return l.waiting[place]
}

// takeOut takes the event at a place out of a line.
func (q *queue) takeOut(l *line, place int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	w := l.waiting[place]
	l.waiting, l.bytes = slices.Delete(l.waiting, place, place+1), l.bytes-w.bytes
	q.waiting, q.bytes = q.waiting-1, q.bytes-w.bytes
}

// enter waits for a place for one request; leave gives it back. Those who wait come in the order in which they do.
func (q *queue) enter(ctx context.Context, late bool) error {
	if late {
		if err := enter(ctx, q.lates); err != nil {
			return err
		}
	}
	err := enter(ctx, q.places)
	if err != nil && late {
		<-q.lates
	}
	return err
}

func enter(ctx context.Context, places chan<- struct{}) error {
	select {
	case places <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (q *queue) leave(late bool) {
	<-q.places
	if late {
		<-q.lates
	}
}

func (q *queue) len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.waiting + q.lateAll
}

// close takes nothing more, and has each event that waits tried once more at most.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	close(q.closing)
}
