package webhook

import (
	"context"
	"sync"
)

// What waits for a receiver is bounded, for each of its lanes; minor events have half of the place.
const (
	maxWaiting      = 1000
	maxWaitingBytes = 4 << 20
)

// lane sends events to a receiver, one after the other. Its goroutine is run; put may be called by all and does not block.
type lane struct {
	to   *receiver
	wake chan struct{}

	mu      sync.Mutex
	waiting []waiting
	bytes   int
	dropped int32 // since the last one that was sent
	closed  bool
}

type waiting struct {
	event *event // shared with other lanes
	bytes int
}

func newLane(to *receiver) *lane { return &lane{to: to, wake: make(chan struct{}, 1)} }

// put queues an event, or drops it when too many wait.
func (l *lane) put(e *event) {
	bytes := e.size()
	l.mu.Lock()
	most, mostBytes := maxWaiting, maxWaitingBytes
	if e.minor {
		most, mostBytes = maxWaiting/2, maxWaitingBytes/2
	}
	full := l.closed || len(l.waiting) >= most || l.bytes+bytes > mostBytes
	if full {
		l.dropped++
	} else {
		l.waiting = append(l.waiting, waiting{e, bytes})
		l.bytes += bytes
	}
	l.mu.Unlock()
	if full {
		l.to.drop(e, "too many wait")
		return
	}
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

func (l *lane) len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.waiting)
}

// next takes the first event that waits, with the number of those that were dropped before it; nil when there is none. After
// the last one, last says that no more are taken.
func (l *lane) next(last bool) (e *event, dropped int32) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.waiting) == 0 {
		l.waiting, l.closed = nil, last
		return nil, 0
	}
	first := l.waiting[0]
	l.waiting[0] = waiting{} // what was sent is not held by those that follow
	l.waiting = l.waiting[1:]
	l.bytes -= first.bytes
	dropped, l.dropped = l.dropped, 0
	return first.event, dropped
}

// run sends until closing is closed and nothing waits.
func (l *lane) run(ctx context.Context, closing <-chan struct{}) {
	for {
		last := isClosed(closing)
		for e, dropped := l.next(last); e != nil; e, dropped = l.next(last) {
			if err := l.to.deliver(ctx, e, dropped, closing); err != nil {
				l.to.drop(e, err.Error())
				l.count(dropped + 1)
			}
		}
		if last {
			return
		}
		select {
		case <-l.wake:
		case <-closing:
		}
	}
}

// count adds to what the next event tells of those before it.
func (l *lane) count(dropped int32) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dropped += dropped
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
