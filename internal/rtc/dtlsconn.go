package rtc

import (
	"net"
	"os"
	"sync"
	"time"
)

// maxQueued bounds the datagrams that wait for DTLS, and maxFlight those of the last flight that are kept.
const (
	maxQueued = 64
	maxFlight = 8
)

// dtlsConn carries DTLS datagrams between the shared port and pion/dtls, as the net.PacketConn that it wants. Nothing in
// it blocks the reader: what does not fit the queue is lost, as on any network.
type dtlsConn struct {
	write func([]byte)

	mu      sync.Mutex
	queue   [][]byte
	ready   chan struct{} // holds a token while there may be something to see
	expired bool          // the read deadline has passed
	closed  bool
	// captured holds, instead of sending it, what is written after capture.
	capturing bool
	captured  [][]byte
	// flight is what was written since the last read: the last flight of a handshake.
	flight    [][]byte
	newFlight bool
}

func newDTLSConn(write func([]byte)) *dtlsConn {
	return &dtlsConn{write: write, ready: make(chan struct{}, 1)}
}

func (c *dtlsConn) signal() {
	select {
	case c.ready <- struct{}{}:
	default:
	}
}

// push gives a datagram to DTLS. It is copied.
func (c *dtlsConn) push(b []byte) {
	c.mu.Lock()
	if !c.closed && len(c.queue) < maxQueued {
		c.queue = append(c.queue, append([]byte(nil), b...))
	}
	c.mu.Unlock()
	c.signal()
}

// capture keeps what is written from now on from being sent.
func (c *dtlsConn) capture() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.capturing = true
}

// taken gives what was captured and the last flight before.
func (c *dtlsConn) taken() (captured, flight [][]byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.captured, c.flight
}

// ReadFrom implements net.PacketConn.
func (c *dtlsConn) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		c.mu.Lock()
		switch {
		case c.closed:
			c.mu.Unlock()
			return 0, nil, net.ErrClosed
		case c.expired:
			c.mu.Unlock()
			return 0, nil, os.ErrDeadlineExceeded
		case len(c.queue) > 0:
			n := copy(b, c.queue[0])
			c.queue = c.queue[1:]
			c.newFlight = true
			if len(c.queue) > 0 {
				c.signal()
			} else {
				c.queue = nil
			}
			c.mu.Unlock()
			return n, dtlsAddr{}, nil
		}
		c.mu.Unlock()
		<-c.ready
	}
}

// WriteTo implements net.PacketConn.
func (c *dtlsConn) WriteTo(b []byte, _ net.Addr) (int, error) {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return 0, net.ErrClosed
	}
	if c.capturing {
		if len(c.captured) < maxFlight {
			c.captured = append(c.captured, append([]byte(nil), b...))
		}
		c.mu.Unlock()
		return len(b), nil
	}
	if c.newFlight {
		c.flight, c.newFlight = c.flight[:0], false
	}
	if len(c.flight) < maxFlight {
		c.flight = append(c.flight, append([]byte(nil), b...))
	}
	c.mu.Unlock()
	c.write(b)
	return len(b), nil
}

// Close implements net.PacketConn.
func (c *dtlsConn) Close() error {
	c.mu.Lock()
	c.closed, c.queue = true, nil
	c.mu.Unlock()
	c.signal()
	return nil
}

// SetReadDeadline implements net.PacketConn. Only "in the past" and "never" are told apart: pion/dtls uses no others.
func (c *dtlsConn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	c.expired = !t.IsZero() && !t.After(time.Now())
	c.mu.Unlock()
	c.signal()
	return nil
}

// SetWriteDeadline implements net.PacketConn; writing never waits.
func (c *dtlsConn) SetWriteDeadline(time.Time) error { return nil }

// SetDeadline implements net.PacketConn.
func (c *dtlsConn) SetDeadline(t time.Time) error { return c.SetReadDeadline(t) }

// LocalAddr implements net.PacketConn.
func (c *dtlsConn) LocalAddr() net.Addr { return dtlsAddr{} }

// dtlsAddr stands for whatever address the peer has just now.
type dtlsAddr struct{}

func (dtlsAddr) Network() string { return "udp" }
func (dtlsAddr) String() string  { return "peer" }
