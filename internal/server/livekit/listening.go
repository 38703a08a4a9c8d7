package livekit

import (
	"context"
	"io"
	"sync"
	"syscall"

	"github.com/coder/websocket"
	pb "github.com/livekit/protocol/livekit"
	"golang.org/x/time/rate"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/poller"
)

// listening is how a signal connection is read: by a goroutine that the poller starts when something comes, or, where there is no
// poller for it (over TLS), by one that waits. After a control frame that goroutine stays until a message comes: clients that say nothing
// but answers to pings have one.
type listening struct {
	pace *rate.Limiter
	// handle takes a request and tells whether the session goes on; lost hears once why nothing is read any more: errTooLarge and
	// errMalformed are the client's fault.
	handle func(*pb.SignalRequest) bool
	lost   func(error)
	once   sync.Once

	poller *poller.Poller
	raw    syscall.RawConn // nil where a goroutine waits

	// Guarded by the connection's lock.
	id   poller.ID
	over bool // the connection has ended
}

// listen gives each request to handle, at the client's pace, until the connection or the session ends.
func (c *conn) listen(p *poller.Poller, pace *rate.Limiter, handle func(*pb.SignalRequest) bool, lost func(error)) {
	l := &c.listening
	c.mu.Lock()
	l.pace, l.handle, l.lost, l.poller = pace, handle, lost, p
	if p != nil {
		l.raw = poller.Descriptor(c.tcp)
	}
	over := l.over
	c.mu.Unlock()
	switch {
	case over:
		c.lose(errSessionEnded)
	case l.raw == nil:
		go func() { c.lose(c.wait()) }()
	case c.ahead || !c.rest():
		go c.read()
	}
}

// Readable implements poller.Reader.
func (c *conn) Readable() { go c.read() }

// read takes what has come.
func (c *conn) read() {
	for {
		kind, r, err := c.ws.Reader(context.Background())
		if err == nil {
			err = c.message(kind, r)
		}
		if err != nil {
			c.lose(err)
			return
		}
		if c.rest() {
			return
		}
	}
}

// rest has the poller wait for more, and tells whether reading is over for now. It is not when more has been read from the
// connection than was asked for.
func (c *conn) rest() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	l := &c.listening
	if c.ending {
		return true // whoever finishes reads the rest
	}
	if c.in.Buffered() > 0 {
		return false
	}
	var err error
	if l.id == 0 {
		l.id, err = l.poller.WatchOnce(c, l.raw)
	} else {
		err = l.poller.WatchAgain(l.id, l.raw)
	}
	return err == nil
}

// wait reads until the connection or the session ends.
func (c *conn) wait() error {
	for {
		kind, r, err := c.ws.Reader(context.Background())
		if err != nil {
			return err
		}
		// On a stack that ends with it: decoding is deep, and the stack of a goroutine that then waits would stay as large.
		done := make(chan error)
		go func() { done <- c.message(kind, r) }()
		if err := <-done; err != nil {
			return err
		}
	}
}

// message handles one message.
func (c *conn) message(kind websocket.MessageType, r io.Reader) error {
	data, err := io.ReadAll(io.LimitReader(r, maxFrameBytes+1))
	if err != nil {
		return err
	}
	c.heard.Store(int64(media.Now()))
	c.text.Store(kind == websocket.MessageText)
	if err := c.listening.pace.WaitN(context.Background(), len(data)/bytesOfOne); err != nil {
		return err
	}
	req, err := decodeRequest(kind, data)
	if err != nil {
		return err
	}
	if err := c.listening.pace.WaitN(context.Background(), cost(req)); err != nil {
		return err
	}
	if !c.listening.handle(req) {
		return errSessionEnded
	}
	return nil
}

// deaf is called when the connection has ended.
func (c *conn) deaf() {
	l := &c.listening
	c.mu.Lock()
	l.over = true
	id, listens := l.id, l.lost != nil
	c.mu.Unlock()
	if id != 0 {
		l.poller.Forget(id)
	}
	if listens {
		c.lose(errSessionEnded)
	}
}

// lose says, once, why nothing is read any more.
func (c *conn) lose(err error) {
	c.listening.once.Do(func() { c.listening.lost(err) })
}
