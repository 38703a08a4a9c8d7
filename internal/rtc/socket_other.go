//go:build !linux || !(amd64 || arm64)

package rtc

import (
	"net"
	"net/netip"
	"syscall"
	"time"
)

// Elsewhere than on 64-bit Linux there is one socket, and one system call for each datagram.
const (
	canSharePort = false
	maxSegments  = 1
	maxRun       = maxDatagram
)

func sharePort(_, _ string, _ syscall.RawConn) error { return nil }

type platformSocket struct{}

func (s *platformSocket) open(*net.UDPConn) error { return nil }

// destination is an address. It is immutable.
type destination struct {
	addr netip.AddrPort
	tcp  *tcpConn // where it is a connection
}

func (s *platformSocket) destination(addr netip.AddrPort) *destination {
	return &destination{addr: addr}
}

// keepShort is a kindness of Linux.
func keepShort(*net.TCPConn) {}

type receiver struct {
	conn   *net.UDPConn
	take   func(n int)
	buffer [maxDatagram + 1]byte
	size   int
	from   netip.AddrPort
}

// receiver makes one that gives each datagram to take; it is valid until that returns.
func (s *socket) receiver(take func(n int)) *receiver { return &receiver{conn: s.conn, take: take} }

// read waits for a datagram.
func (r *receiver) read() (err error) {
	r.size, r.from, err = r.conn.ReadFromUDPAddrPort(r.buffer[:])
	if err == nil {
		r.take(1)
	}
	return err
}

func (r *receiver) datagram(int) ([]byte, netip.AddrPort) {
	if r.size > maxDatagram {
		return nil, netip.AddrPort{}
	}
	return r.buffer[:r.size], netip.AddrPortFrom(r.from.Addr().Unmap(), r.from.Port())
}

func (r *receiver) took(time.Time) {}

// waited is not known.
func (r *receiver) waited(int) time.Duration { return 0 }

type transmitter struct{ socket *socket }

func (s *socket) transmitter() *transmitter { return &transmitter{socket: s} }

func (t *transmitter) canSegment() bool { return false }

func (t *transmitter) send(slab []byte, messages []message) {
	for _, m := range messages {
		for at := m.start; at < m.end; at += m.segment {
			t.socket.writeTo(slab[at:min(at+m.segment, m.end)], m.to.addr)
		}
	}
}
