package srt

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Conn is a connection on which an encoder sends. One goroutine reads; that is also when reports are sent, so it should always be reading. Close may be called by any.
type Conn struct {
	listener *Listener
	peer     peer
	id       uint32
	begun    time.Time
	welcome  []byte // the answer to the request
	held     atomic.Int64
	woken    chan struct{} // what was idle is not any more
	ended    chan struct{} // closed with err

	mu   sync.Mutex
	flow flow
	over error // why nothing more comes; what waits is still delivered
	err  error
}

// Latency is for how long packets wait.
func (c *Conn) Latency() time.Duration { return c.flow.latency }

// Counts are what came so far, or until it ended.
func (c *Conn) Counts() Counts {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.flow.counts
}

// Read gives the payload of the next packet, when its time has come. The error is io.EOF where the encoder ended, ErrFull where more waited than may,
// net.ErrClosed after Close.
func (c *Conn) Read(b []byte) (int, error) {
	for {
		n, ok, wait, err := c.next(b)
		if ok || err != nil {
			return n, err
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-c.woken:
		case <-c.ended:
		}
		timer.Stop()
	}
}

// next gives what is due, and else says when to look again.
func (c *Conn) next(b []byte) (n int, ok bool, wait time.Duration, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return 0, false, 0, c.err
	}
	now := time.Since(c.begun)
	if payload, ok := c.flow.deliver(now); ok {
		c.count()
		return copy(b, payload), true, 0, nil
	}
	if c.over == nil {
		if c.over = c.flow.tick(now); c.over != nil {
			c.flow.sayShutdown(now)
		}
	}
	if c.over != nil && c.flow.isEmpty() {
		c.end(c.over)
		return 0, false, 0, c.err
	}
	if c.flow.isIdle() {
		return 0, false, aliveEvery, nil
	}
	return 0, false, ackEvery, nil
}

// hear takes a packet.
func (c *Conn) hear(p packet) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil || c.over != nil {
		return
	}
	wasIdle := c.flow.isIdle()
	switch err := c.flow.hear(p, time.Since(c.begun)); {
	case err == io.EOF:
		c.over = err
	case err != nil:
		c.end(err)
		return
	}
	c.count()
	if wasIdle && !c.flow.isIdle() || c.over != nil {
		select {
		case c.woken <- struct{}{}:
		default:
		}
	}
}

// count notes how much is held.
func (c *Conn) count() {
	size := int64(c.flow.size)
	c.listener.held.Add(size - c.held.Swap(size))
}

// end is once, with the lock held. What waits is let go, and an encoder that may still send is told.
func (c *Conn) end(err error) {
	if c.over == nil {
		c.flow.sayShutdown(time.Since(c.begun))
	}
	c.err = err
	c.flow.waiting = waiting{counts: c.flow.counts}
	c.count()
	close(c.ended)
}

// fail ends it for a reason.
func (c *Conn) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.end(err)
	}
}

// Close ends it. It may be called again, and after it has ended by itself.
func (c *Conn) Close() error {
	c.fail(net.ErrClosed)
	c.listener.mu.Lock()
	defer c.listener.mu.Unlock()
	if c.listener.conns[c.id] == c {
		delete(c.listener.conns, c.id)
		delete(c.listener.peers, c.peer)
	}
	return nil
}
