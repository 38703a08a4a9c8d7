package hls

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	mux "github.com/tuttilive/tutti/internal/mux/hls"
	"github.com/tuttilive/tutti/internal/poller"
)

const (
	// idleTimeout is how long a connection may ask for nothing, requestSize how large a request may be that is read here.
	idleTimeout = 2 * time.Minute
	// unseen is how long it may take to see that somebody hung up who waits. Players of low-latency streams ask more often than that, and
	// cost nothing more.
	unseen      = time.Second
	requestSize = 8 << 10
	maxLanes    = 16
)

// lanes are as many as there are processors; each has its share of the kept connections.
type lanes struct {
	list []*lane
	turn atomic.Uint32
}

// openLanes gives nil where connections cannot be kept.
func openLanes(s *Server) *lanes {
	all := &lanes{}
	for range min(runtime.GOMAXPROCS(0), maxLanes) {
		p, err := poller.New()
		if err != nil {
			all.close()
			return nil
		}
		l := &lane{server: s, poller: p, scribe: newScribe(), conns: map[*kept]struct{}{}, queues: map[*mux.Playlist]*queue{}}
		l.reading = l.read
		all.list = append(all.list, l)
	}
	return all
}

func (a *lanes) next() *lane { return a.list[int(a.turn.Add(1))%len(a.list)] }

// expire closes connections that asked for nothing for a while, and those that hung up while they waited.
func (a *lanes) expire(now time.Time) {
	for _, l := range a.list {
		l.expire(now)
	}
}

func (a *lanes) close() {
	for _, l := range a.list {
		l.close()
	}
}

// lane has one goroutine, the poller's, that reads requests, and one for each playlist that somebody waits for.
type lane struct {
	server *Server
	poller *poller.Poller

	// The poller's own.
	buffer  [requestSize]byte
	n       int
	err     error
	reading func(fd uintptr) // l.read, made once
	scribe  *scribe

	running sync.WaitGroup
	mu      sync.Mutex
	closed  bool
	conns   map[*kept]struct{}
	queues  map[*mux.Playlist]*queue
}

// queue is who waits for the next version of a playlist.
type queue struct{ waiting []*kept }

// take makes a connection the lane's, unless that is closed.
func (l *lane) take(k *kept) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		l.conns[k] = struct{}{}
	}
	return !l.closed
}

// leave takes a connection out. It is false where somebody else has.
func (l *lane) leave(k *kept) bool {
	l.mu.Lock()
	_, here := l.conns[k]
	delete(l.conns, k)
	id := k.id
	l.mu.Unlock()
	if here && id != 0 {
		l.poller.Leave(id, k.raw)
	}
	return here
}

// fill reads what a connection has into the buffer; 0 tells that the other side has gone.
func (l *lane) fill(k *kept) (int, error) {
	if err := k.raw.Control(l.reading); err != nil {
		return 0, err
	}
	return l.n, l.err
}

// watch has the poller tell of a connection's next request.
func (l *lane) watch(k *kept) {
	l.mu.Lock() // so that whoever is told knows the id
	var err error
	if k.id == 0 {
		k.id, err = l.poller.WatchOnce(k, k.raw)
	} else {
		err = l.poller.WatchAgain(k.id, k.raw)
	}
	l.mu.Unlock()
	if err != nil {
		k.close()
	}
}

// wait has a connection answered when a playlist has changed, unless it is gone.
func (l *lane) wait(coming *mux.Playlist, k *kept) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, here := l.conns[k]; !here {
		return
	}
	q := l.queues[coming]
	if q == nil {
		q = &queue{}
		l.queues[coming] = q
		l.running.Go(func() { l.follow(coming, q) })
	}
	q.waiting = append(q.waiting, k)
}

// follow serves a queue until it is empty.
func (l *lane) follow(coming *mux.Playlist, q *queue) {
	w := scribes.Get().(*scribe)
	defer scribes.Put(w)
	late := time.NewTicker(time.Second)
	defer late.Stop()
	for {
		var due []*kept
		select {
		case <-coming.Changed():
			l.mu.Lock()
			due = q.waiting
			delete(l.queues, coming)
			l.mu.Unlock()
		case now := <-late.C:
			l.mu.Lock()
			var left []*kept
			for _, k := range q.waiting {
				if _, here := l.conns[k]; !here {
					continue
				}
				if now.After(k.asks.until) {
					due = append(due, k)
				} else {
					left = append(left, k)
				}
			}
			if q.waiting = left; len(left) == 0 {
				delete(l.queues, coming)
			}
			l.mu.Unlock()
		case <-l.server.closing.Done():
			return
		}
		for _, k := range due {
			k.serve(k.asks, w)
		}
		l.mu.Lock()
		over := l.queues[coming] != q
		l.mu.Unlock()
		if over {
			return
		}
	}
}

// spawn runs what goes on with a connection.
func (l *lane) spawn(k *kept, f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		l.running.Go(func() {
			defer k.survive()
			f()
		})
	}
}

func (l *lane) expire(now time.Time) {
	var idle, waiting []*kept
	l.mu.Lock()
	for k := range l.conns {
		if k.quiet(now) > idleTimeout && !k.writing.Load() {
			idle = append(idle, k)
		}
	}
	for _, q := range l.queues {
		for _, k := range q.waiting {
			if k.quiet(now) > unseen {
				waiting = append(waiting, k)
			}
		}
	}
	l.mu.Unlock()
	for _, k := range idle {
		k.close()
	}
	for _, k := range waiting { // the poller does not watch them
		if k.hungUp() {
			k.close()
		}
	}
}

// close closes all connections and waits until nothing runs any more. The server's closing has begun.
func (l *lane) close() {
	l.mu.Lock()
	l.closed = true
	all := l.conns
	l.conns = nil
	l.mu.Unlock()
	l.poller.Close()
	for k := range all {
		k.conn.Close()
	}
	l.running.Wait()
}
