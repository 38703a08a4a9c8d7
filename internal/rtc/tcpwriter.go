package rtc

import (
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tuttilive/tutti/internal/media"
)

const (
	// maxWaiting bounds the bytes that wait for a connection: a whole group of pictures may be sent in one burst.
	maxWaiting = 512 << 10
	// replyReserve is kept for answers to checks: a client that gets none thinks that the path is dead.
	replyReserve = 16 << 10
	// maxDelay is how long bytes may have waited before new ones are dropped instead of sent even later.
	maxDelay = 2 * time.Second
	// maxSpare is how much memory is kept for the next burst.
	maxSpare = 64 << 10
	// tcpPiece must be taken by the kernel within tcpPatience, or the client is given up.
	tcpPiece    = 32 << 10
	tcpPatience = 10 * time.Second
	// farewellTime is how long what waits at the end may take.
	farewellTime = time.Second
)

// tcpWriter sends frames on a connection. Giving it frames never blocks: what does not fit is dropped and counted, as a
// network would. A goroutine writes, and exists only while something waits.
type tcpWriter struct {
	conn    *net.TCPConn
	dropped *atomic.Uint64
	writing sync.WaitGroup

	mu      sync.Mutex
	waiting []byte
	since   time.Duration // when the first byte that waits came
	spare   []byte
	// sending are the bytes that the goroutine has, and oldest when the first of them came.
	sending int
	oldest  time.Duration
	busy    bool // the goroutine exists
	closing bool
}

func (w *tcpWriter) open(conn *net.TCPConn, dropped *atomic.Uint64) {
	w.conn, w.dropped = conn, dropped
}

// send queues a run of packets: pieces of segment bytes, of which the last may be shorter. They are copied.
func (w *tcpWriter) send(run []byte, segment int) {
	now := media.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	late := w.sending > 0 && now-w.oldest > maxDelay
	for len(run) > 0 {
		frame := run[:min(segment, len(run))]
		run = run[len(frame):]
		if late || !w.fits(frame, maxWaiting) {
			w.dropped.Add(1)
			continue
		}
		w.queue(frame, now)
	}
}

// reply queues the answer to a check. It is copied.
func (w *tcpWriter) reply(answer []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.fits(answer, maxWaiting+replyReserve) {
		w.dropped.Add(1)
		return
	}
	w.queue(answer, media.Now())
}

// fits tells whether a frame may wait too. The lock is held.
func (w *tcpWriter) fits(frame []byte, limit int) bool {
	return !w.closing && len(w.waiting)+w.sending+frameHeader+len(frame) <= limit
}

// queue adds a frame, and sees to it that somebody writes it. The lock is held.
func (w *tcpWriter) queue(frame []byte, now time.Duration) {
	if len(w.waiting) == 0 {
		w.since = now
	}
	w.waiting = appendFrame(w.waiting, frame)
	if !w.busy {
		w.busy = true
		w.writing.Go(w.write)
	}
}

// write is the goroutine. It ends when nothing waits.
func (w *tcpWriter) write() {
	for {
		batch, ok := w.next()
		if !ok {
			return
		}
		for len(batch) > 0 {
			w.bePatient()
			n, err := w.conn.Write(batch[:min(len(batch), tcpPiece)])
			if err != nil {
				w.giveUp()
				return
			}
			batch = batch[n:]
		}
	}
}

// next takes what waits, after the batch before has been written.
func (w *tcpWriter) next() (batch []byte, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	batch = w.waiting
	w.sending, w.oldest = len(batch), w.since
	if len(batch) == 0 {
		w.busy = false
		if w.closing {
			w.conn.Close()
		}
		return nil, false
	}
	w.waiting, w.spare = w.spare[:0], nil
	if cap(batch) <= maxSpare {
		w.spare = batch[:0]
	}
	return batch, true
}

// bePatient gives the next piece its time; at the end there is only what finish has given to all of them.
func (w *tcpWriter) bePatient() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.closing {
		_ = w.conn.SetWriteDeadline(time.Now().Add(tcpPatience))
	}
}

// giveUp closes a connection that takes nothing more.
func (w *tcpWriter) giveUp() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closing, w.busy = true, false
	w.waiting, w.spare, w.sending = nil, nil, 0
	w.conn.Close()
}

// finish closes the connection once what waits has been sent. It does not wait for that.
func (w *tcpWriter) finish() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closing {
		return
	}
	w.closing = true
	if !w.busy {
		w.conn.Close()
		return
	}
	_ = w.conn.SetDeadline(time.Now().Add(farewellTime))
}

// finishing tells that the connection will close.
func (w *tcpWriter) finishing() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.closing
}
