package fanout

import (
	"errors"

	"golang.org/x/sys/unix"
)

// writeSome writes buffers to a non-blocking descriptor with one system call and tells how much it took; nothing when it
// would have to wait.
func writeSome(fd int, bufs [][]byte) (n int, err error) {
	for {
		if len(bufs) == 1 {
			n, err = unix.Write(fd, bufs[0])
		} else {
			n, err = unix.Writev(fd, bufs)
		}
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EAGAIN):
			return 0, nil
		case err != nil:
			return 0, err
		}
		return n, nil
	}
}

// keepShort bounds what the kernel queues for a viewer beyond what is on its way, so that a slow one is noticed by us and
// does not fill memory.
func keepShort(fd int) {
	unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, sendBuffer)
	unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, unsentLimit)
}
