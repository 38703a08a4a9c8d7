package audienceload

import (
	"io"
	"net"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// receiver reads what a viewer is told, and tells when the kernel had it. All viewers share this process, which takes as long to read from
// thousands of connections as a server takes to write to them; viewers on machines of their own do not wait for one another.
type receiver struct {
	conn    net.Conn
	raw     syscall.RawConn // nil where the kernel does not tell
	message unix.Msghdr
	piece   unix.Iovec
	control [64]byte
	took    int
	errno   syscall.Errno
	try     func(fd uintptr) bool
}

func newReceiver(conn net.Conn) *receiver {
	r := &receiver{conn: conn}
	r.message.Iov, r.message.Control = &r.piece, &r.control[0]
	r.message.SetIovlen(1)
	r.try = r.receive
	c, ok := conn.(syscall.Conn)
	if !ok {
		return r
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return r
	}
	_ = raw.Control(func(fd uintptr) {
		if unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1) == nil {
			r.raw = raw
		}
	})
	return r
}

// read waits for something, and tells when the last of it had come. What came together with later words counts as late as they.
func (r *receiver) read(buf []byte) (n int, at time.Time, err error) {
	if r.raw == nil {
		n, err = r.conn.Read(buf)
		return n, time.Now(), err
	}
	r.piece.Base = &buf[0]
	r.piece.SetLen(len(buf))
	if err := r.raw.Read(r.try); err != nil {
		return 0, time.Time{}, err
	}
	switch {
	case r.errno != 0:
		return 0, time.Time{}, r.errno
	case r.took == 0:
		return 0, time.Time{}, io.EOF
	}
	return r.took, r.stamp(), nil
}

// receive is one raw system call, as it never waits.
func (r *receiver) receive(fd uintptr) bool {
	r.message.SetControllen(len(r.control))
	took, _, errno := unix.RawSyscall(unix.SYS_RECVMSG, fd, uintptr(unsafe.Pointer(&r.message)), unix.MSG_DONTWAIT)
	r.took, r.errno = int(took), errno
	return errno != unix.EAGAIN && errno != unix.EINTR
}

// stamp is the time that the kernel told.
func (r *receiver) stamp() time.Time {
	for rest := r.control[:r.message.Controllen]; len(rest) > 0; {
		header, data, next, err := unix.ParseOneSocketControlMessage(rest)
		if err != nil {
			break
		}
		if header.Level == unix.SOL_SOCKET && header.Type == unix.SCM_TIMESTAMPNS && len(data) >= int(unsafe.Sizeof(unix.Timespec{})) {
			return time.Unix((*unix.Timespec)(unsafe.Pointer(&data[0])).Unix())
		}
		rest = next
	}
	return time.Now()
}
