package rtc

import (
	"net"
	"sync"
)

// maxFlight bounds the datagrams of the last flight that are kept.
const maxFlight = 8

// dtlsConn carries a handshake's datagrams between the shared port and pion/dtls, as the net.PacketConn that it wants.
type dtlsConn struct {
	inlet
	write func([]byte)

	sending sync.Mutex // over what follows
	mute    bool
	// flight is what was written since the last read: the last flight of a handshake.
	flight    [][]byte
	newFlight bool
}

func newDTLSConn(write func([]byte)) *dtlsConn { return &dtlsConn{inlet: newInlet(), write: write} }

// hush keeps what is written from now on from being sent, and gives the last flight before.
func (c *dtlsConn) hush() [][]byte {
	c.sending.Lock()
	defer c.sending.Unlock()
	c.mute = true
	return c.flight
}

// ReadFrom implements net.PacketConn.
func (c *dtlsConn) ReadFrom(b []byte) (int, net.Addr, error) {
	next, err := c.next()
	if err != nil {
		return 0, nil, err
	}
	c.sending.Lock()
	c.newFlight = true
	c.sending.Unlock()
	return copy(b, next), peerAddr{}, nil
}

// WriteTo implements net.PacketConn.
func (c *dtlsConn) WriteTo(b []byte, _ net.Addr) (int, error) {
	c.sending.Lock()
	if c.mute {
		c.sending.Unlock()
		return len(b), nil
	}
	if c.newFlight {
		c.flight, c.newFlight = c.flight[:0], false
	}
	if len(c.flight) < maxFlight {
		c.flight = append(c.flight, append([]byte(nil), b...))
	}
	c.sending.Unlock()
	c.write(b)
	return len(b), nil
}
