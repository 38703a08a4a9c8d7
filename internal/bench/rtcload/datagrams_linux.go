//go:build linux && (amd64 || arm64)

package rtcload

import (
	"net"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// batchSize is how many datagrams a client reads at once: a picture's, mostly.
	batchSize   = 16
	maxDatagram = 2048
)

// batch is room for what one client reads at once. All clients share a few: between two reads none is needed.
type batch struct {
	headers [batchSize]header
	vectors [batchSize]unix.Iovec
	buffers [batchSize][maxDatagram]byte
	arrived [batchSize]arrival
}

// arrival is the control message by which the kernel tells when a datagram came (SO_TIMESTAMPNS).
type arrival struct {
	unix.Cmsghdr
	at unix.Timespec
}

// header is struct mmsghdr on 64-bit systems.
type header struct {
	unix.Msghdr
	length uint32
	_      [4]byte
}

var batches = sync.Pool{New: func() any {
	b := new(batch)
	for i := range b.headers {
		b.vectors[i].Base = &b.buffers[i][0]
		b.vectors[i].SetLen(maxDatagram)
		b.headers[i].Iov = &b.vectors[i]
		b.headers[i].SetIovlen(1)
		b.headers[i].Control = (*byte)(unsafe.Pointer(&b.arrived[i]))
	}
	return b
}}

// readDatagrams gives each datagram that comes to take, and when it came, until the socket is closed; take must not keep it. The clients
// share a core, so it reads as a server does: many at once, by raw system calls, which never block and of which Go's scheduler is not told;
// and since many wait for that core, it is the kernel that says when a datagram came, as it does to browsers.
func readDatagrams(udp *net.UDPConn, take func(datagram []byte, at time.Time)) {
	raw, err := udp.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) { _ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1) })
	_ = raw.Read(func(fd uintptr) bool {
		b := batches.Get().(*batch)
		defer batches.Put(b)
		for {
			for i := range b.headers {
				b.headers[i].SetControllen(int(unsafe.Sizeof(arrival{})))
			}
			n, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&b.headers)), batchSize,
				unix.MSG_DONTWAIT, 0, 0)
			switch {
			case errno == unix.EAGAIN:
				return false
			case errno == unix.EBADF:
				return true
			case errno != 0:
				continue // refused while the server is not there yet, or no longer: told once each
			}
			for i := range b.headers[:n] {
				take(b.buffers[i][:min(b.headers[i].length, maxDatagram)], b.when(i))
			}
			if n < batchSize {
				return false // what has come since makes the socket ready once more
			}
		}
	})
}

// when tells when a datagram of the batch came.
func (b *batch) when(i int) time.Time {
	a := &b.arrived[i]
	if b.headers[i].Controllen < uint64(unsafe.Sizeof(*a)) || a.Level != unix.SOL_SOCKET || a.Type != unix.SO_TIMESTAMPNS {
		return time.Now()
	}
	return time.Unix(a.at.Unix())
}
