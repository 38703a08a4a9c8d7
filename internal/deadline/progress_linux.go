package deadline

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// progress tells how many bytes the other side of a connection has acknowledged, and whether there are more that it has not; ok is false where nobody knows.
func progress(c net.Conn) (acked uint64, waiting, ok bool) {
	if over, is := c.(interface{ NetConn() net.Conn }); is {
		c = over.NetConn()
	}
	plain, is := c.(syscall.Conn)
	if !is {
		return 0, false, false
	}
	raw, err := plain.SyscallConn()
	if err != nil {
		return 0, false, false
	}
	_ = raw.Control(func(fd uintptr) {
		if info, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO); err == nil {
			acked, waiting, ok = info.Bytes_acked, info.Unacked > 0 || info.Notsent_bytes > 0, true
		}
	})
	return acked, waiting, ok
}
