package audience

import (
	"runtime"
	"sync"
	"time"
)

const (
	// retryEvery is how often a connection that took no more is tried again.
	retryEvery = 50 * time.Millisecond
	// atATime is to how many of a hall is written before it is looked for whom alone there is something: what somebody asked for, or what
	// is done to them, does not wait until thousands have heard something else.
	atATime = 256
)

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
	rooms   map[*hall]*row
	blocked map[*client]struct{} // those with something unsent
	write   writer
	now     time.Time
	looked  time.Time // when it last looked for halls that are over
	retried time.Time // when it last tried those that are blocked
}

// row are the clients of one hall. Who is last hears a sweep later than who is first, so it is each one's turn to be.
type row struct {
	clients []*client
	phase   uint32 // where the last round began, as a share of them all
}

// golden is the golden section as such a share: steps of it are far apart at first, and everywhere in the end.
const golden = 0x9e3779b9

// turn gives who comes first this time.
func (r *row) turn() int {
	r.phase += golden
	return int(uint64(r.phase) * uint64(len(r.clients)) >> 32)
}

func newSweeper() *sweeper {
	w := makeSweeper()
	go w.run()
	return w
}

// makeSweeper makes one without its goroutine.
func makeSweeper() *sweeper {
	w := &sweeper{
		kick: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{}), news: map[*hall]struct{}{},
		rooms: map[*hall]*row{}, blocked: map[*client]struct{}{},
	}
	w.write.init()
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
			retry.Reset(time.Until(w.retried.Add(retryEvery)))
			again = retry.C
		}
		select {
		case <-w.kick:
			w.sweep()
		case <-again:
		case <-w.quit:
			return
		}
		w.retry(time.Now())
	}
}

// retry writes to those that took no more the last time, however much else there is to do.
func (w *sweeper) retry(now time.Time) {
	if len(w.blocked) == 0 || now.Sub(w.retried) < retryEvery {
		return
	}
	w.now, w.retried = now, now
	for c := range w.blocked {
		w.advance(c)
	}
}

// sweep writes to all for whom there is something.
func (w *sweeper) sweep() {
	w.mu.Lock()
	arrived, news := w.arrived, w.news
	w.arrived, w.news = nil, map[*hall]struct{}{}
	w.mu.Unlock()
	for _, c := range arrived {
		h := c.place()
		if w.rooms[h] == nil {
			w.rooms[h] = &row{}
		}
		w.rooms[h].clients = append(w.rooms[h].clients, c)
	}
	w.attend()
	for h := range news {
		w.round(h)
	}
	if w.now.Sub(w.looked) > checkEvery {
		w.looked = w.now
		for h := range w.rooms {
			w.compact(h)
		}
	}
}

// attend writes to those for whom alone there is something.
func (w *sweeper) attend() {
	w.now = time.Now()
	w.mu.Lock()
	woken := w.woken
	w.woken = nil
	for _, c := range woken {
		c.queued = false
	}
	w.mu.Unlock()
	for _, c := range woken {
		w.advance(c)
	}
}

// round writes to all in a hall. What comes up meanwhile goes to those who have not had their turn together with the rest; a round for the others
// follows.
func (w *sweeper) round(h *hall) {
	r := w.rooms[h]
	if r == nil {
		return
	}
	first := r.turn()
	for i := range r.clients {
		if i%atATime == atATime-1 {
			runtime.Gosched() // who reads, and the clock of who tells, have their turn too where there is one processor
			w.attend()
		}
		if c := r.clients[(first+i)%len(r.clients)]; c.unsent == nil { // else it is blocked
			w.advance(c)
		}
	}
}

// compact forgets who has left a hall.
func (w *sweeper) compact(h *hall) {
	all := w.rooms[h].clients
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
	w.rooms[h].clients = kept
}

// advance writes as much to a client as its connection takes.
func (w *sweeper) advance(c *client) {
	bufs, scratch := c.unsent, c.unsent == nil
	if scratch {
		bufs = w.write.scratch[:0]
	}
	for {
		over := false
		if len(bufs) == 0 {
			if bufs, over = c.next(bufs); len(bufs) == 0 {
				c.unsent, c.progress = nil, w.now
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
			c.progress = w.now
		}
		rest := drop(bufs, n)
		switch {
		case err != nil, len(rest) > 0 && w.now.Sub(c.progress) > stallLimit:
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
