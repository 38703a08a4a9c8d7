package rtc

import (
	"net"
	"os"
	"sync"
	"time"
)

// maxQueued bounds the datagrams that wait in an inlet.
const maxQueued = 64

// inlet hands datagrams from a reader, which is never blocked, to a goroutine that waits for them: what does not fit is lost, as on any
// network.
type inlet struct {
	mu      sync.Mutex
	queue   [][]byte
	ready   chan struct{} // holds a token while there may be something to see
	expired bool          // the read deadline has passed
	closed  bool
}

func newInlet() inlet { return inlet{ready: make(chan struct{}, 1)} }

func (i *inlet) signal() {
	select {
	case i.ready <- struct{}{}:
	default:
	}
}

// push gives a datagram. It is copied.
func (i *inlet) push(b []byte) {
	i.mu.Lock()
	if !i.closed && len(i.queue) < maxQueued {
		i.queue = append(i.queue, append([]byte(nil), b...))
	}
	i.mu.Unlock()
	i.signal()
}

// next waits for a datagram.
func (i *inlet) next() ([]byte, error) {
	for {
		i.mu.Lock()
		switch {
		case i.closed:
			i.mu.Unlock()
			return nil, net.ErrClosed
		case i.expired:
			i.mu.Unlock()
			return nil, os.ErrDeadlineExceeded
		case len(i.queue) > 0:
			b := i.queue[0]
			i.queue = i.queue[1:]
			if len(i.queue) > 0 {
				i.signal()
			} else {
				i.queue = nil
			}
			i.mu.Unlock()
			return b, nil
		}
		i.mu.Unlock()
		<-i.ready
	}
}

// Close ends the waiting.
func (i *inlet) Close() error {
	i.mu.Lock()
	i.closed, i.queue = true, nil
	i.mu.Unlock()
	i.signal()
	return nil
}

// SetReadDeadline tells only "in the past" and "never" apart: pion uses no others.
func (i *inlet) SetReadDeadline(t time.Time) error {
	i.mu.Lock()
	i.expired = !t.IsZero() && !t.After(time.Now())
	i.mu.Unlock()
	i.signal()
	return nil
}

// SetWriteDeadline does nothing: writing never waits.
func (i *inlet) SetWriteDeadline(time.Time) error { return nil }

// SetDeadline is SetReadDeadline.
func (i *inlet) SetDeadline(t time.Time) error { return i.SetReadDeadline(t) }

// LocalAddr and RemoteAddr stand for whatever address the peer has just now.
func (i *inlet) LocalAddr() net.Addr  { return peerAddr{} }
func (i *inlet) RemoteAddr() net.Addr { return peerAddr{} }

type peerAddr struct{}

func (peerAddr) Network() string { return "udp" }
func (peerAddr) String() string  { return "peer" }
