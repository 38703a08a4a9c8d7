//go:build linux && (amd64 || arm64)

package rtc

import (
	"encoding/binary"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/tuttilive/tutti/internal/media"
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

// platformSocket is what sending and receiving many datagrams in one system call needs. Go's poller does not know the socket: it would
// be woken by whatever comes, also while the reader gathers, and by what has left. The gates tell it when there is something to do.
type platformSocket struct {
	raw syscall.RawConn // of the socket
	// file owns the socket's descriptor.
	file    *os.File
	in, out *gate
	v6      bool
	// segments tells that the kernel cuts long sends into datagrams (UDP_SEGMENT). It is cleared when a device refuses.
	segments atomic.Bool
}

// open takes the socket from conn, which it closes unless it fails.
func (s *platformSocket) open(conn *net.UDPConn) (err error) {
	if s.file, err = unpolled(conn); err != nil {
		return err
	}
	if s.raw, err = s.file.SyscallConn(); err == nil {
		if s.in, err = newGate(s.raw); err == nil {
			s.out, err = newGate(s.raw)
		}
	}
	if err != nil {
		s.close()
		return err
	}
	conn.Close()
	return s.raw.Control(func(fd uintptr) {
		if name, err := unix.Getsockname(int(fd)); err == nil {
			_, s.v6 = name.(*unix.SockaddrInet6)
		}
		_, err := unix.GetsockoptInt(int(fd), unix.SOL_UDP, unix.UDP_SEGMENT)
		s.segments.Store(err == nil)
		_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1) // without it, what is read came when it is read
	})
}

// unpolled is conn's socket for whoever asks when it is ready by other means than Go's poller.
func unpolled(conn *net.UDPConn) (*os.File, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	var fd int
	if e := raw.Control(func(from uintptr) {
		if fd, err = unix.FcntlInt(from, unix.F_DUPFD_CLOEXEC, 0); err == nil {
			err = unix.SetNonblock(fd, false) // os.NewFile would tell Go's poller of one that does not block
		}
	}); e != nil {
		err = e
	}
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), "udp"), nil
}

// receiveBuffer is how many bytes the kernel keeps until they are read; 0 where it does not say.
func (s *platformSocket) receiveBuffer() (size int) {
	_ = s.raw.Control(func(fd uintptr) { size, _ = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF) })
	return size
}

// interrupt has a pending read return, and all that follow until resume.
func (s *platformSocket) interrupt() { s.in.interrupt() }

func (s *platformSocket) resume() { s.in.resume() }

func (s *platformSocket) close() error {
	for _, g := range []*gate{s.in, s.out} {
		if g != nil {
			g.close()
		}
	}
	return s.file.Close()
}

// writeTo sends one datagram without waiting, and tells whether the socket's buffer had room for it. An error is a lost datagram, which
// every protocol above survives.
func (s *platformSocket) writeTo(b []byte, addr netip.AddrPort) bool {
	to := s.destination(addr)
	var errno syscall.Errno
	_ = s.raw.Control(func(fd uintptr) {
		_, _, errno = unix.RawSyscall6(unix.SYS_SENDTO, fd, uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), unix.MSG_DONTWAIT,
			uintptr(unsafe.Pointer(&to.raw)), uintptr(to.size))
	})
	return !full(errno)
}

// full tells that sending failed for want of room in the socket's buffer.
func full(errno syscall.Errno) bool { return errno == unix.EAGAIN || errno == unix.EINTR }

// destination is an address in the kernel's form. It is immutable but for message.
type destination struct {
	addr    netip.AddrPort
	tcp     *tcpConn // where it is a connection
	message int      // the last one of a train that is for it, if that one is; the home shard's sender owns it
	raw     [addressSize]byte
	size    uint32
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
	socket  *socket
	take    func(n int, read time.Duration) (brought int, busy time.Duration)
	headers [batchSize]header
	vectors [batchSize]unix.Iovec
	names   [batchSize][addressSize]byte
	buffers [batchSize][maxDatagram]byte
	stamps  [batchSize]stamp
	wall    int64 // when the batch was read, in nanoseconds since 1970
	rest    rest

	n     int
	errno syscall.Errno
	call  func(fd uintptr)
}

// stamp is the control message by which the kernel tells when a datagram came (SO_TIMESTAMPNS).
type stamp struct {
	unix.Cmsghdr
	at unix.Timespec
}

const stampSize = unsafe.Sizeof(stamp{})

// longestWait bounds how long a datagram can have waited to be read. More is a clock that was set meanwhile.
const longestWait = time.Second

// receiver makes one that gives each batch to take, with the media time at which it was read, which tells how many brought something for
// the first time in a restTime, and for how long the shard has worked in all; its datagrams are valid until that returns.
func (s *socket) receiver(take func(n int, read time.Duration) (brought int, busy time.Duration)) *receiver {
	r := &receiver{socket: s, take: take, rest: restWith(s.receiveBuffer())}
	for i := range r.headers {
		r.vectors[i].Base = &r.buffers[i][0]
		r.vectors[i].SetLen(maxDatagram)
		h := &r.headers[i]
		h.Iov = &r.vectors[i]
		h.SetIovlen(1)
		h.Name, h.Namelen = &r.names[i][0], addressSize
		h.Control = (*byte)(unsafe.Pointer(&r.stamps[i]))
		h.SetControllen(int(stampSize))
	}
	r.call = func(fd uintptr) {
		n, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&r.headers)), batchSize, unix.MSG_DONTWAIT, 0, 0)
		r.n, r.errno = int(n), errno
	}
	return r
}

