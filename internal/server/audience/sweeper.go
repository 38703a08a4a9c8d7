package audience

import (
	"sync"
	"time"
)

// retryEvery is how often a connection that took no more is tried again.
const retryEvery = 50 * time.Millisecond

// sweeper writes to a share of the clients on plain connections, all from one goroutine and without ever waiting for one: what a
// connection does not take of what everybody is told stays where it is, in the hall's ring.
type sweeper struct {
	kick chan struct{}
	quit chan struct{}
	done chan struct{}

	mu      sync.Mutex
	news    map[*hall]struct{} // halls in which there is something new
	woken   []*client          // for whom alone there is, each once (client.queued)
	arrived []*client          // that have a hall since the last sweep

	// The goroutine's own.
	rooms   map[*hall][]*client
	blocked map[*client]struct{}
	write   writer
	looked  time.Time // when it last looked for halls that are over
}

func newSweeper() *sweeper {
	w := &sweeper{
		kick: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{}), news: map[*hall]struct{}{},
		rooms: map[*hall][]*client{}, blocked: map[*client]struct{}{},
	}
	w.write.init()
	go w.run()
	return w
}

// wake implements carrier.
func (w *sweeper) wake(c *client) {
	w.mu.Lock()
	if !c.queued {
		c.queued = true
		w.woken = append(w.woken, c)
	}
	w.mu.Unlock()
	w.signal()
}

// enter implements carrier.
func (w *sweeper) enter(c *client) {
	w.mu.Lock()
	w.arrived = append(w.arrived, c)
	w.mu.Unlock()
	w.signal()
}

// tell has what is new in a hall written. It does not block.
func (w *sweeper) tell(h *hall) {
	w.mu.Lock()
	w.news[h] = struct{}{}
	w.mu.Unlock()
	w.signal()
}

func (w *sweeper) signal() {
	select {
	case w.kick <- struct{}{}:
	default:
	}
}

// stop ends the goroutine, not the clients.
func (w *sweeper) stop() {
	close(w.quit)
	<-w.done
}

func (w *sweeper) run() {
	defer close(w.done)
	retry := time.NewTimer(time.Hour)
	defer retry.Stop()
	for {
		var again <-chan time.Time
		if len(w.blocked) > 0 {
			retry.Reset(retryEvery)
			again = retry.C
		}
		select {
		case <-w.kick:
			w.sweep()
		case <-again:
			for c := range w.blocked {
				w.advance(c, time.Now())
			}
		case <-w.quit:
			return
		}
	}
}

// sweep writes to all for whom there is something.
func (w *sweeper) sweep() {
	w.mu.Lock()
	woken, arrived, news := w.woken, w.arrived, w.news
	w.woken, w.arrived, w.news = nil, nil, map[*hall]struct{}{}
	for _, c := range woken {
		c.queued = false
	}
	w.mu.Unlock()
	now := time.Now()
	for _, c := range arrived {
		h := c.place()
		w.rooms[h] = append(w.rooms[h], c)
	}
	for _, c := range woken {
		w.advance(c, now)
	}
	for h := range news {
		w.round(h, now)
	}
	if now.Sub(w.looked) > checkEvery {
		w.looked = now
		for h := range w.rooms {
			w.compact(h)
		}
	}
}

// round writes to all in a hall.
func (w *sweeper) round(h *hall, now time.Time) {
	for _, c := range w.rooms[h] {
		if _, waits := w.blocked[c]; !waits {
			w.advance(c, now)
		}
	}
}

// compact forgets who has left a hall.
func (w *sweeper) compact(h *hall) {
	all := w.rooms[h]
	kept := all[:0]
	for _, c := range all {
		if c.goesOn() {
			kept = append(kept, c)
		}
	}
	clear(all[len(kept):])
	if len(kept) == 0 {
		delete(w.rooms, h)
		return
	}
	w.rooms[h] = kept
}

// advance writes as much to a client as its connection takes.
func (w *sweeper) advance(c *client, now time.Time) {
	bufs, scratch := c.unsent, c.unsent == nil
	if scratch {
		bufs = w.write.scratch[:0]
	}
	for {
		over := false
		if len(bufs) == 0 {
			if bufs, over = c.next(bufs); len(bufs) == 0 {
				c.unsent, c.progress = nil, now
				delete(w.blocked, c)
				if !c.goesOn() || over && c.finished() {
					c.over()
				}
				return
			}
		}
		n, err := w.write.to(c, bufs)
		c.server.counts.sent.Add(uint64(n))
		if n > 0 {
			c.progress = now
		}
		rest := drop(bufs, n)
		switch {
		case err != nil, len(rest) > 0 && now.Sub(c.progress) > stallLimit:
			c.unsent = nil
			delete(w.blocked, c)
			c.over()
			return
		case len(rest) > 0:
			c.unsent = append([][]byte(nil), rest...)
			w.blocked[c] = struct{}{}
			return
		}
		if scratch {
			clear(w.write.scratch[:cap(w.write.scratch)])
			w.write.scratch = bufs[:0]
		}
		bufs = bufs[:0]
	}
}

// drop is what is left of buffers of which n bytes were written.
func drop(bufs [][]byte, n int) [][]byte {
	for len(bufs) > 0 && n >= len(bufs[0]) {
		n -= len(bufs[0])
		bufs = bufs[1:]
	}
	if len(bufs) > 0 && n > 0 {
		bufs[0] = bufs[0][n:]
	}
	return bufs
}
