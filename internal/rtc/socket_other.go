//go:build !linux || !(amd64 || arm64)

package rtc

import (
	"net"
	"net/netip"
	"syscall"
	"time"

	"github.com/tuttilive/tutti/internal/media"
)

// Elsewhere than on 64-bit Linux there is one socket, and one system call for each datagram.
const (
	canSharePort = false
	maxSegments  = 1
	maxRun       = maxDatagram
)

func sharePort(_, _ string, _ syscall.RawConn) error { return nil }

type platformSocket struct{ conn *net.UDPConn }

func (s *platformSocket) open(conn *net.UDPConn) error {
	s.conn = conn
	return nil
}

// interrupt has a pending read return, and all that follow until resume.
func (s *platformSocket) interrupt() { _ = s.conn.SetReadDeadline(time.Unix(1, 0)) }

func (s *platformSocket) resume() { _ = s.conn.SetReadDeadline(time.Time{}) }

func (s *platformSocket) close() error { return s.conn.Close() }

// writeTo sends one datagram, and waits while the socket's buffer has no room for it. An error is a lost datagram, which every protocol
// above survives.
func (s *platformSocket) writeTo(b []byte, to netip.AddrPort) bool {
	_, _ = s.conn.WriteToUDPAddrPort(b, to)
	return true
}

// destination is an address. It is immutable but for message.
type destination struct {
	addr    netip.AddrPort
	tcp     *tcpConn // where it is a connection
	message int      // the last one of a train that is for it, if that one is; the home shard's sender owns it
}

func (s *platformSocket) destination(addr netip.AddrPort) *destination {
	return &destination{addr: addr}
}

// keepShort is a kindness of Linux.
func keepShort(*net.TCPConn) {}

type receiver struct {
	conn   *net.UDPConn
	take   func(n int, read time.Duration) (brought int, busy time.Duration)
	buffer [maxDatagram + 1]byte
	size   int
	from   netip.AddrPort
}

// receiver makes one that gives each datagram to take; it is valid until that returns.
func (s *socket) receiver(take func(n int, read time.Duration) (brought int, busy time.Duration)) *receiver {
	return &receiver{conn: s.conn, take: take}
}

// read waits for a datagram.
func (r *receiver) read() (err error) {
	r.size, r.from, err = r.conn.ReadFromUDPAddrPort(r.buffer[:])
	if err == nil {
		r.take(1, media.Now())
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

func (s *platformSocket) canSegment() bool { return false }

// datagram sends one by itself.
func (t *transmitter) datagram(b []byte, to netip.AddrPort) { t.socket.writeTo(b, to) }

func (t *transmitter) send(slab []byte, messages []message) {
	for i := range messages {
		m := &messages[i]
		for _, p := range m.parts() {
			for at := p.start; at < p.end; at += m.segment {
				t.datagram(slab[at:min(at+m.segment, p.end)], m.to.addr)
			}
		}
	}
}
