//go:build linux && (amd64 || arm64)

package rtc

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	canSharePort = true
	// maxSegments and maxRun are the kernel's limits for one segmented send (UDP_MAX_SEGMENTS, and what fits an IP
	// packet).
	maxSegments = 64
	maxRun      = 65000

	addressSize = unix.SizeofSockaddrInet6
)

func sharePort(_, _ string, c syscall.RawConn) error {
	var failure error
	if err := c.Control(func(fd uintptr) {
		failure = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
	}); err != nil {
		return err
	}
	return failure
}

// Batches are read and sent by raw system calls. They never block (MSG_DONTWAIT) and take at most a few hundred
// microseconds, so Go's scheduler need not know of them; told of each it would wake its monitor thread, which then looks
// every 20 us whether the call has come back: a quarter of what a meeting costs.

// platformSocket is what sending and receiving many datagrams in one system call needs.
type platformSocket struct {
	file *os.File // not known to Go's poller
	raw  syscall.RawConn
	gate *gate
	v6   bool
	// segments tells that the kernel cuts long sends into datagrams (UDP_SEGMENT). It is cleared when a device refuses.
	segments atomic.Bool
}

// open takes the socket over from conn, which it closes: Go's poller would also wait for room to send, of which the
// kernel tells with each datagram that has left.
func (s *platformSocket) open(conn *net.UDPConn) error {
	defer conn.Close()
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	var own int
	var failure error
	err = raw.Control(func(fd uintptr) {
		if name, err := unix.Getsockname(int(fd)); err == nil {
			_, s.v6 = name.(*unix.SockaddrInet6)
		}
		_, err := unix.GetsockoptInt(int(fd), unix.SOL_UDP, unix.UDP_SEGMENT)
		s.segments.Store(err == nil)
		if own, failure = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0); failure == nil {
			// A file that blocks is one that Go's poller leaves alone; no call here ever blocks (MSG_DONTWAIT).
			failure = unix.SetNonblock(own, false)
		}
	})
	if err = errors.Join(err, failure); err != nil {
		return err
	}
	s.file = os.NewFile(uintptr(own), "udp")
	if s.raw, err = s.file.SyscallConn(); err == nil {
		s.gate, err = newGate(s.raw)
	}
	if err != nil {
		s.file.Close()
	}
	return err
}

func (s *platformSocket) close() error { return errors.Join(s.gate.close(), s.file.Close()) }

// interrupt makes the reader's waiting return with os.ErrDeadlineExceeded, from now until it is taken back.
func (s *platformSocket) interrupt() { _ = s.gate.file.SetReadDeadline(time.Unix(1, 0)) }

// resume takes an interruption back.
func (s *platformSocket) resume() { _ = s.gate.file.SetReadDeadline(time.Time{}) }

// writeTo sends one datagram. One that cannot leave at once is lost, which every protocol above survives.
func (s *platformSocket) writeTo(b []byte, to netip.AddrPort) {
	d := s.destination(to)
	if len(b) == 0 || d.size == 0 {
		return
	}
	_ = s.raw.Control(func(fd uintptr) {
		_, _, _ = unix.RawSyscall6(unix.SYS_SENDTO, fd, uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), unix.MSG_DONTWAIT,
			uintptr(unsafe.Pointer(&d.raw)), uintptr(d.size))
	})
}

// destination is an address in the kernel's form. It is immutable.
type destination struct {
	addr netip.AddrPort
	tcp  *tcpConn // where it is a connection
	raw  [addressSize]byte
	size uint32
}

func (s *platformSocket) destination(addr netip.AddrPort) *destination {
	d := &destination{addr: addr}
	if s.v6 {
		d.size = unix.SizeofSockaddrInet6
		binary.NativeEndian.PutUint16(d.raw[0:], unix.AF_INET6)
		ip := addr.Addr().As16()
		copy(d.raw[8:], ip[:])
	} else {
		d.size = unix.SizeofSockaddrInet4
		binary.NativeEndian.PutUint16(d.raw[0:], unix.AF_INET)
		ip := addr.Addr().Unmap()
		if !ip.Is4() {
			return d
		}
		v4 := ip.As4()
		copy(d.raw[4:], v4[:])
	}
	binary.BigEndian.PutUint16(d.raw[2:], addr.Port())
	return d
}

// unsentLimit is how many bytes of a TCP connection the kernel keeps beyond what is on its way.
const unsentLimit = 64 << 10

// keepShort lets bytes wait with us, where a slow client is noticed, and not in the kernel.
func keepShort(conn *net.TCPConn) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, unsentLimit)
	})
}

// header is struct mmsghdr on 64-bit systems.
type header struct {
	unix.Msghdr
	length uint32
	_      [4]byte
}

// receiver reads batches into memory of its own. It belongs to the shard's reader.
type receiver struct {
	socket  *platformSocket
	headers [batchSize]header
	vectors [batchSize]unix.Iovec
	names   [batchSize][addressSize]byte
	buffers [batchSize][maxDatagram]byte

	count int
	errno syscall.Errno
	call  func(fd uintptr)
	take  func(n int)
}

// receiver makes one that gives each batch to take; its datagrams are valid until that returns.
func (s *socket) receiver(take func(n int)) *receiver {
	r := &receiver{socket: &s.platformSocket, take: take}
	for i := range r.headers {
		r.vectors[i].Base = &r.buffers[i][0]
		r.vectors[i].SetLen(maxDatagram)
		h := &r.headers[i]
		h.Iov = &r.vectors[i]
		h.SetIovlen(1)
		h.Name, h.Namelen = &r.names[i][0], addressSize
	}
	r.call = func(fd uintptr) {
		n, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&r.headers)), batchSize,
			unix.MSG_DONTWAIT, 0, 0)
		r.count, r.errno = int(n), errno
	}
	return r
}

