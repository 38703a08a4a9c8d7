//go:build !linux

package fanout

import "syscall"

// keepShort bounds what the kernel queues for a viewer.
func keepShort(fd int) {
	syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_SNDBUF, sendBuffer)
}
