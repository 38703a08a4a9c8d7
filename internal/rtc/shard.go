package rtc

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/tuttilive/tutti/internal/media"
)

// Shard is a reader and a sender goroutine with a socket of their own on the shared port. A peer lives on one shard, its
// home. The endpoint owns it.
type Shard struct {
	endpoint *Endpoint
	socket   *socket
	reader   *reader

	mu     sync.Mutex
	queue  []Work
	awake  bool // the sender goroutine has been told of what is in the queue
	closed bool
	wake   chan struct{}

	belated belated

	// reporting tells that the reader owes feedback.
	reporting atomic.Bool
	counts    shardCounts
}

func newShard(e *Endpoint, s *socket) *Shard {
	shard := &Shard{endpoint: e, socket: s, wake: make(chan struct{}, 1)}
	shard.reader = newReader(shard)
	shard.belated.shard = shard
	return shard
}

// Post queues work for the shard's sender goroutine; it never blocks. Whoever posts bounds what it posts: one item for
// a group of subscribers, not one for a packet.
func (s *Shard) Post(w Work) { s.put(w, true) }

// PostLater queues work that is in no hurry: it is done as soon as the goroutine has anything else to do.
func (s *Shard) PostLater(w Work) { s.put(w, false) }

func (s *Shard) put(w Work, now bool) {
	s.mu.Lock()
	wake := now && !s.awake && !s.closed
	s.awake = s.awake || wake
	if !s.closed {
		s.queue = append(s.queue, w)
	}
	s.mu.Unlock()
	if wake {
		s.signal()
	}
}

func (s *Shard) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// holdMax is how long what is to leave may wait for work that is done with it, at about.
const holdMax = time.Millisecond

// Work runs on a shard's sender goroutine. What it sends leaves at the latest when the work that waits with it is done: what several
// pieces of work have for one peer leaves together.
type Work interface{ Run(tx *Tx) }

// workFunc is work that is one function.
type workFunc func(tx *Tx)

func (f workFunc) Run(tx *Tx) { f(tx) }

// send is the sender goroutine. It ends after close, when the queue is empty.
func (s *Shard) send() {
	tx := newTx(s)
	var batch []Work
	since := media.Now()
	for {
		s.mu.Lock()
		batch, s.queue = s.queue, batch[:0]
		closed := s.closed
		s.awake = len(batch) > 0
		s.mu.Unlock()
		if len(batch) == 0 {
			if closed {
				return
			}
			<-s.wake
			since = media.Now()
			continue
		}
		held := time.Duration(0) // since when something waits to leave, 0 for nothing
		for i, w := range batch {
			now := media.Now()
			if held > 0 && now-held > holdMax {
				tx.flush()
				held, now = 0, media.Now()
			}
			tx.now, tx.departed = now, false
			w.Run(tx)
			if held == 0 && tx.waits() {
				held = now
			}
			batch[i] = nil
		}
		tx.flush()
		now := media.Now()
		s.counts.sending.Add(int64(now - since))
		since = now
	}
}

// close lets the sender goroutine end.
func (s *Shard) close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.signal()
}

// Tx is the sender goroutine's way out. It is valid within Work.Run only.
type Tx struct {
	shard *Shard
	now   time.Duration
	train
}

func newTx(s *Shard) *Tx { return &Tx{shard: s, train: newTrain(s.socket, &s.counts)} }

// Now is the media time at which the current work began, or when it last sent something before that took its time.
func (tx *Tx) Now() time.Duration { return tx.now }