// read takes batches until there is a reason to look around: an error, an interruption, or so much to read that others might starve.
func (r *receiver) read() error {
	r.errno = 0
	if err := r.socket.in.pass(r.batch); err != nil {
		return err
	}
	if r.errno != 0 {
		return r.errno
	}
	return nil
}

// batch takes one batch, if there is anything, and tells whether that is a reason to look around.
func (r *receiver) batch() bool {
	if err := r.socket.raw.Control(r.call); err != nil {
		r.n, r.errno = 0, unix.EBADF
	}
	read, in := media.Now(), r.socket.in
	switch r.errno {
	case 0:
	case unix.EAGAIN, unix.EINTR:
		r.errno = 0
		if r.rest.over(read) {
			in.watch(unix.EPOLLIN)
		}
		return false
	default:
		return true
	}
	brought, busy := r.take(r.n, read)
	r.rest.note(r.n, brought, busy, read)
	for i := range r.n {
		r.headers[i].Namelen = addressSize
		r.headers[i].SetControllen(int(stampSize))
	}
	if r.n == batchSize {
		return true
	}
	// Where there was room for more, nothing more was there: it need not be asked only to hear that.
	if d := r.rest.begin(read, media.Now()); d > 0 && in.after(d) == nil {
		in.watch(0)
	} else {
		in.watch(unix.EPOLLIN)
	}
	return false
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

// took tells when the batch was read.
func (r *receiver) took(at time.Time) { r.wall = at.UnixNano() }

// waited is how long the i-th datagram of the batch lay in the socket before it was read; 0 where the kernel does not say.
func (r *receiver) waited(i int) time.Duration {
	h, s := &r.headers[i], &r.stamps[i]
	if h.Controllen < uint64(stampSize) || s.Level != unix.SOL_SOCKET || s.Type != unix.SO_TIMESTAMPNS {
		return 0
	}
	if d := time.Duration(r.wall - s.at.Nano()); 0 < d && d <= longestWait {
		return d
	}
	return 0
}

// transmitter sends batches. It belongs to the shard's sender.
type transmitter struct {
	socket   *socket
	headers  [batchSize]header
	vectors  [batchSize * maxPieces]unix.Iovec
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

// attempt sends what fits, and tells whether that was anything.
func (t *transmitter) attempt() bool {
	if err := t.socket.raw.Control(t.call); err != nil {
		t.errno = unix.EBADF
	}
	return !full(t.errno)
}

// wait tries until something fits: the socket's buffer is full.
func (t *transmitter) wait(try func() bool) error {
	gate := t.socket.out
	gate.watch(unix.EPOLLOUT)
	defer gate.watch(0)
	return gate.pass(try)
}

// datagram sends one by itself; it waits while the socket's buffer is full.
func (t *transmitter) datagram(b []byte, addr netip.AddrPort) {
	if !t.socket.writeTo(b, addr) {
		_ = t.wait(func() bool { return t.socket.writeTo(b, addr) }) // it fails when the socket is closed
	}
}

// canSegment tells whether a message may hold more than one datagram.
func (s *platformSocket) canSegment() bool { return s.segments.Load() }

// send sends all messages, at most batchSize; it waits while the socket's buffer is full. What the kernel refuses is
// lost, except that a device that cannot segment gets single datagrams.
func (t *transmitter) send(slab []byte, messages []message) {
	vectors := t.vectors[:0]
	for i := range messages {
		m := &messages[i]
		h := &t.headers[i]
		h.Name, h.Namelen = &m.to.raw[0], m.to.size
		first := len(vectors)
		for _, p := range m.parts() {
			vectors = append(vectors, unix.Iovec{Base: &slab[p.start], Len: uint64(p.end - p.start)})
		}
		h.Iov = &vectors[first]
		h.SetIovlen(len(vectors) - first)
		h.Control = nil
		h.SetControllen(0)
		if m.count > 1 {
			binary.NativeEndian.PutUint16(t.controls[i][unix.SizeofCmsghdr:], uint16(m.segment))
			h.Control = &t.controls[i][0]
			h.SetControllen(controlSize)
		}
	}
	t.first, t.count = 0, len(messages)
	for t.first < t.count {
		if !t.attempt() && t.wait(t.attempt) != nil {
			return
		}
		if t.errno == 0 {
			continue
		}
		m := &messages[t.first]
		t.first++
		if m.count == 1 {
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

// split sends a run as single datagrams.
func (t *transmitter) split(slab []byte, m *message) {
	for _, p := range m.parts() {
		for at := p.start; at < p.end; at += m.segment {
			t.datagram(slab[at:min(at+m.segment, p.end)], m.to.addr)
		}
	}
}
