package rtc

import "sync"

// events calls a peer's handler, one call at a time, in order. The goroutine that posts an event delivers it, unless
// another one is delivering just now; so a handler may call the peer's methods.
type events struct {
	mu      sync.Mutex
	queue   []func()
	running bool
	ended   bool
}

func (e *events) post(f func()) { e.add(f, false) }

// postLast posts the last event.
func (e *events) postLast(f func()) { e.add(f, true) }

func (e *events) add(f func(), last bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.ended {
		return
	}
	e.ended = last
	e.queue = append(e.queue, f)
	if e.running {
		return
	}
	e.running = true
	for len(e.queue) > 0 {
		next := e.queue[0]
		e.queue = e.queue[1:]
		e.mu.Unlock()
		next()
		e.mu.Lock()
	}
	e.running, e.queue = false, nil
}
