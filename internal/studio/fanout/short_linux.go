package fanout

import "golang.org/x/sys/unix"

// keepShort bounds what the kernel queues for a viewer beyond what is on its way, so that a slow one is noticed by us and
// does not fill memory.
func keepShort(fd int) {
	unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, sendBuffer)
	unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, unsentLimit)
}
