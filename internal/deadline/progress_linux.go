package deadline

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// progressOf is the zero value where nobody knows.
func progressOf(l *connection) (p progress) {
	if l == nil {
		return p
	}
	control(l.Conn, func(fd int) {
		if info, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO); err == nil {
			p = progress{acked: info.Bytes_acked, waiting: info.Unacked > 0 || info.Notsent_bytes > 0}
		}
	})
	return p
}

// takeEvenly has a connection that answers share take what is written as it is sent, and not a third of the kernel's buffer at once: how much of that
// would be whose nobody could tell.
func takeEvenly(c net.Conn) {
	control(c, func(fd int) { _ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, 2*stretch) }) // it takes more below the half of it
}

// control has f called with a connection's socket.
func control(c net.Conn, f func(fd int)) {
	if over, is := c.(interface{ NetConn() net.Conn }); is {
		c = over.NetConn()
	}
	plain, is := c.(syscall.Conn)
	if !is {
		return
	}
	if raw, err := plain.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) { f(int(fd)) })
	}
}
