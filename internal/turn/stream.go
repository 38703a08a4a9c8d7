package turn

import (
	"bufio"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tuttilive/tutti/internal/limit"
)

const (
	// introduction is how long a TCP client may take for TLS and for its first request with good credentials.
	introduction = 30 * time.Second
	// idleStream is how long a client may be silent then. Allocations are refreshed more often.
	idleStream = 11 * time.Minute
	// stuckStream is how long a client may take nothing in.
	stuckStream = 15 * time.Second
	// rearm is how often deadlines are moved, which is cheaper than for every message.
	rearm = 5 * time.Second
	// acceptPause is the wait after a failed accept, for example for want of descriptors.
	acceptPause = 50 * time.Millisecond
)

var errNotTURN = errors.New("neither STUN nor channel data")

// streams are all TCP and TLS connections.
type streams struct {
	gate   *gate
	limits Limits
	count  *counters

	mu     sync.Mutex
	open   map[*stream]struct{}
	byFrom map[netip.Prefix]int
	closed bool
	done   chan struct{} // closed with closed
	ended  sync.WaitGroup
}

func newStreams(gate *gate, limits Limits, count *counters) *streams {
	return &streams{gate: gate, limits: limits, count: count, open: map[*stream]struct{}{}, byFrom: map[netip.Prefix]int{}, done: make(chan struct{})}
}

// listener wraps a TCP listener; with a configuration its connections speak TLS.
func (s *streams) listener(l net.Listener, secure *tls.Config) net.Listener {
	return &streamListener{l, s, secure}
}

// close ends all connections and waits until pion is done with them.
func (s *streams) close() {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.done)
	}
	for c := range s.open {
		_ = c.Conn.Close()
	}
	s.mu.Unlock()
	s.ended.Wait()
}

// admit takes a connection in, unless there are too many.
func (s *streams) admit(raw net.Conn, secure *tls.Config) *stream {
	from, ok := raw.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return nil
	}
	if secure != nil {
		raw = tls.Server(raw, secure) // shakes hands with the first read
	}
	c := s.wrap(raw, from.AddrPort().Addr().Unmap())
	who := limit.NetworkOf(c.from)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || len(s.open) >= s.limits.Connections || s.byFrom[who] >= s.limits.AddressConnections {
		s.count.refuse(refusedConnection)
		return nil
	}
	s.open[c] = struct{}{}
	s.byFrom[who]++
	s.count.connections.Add(1)
	s.ended.Add(1)
	return c
}

func (s *streams) wrap(c net.Conn, from netip.Addr) *stream {
	return &stream{Conn: c, streams: s, from: from, reader: bufio.NewReaderSize(c, 4096)}
}

func (s *streams) forget(c *stream) {
	who := limit.NetworkOf(c.from)
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, c)
	if s.byFrom[who]--; s.byFrom[who] <= 0 {
		delete(s.byFrom, who)
	}
	s.count.connections.Add(-1)
	s.ended.Done()
}

type streamListener struct {
	net.Listener
	streams *streams
	secure  *tls.Config
}

// Accept gives the next connection that may come in. It fails only when the listener is closed, since pion stops then.
func (l *streamListener) Accept() (net.Conn, error) {
	for {
		raw, err := l.Listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil, err
		}
		if err != nil {
			select {
			case <-time.After(acceptPause):
			case <-l.streams.done:
			}
			continue
		}
		c := l.streams.admit(raw, l.secure)
		if c == nil {
			_ = raw.Close()
			continue
		}
		_ = raw.SetDeadline(time.Now().Add(introduction))
		return c, nil
	}
}

// stream is a client's TCP or TLS connection, cut into messages: a Read gives one whole message. pion could do that by
// itself, but a made-up length lets it spin for ever. Its goroutine reads; that and the relay's write.
type stream struct {
	net.Conn
	streams *streams
	from    netip.Addr
	reader  *bufio.Reader
	known   bool // has shown good credentials
	read    time.Time
	written atomic.Int64 // when the write deadline was moved, in Unix seconds
	closing sync.Once
}

// Read gives the next message that the gate lets pass. b must have room for it and one byte more; longer ones are left out.
func (c *stream) Read(b []byte) (int, error) {
	for {
		n, err := c.next(b)
		if err != nil {
			return 0, err
		}
		if n == 0 {
			continue
		}
		v := c.streams.gate.inspect(b[:n], c.from)
		if v.known {
			c.known = true
		}
		if v.answer != nil {
			if _, err := c.Write(v.answer); err != nil {
				return 0, err
			}
		}
		if v.pass {
			return n, nil
		}
	}
}

// next reads one message into b, 0 bytes when it was too long for that.
func (c *stream) next(b []byte) (int, error) {
	if now := time.Now(); c.known && now.Sub(c.read) > rearm {
		c.read = now
		if err := c.Conn.SetReadDeadline(now.Add(idleStream)); err != nil {
			return 0, err
		}
	}
	head, err := c.reader.Peek(4)
	if err != nil {
		return 0, err
	}
	size := int(binary.BigEndian.Uint16(head[2:]))
	switch {
	case head[0]&0xc0 == 0 && size%4 == 0: // RFC 8489, section 5
		size += stunHeader
	case isChannelData(head): // RFC 8656, section 12.5: padded over TCP
		size = 4 + (size+3)&^3
	default:
		c.streams.count.refuse(refusedProtocol)
		return 0, errNotTURN
	}
	if size >= len(b) {
		_, err := c.reader.Discard(size)
		return 0, err
	}
	return io.ReadFull(c.reader, b[:size])
}

// Write sends one message. A client that takes nothing in for some time is given up.
func (c *stream) Write(b []byte) (int, error) {
	if now := time.Now(); now.Unix()-c.written.Load() >= int64(rearm/time.Second) {
		if err := c.Conn.SetWriteDeadline(now.Add(stuckStream)); err != nil {
			return 0, err
		}
		c.written.Store(now.Unix()) // only now, or others would write while the old deadline has passed
	}
	n, err := c.Conn.Write(b)
	if err != nil {
		_ = c.Conn.Close() // ends the reading too
	}
	return n, err
}

// Close is called by pion when it is done with the connection and its allocation.
func (c *stream) Close() error {
	err := c.Conn.Close()
	c.closing.Do(func() { c.streams.forget(c) })
	return err
}
