package fanout

import (
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/poller"
)

// retryEvery is how often a connection that took no more is tried again.
const retryEvery = 20 * time.Millisecond

// tellEvery is how often a watcher is told of what was written: it lies elsewhere in memory than what writing needs.
const tellEvery = 250 * time.Millisecond

// sweeper writes to a share of a stream's viewers, all from one goroutine and without ever waiting for one: what a
// connection does not take stays where it is, in the ring.
type sweeper struct {
	ring  *media.Ring[*chunk]
	over  <-chan struct{} // closed when the ring is
	left  func()          // called for each viewer that ends
	retry time.Duration   // after which a connection that took no more is tried again
	load  atomic.Int64    // viewers

	kick chan struct{} // there are new viewers
	quit chan struct{}
	done chan struct{}

	mu     sync.Mutex
	arrive []*viewer
	closed bool

	viewers []*viewer // the goroutine's own
}

func newSweeper(ring *media.Ring[*chunk], over <-chan struct{}, left func(), retry time.Duration) *sweeper {
	w := &sweeper{ring: ring, over: over, left: left, retry: retry, kick: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{})}
	go w.run()
	return w
}

// add takes a viewer over, which begins at once.
func (w *sweeper) add(v *viewer) {
	w.mu.Lock()
	w.arrive = append(w.arrive, v)
	w.mu.Unlock()
	w.load.Add(1)
	select {
	case w.kick <- struct{}{}:
	default:
	}
}

// stop ends all viewers and waits for that.
func (w *sweeper) stop() {
	close(w.quit)
	<-w.done
}

func (w *sweeper) run() {
	defer close(w.done)
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	over, all := w.over, true
	woken := w.ring.Woken()
	for {
		blocked := w.sweep(!all)
		var again <-chan time.Time
		if blocked {
			timer.Reset(w.retry)
			again = timer.C
		}
		all = true
		select {
		case <-woken:
			woken = w.ring.Woken() // before there is looked for what has come
		case <-w.kick:
		case <-over:
			over, woken = nil, nil // a closed ring wakes forever
		case <-again:
			all = false // what woken tells stays told
		case <-w.quit:
			w.endAll()
			return
		}
	}
}

// sweep writes to all viewers, or to those alone that took no more when it is a retry. It tells whether there are such.
func (w *sweeper) sweep(retry bool) (blocked bool) {
	w.mu.Lock()
	w.viewers = append(w.viewers, w.arrive...)
	clear(w.arrive)
	w.arrive = w.arrive[:0]
	w.mu.Unlock()
	now, tip := media.Now(), w.ring.Tip()
	kept := w.viewers[:0]
	for _, v := range w.viewers {
		if retry && !v.blocked {
			kept = append(kept, v)
			continue
		}
		if err := v.advance(now, tip); err != nil {
			w.end(v, err)
			continue
		}
		blocked = blocked || v.blocked
		kept = append(kept, v)
	}
	clear(w.viewers[len(kept):])
	w.viewers = kept
	return blocked
}

func (w *sweeper) end(v *viewer, err error) {
	w.load.Add(-1)
	w.left()
	v.close(err) // who hears of the end may count on the rest
}

func (w *sweeper) endAll() {
	w.mu.Lock()
	w.viewers = append(w.viewers, w.arrive...)
	w.arrive = nil
	w.mu.Unlock()
	for _, v := range w.viewers {
		w.end(v, nil)
	}
	w.viewers = nil
}

// viewer is one plain connection. It belongs to its sweeper.
type viewer struct {
	feed
	conn net.Conn
	raw  syscall.RawConn
	try  func(fd uintptr) // v.write, made once

	unsent   [][]byte // what the connection has not taken yet; the first may be begun
	blocked  bool
	progress time.Duration // when the connection last took something
	wrote    int           // by the last try
	err      error         // of the last try

	untold int           // bytes that were written and that the watcher has not been told of
	told   time.Duration // when it was
}

// newViewer makes a viewer of a connection that gets head before all, if there is any.
func newViewer(conn net.Conn, raw syscall.RawConn, f feed, head []byte) *viewer {
	v := &viewer{feed: f, conn: conn, raw: raw, progress: media.Now()}
	if len(head) > 0 {
		v.unsent = [][]byte{head}
	}
	v.try = v.write
	return v
}

// advance writes as much as the connection takes of what lies before the ring's tip. What comes after it wakes the sweeper once more.
func (v *viewer) advance(now time.Duration, tip media.Tip) error {
	for {
		if len(v.unsent) == 0 {
			if v.cursor.At(tip) && !tip.Closed {
				v.blocked, v.progress = false, now
				return nil
			}
			var err error
			if v.unsent, err = v.next(v.unsent, now); err != nil && len(v.unsent) == 0 {
				return err
			}
			if len(v.unsent) == 0 {
				v.blocked, v.progress = false, now
				return nil
			}
		}
		// Not raw.Write, which asks Go's poller whether it may before each: nothing here waits, or has a deadline.
		if err := v.raw.Control(v.try); err != nil {
			return err
		}
		if v.err != nil {
			return v.err
		}
		if v.wrote > 0 {
			v.progress = now
			v.count(now)
			v.drop(v.wrote)
		}
		if len(v.unsent) > 0 {
			v.blocked = true
			if now-v.progress > stallLimit {
				v.watcher.Skipped("cut off")
				return errStalled
			}
			return nil
		}
	}
}

// count tells the watcher what was written, not oftener than each tellEvery.
func (v *viewer) count(now time.Duration) {
	if v.untold += v.wrote; now-v.told >= tellEvery {
		v.watcher.Sent(v.untold)
		v.untold, v.told = 0, now
	}
}

// write is called with the connection's descriptor. It never waits.
func (v *viewer) write(fd uintptr) { v.wrote, v.err = poller.Write(fd, v.unsent) }

// drop forgets n bytes that were written.
func (v *viewer) drop(n int) {
	done := 0
	for done < len(v.unsent) && n >= len(v.unsent[done]) {
		n -= len(v.unsent[done])
		done++
	}
	if done == len(v.unsent) {
		clear(v.unsent)
		v.unsent = v.unsent[:0]
		return
	}
	v.unsent = append(v.unsent[:0], v.unsent[done:]...)
	v.unsent[0] = v.unsent[0][n:]
}

// close ends the connection. Unless the viewer was too slow, what the kernel holds still gets out.
func (v *viewer) close(err error) {
	if tcp, ok := v.conn.(interface{ SetLinger(int) error }); ok && (err == errTooSlow || err == errStalled) {
		tcp.SetLinger(0)
	}
	v.conn.Close()
	v.watcher.Sent(v.untold)
	v.watcher.Close()
}