// read takes batches until there is a reason to look around: an error, a deadline, or so much to read that others might starve.
func (r *receiver) read() error { return r.socket.gate.wait(r.batch) }

// batch reads once. It tells whether there is a reason to look around, and how many datagrams there were.
func (r *receiver) batch() (n int, err error) {
	if err := r.socket.raw.Control(r.call); err != nil {
		return 0, net.ErrClosed
	}
	switch r.errno {
	case 0:
	case unix.EAGAIN, unix.EINTR:
		return 0, nil
	default:
		return 0, r.errno
	}
	r.take(r.count)
	for i := range r.count {
		r.headers[i].Namelen = addressSize
	}
	return r.count, nil
}

// datagram gives the i-th datagram of the batch and its sender; nil when it was too long.
func (r *receiver) datagram(i int) ([]byte, netip.AddrPort) {
	h := &r.headers[i]
	if h.Flags&unix.MSG_TRUNC != 0 || h.length > maxDatagram {
		return nil, netip.AddrPort{}
	}
	name := &r.names[i]
	port := binary.BigEndian.Uint16(name[2:])
	if binary.NativeEndian.Uint16(name[0:]) == unix.AF_INET6 {
		return r.buffers[i][:h.length], netip.AddrPortFrom(netip.AddrFrom16([16]byte(name[8:24])).Unmap(), port)
	}
	return r.buffers[i][:h.length], netip.AddrPortFrom(netip.AddrFrom4([4]byte(name[4:8])), port)
}

// transmitter sends batches. It belongs to the shard's sender.
type transmitter struct {
	socket   *socket
	headers  [batchSize]header
	vectors  [batchSize]unix.Iovec
	controls [batchSize][controlSize]byte

	first, count int
	errno        syscall.Errno
	call         func(fd uintptr)
}

// controlSize is the space of a control message with a 16-bit value.
const controlSize = 24

func (s *socket) transmitter() *transmitter {
	t := &transmitter{socket: s}
	for i := range t.headers {
		t.headers[i].Iov = &t.vectors[i]
		t.headers[i].SetIovlen(1)
		c := (*unix.Cmsghdr)(unsafe.Pointer(&t.controls[i]))
		c.Level, c.Type = unix.SOL_UDP, unix.UDP_SEGMENT
		c.SetLen(unix.CmsgLen(2))
	}
	t.call = func(fd uintptr) {
		n, _, errno := unix.RawSyscall6(unix.SYS_SENDMMSG, fd, uintptr(unsafe.Pointer(&t.headers[t.first])),
			uintptr(t.count-t.first), unix.MSG_DONTWAIT, 0, 0)
		if t.errno = errno; errno == 0 {
			t.first += int(n)
		}
	}
	return t
}

// canSegment tells whether a message may hold more than one datagram.
func (t *transmitter) canSegment() bool { return t.socket.segments.Load() }

// send sends all messages, at most batchSize; it waits a while when the socket's buffer is full. What the kernel refuses is
// lost, except that a device that cannot segment gets single datagrams.
func (t *transmitter) send(slab []byte, messages []message) {
	for i := range messages {
		m := &messages[i]
		h := &t.headers[i]
		h.Name, h.Namelen = &m.to.raw[0], m.to.size
		t.vectors[i].Base = &slab[m.start]
		t.vectors[i].SetLen(m.end - m.start)
		h.Control = nil
		h.SetControllen(0)
		if m.count() > 1 {
			binary.NativeEndian.PutUint16(t.controls[i][unix.SizeofCmsghdr:], uint16(m.segment))
			h.Control = &t.controls[i][0]
			h.SetControllen(controlSize)
		}
	}
	t.first, t.count = 0, len(messages)
	for t.first < t.count {
		if err := t.socket.raw.Control(t.call); err != nil {
			return
		}
		switch t.errno {
		case 0, unix.EINTR:
			continue
		case unix.EAGAIN:
			if !t.socket.drain() {
				return
			}
			continue
		}
		m := messages[t.first]
		t.first++
		if m.count() == 1 {
			continue
		}
		switch t.errno {
		case unix.EIO, unix.ENOPROTOOPT, unix.EOPNOTSUPP:
			// The device or kernel cannot segment at all.
			t.socket.segments.Store(false)
			t.split(slab, m)
		case unix.EINVAL, unix.EMSGSIZE:
			// Not on this path: a segment exceeds its MTU.
			t.split(slab, m)
		}
	}
}

// fullFor is how long a full buffer may stay full: what waits longer is as good as lost.
const fullFor = 100 * time.Millisecond

// drain waits until the socket's buffer has room again.
func (s *platformSocket) drain() (ok bool) {
	_ = s.raw.Control(func(fd uintptr) {
		room := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
		n, err := unix.Poll(room, int(fullFor/time.Millisecond))
		ok = n > 0 || err == unix.EINTR
	})
	return ok
}

// split sends a run as single datagrams.
func (t *transmitter) split(slab []byte, m message) {
	for at := m.start; at < m.end; at += m.segment {
		t.socket.writeTo(slab[at:min(at+m.segment, m.end)], m.to.addr)
	}
}
