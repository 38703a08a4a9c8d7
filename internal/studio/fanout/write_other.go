//go:build !linux

package fanout

import (
	"errors"
	"syscall"
)

// writeSome writes the first buffers to a non-blocking descriptor and tells how much it took; nothing when it would have
// to wait.
func writeSome(fd int, bufs [][]byte) (n int, err error) {
	for _, b := range bufs {
		written, err := syscall.Write(fd, b)
		switch {
		case errors.Is(err, syscall.EAGAIN), errors.Is(err, syscall.EINTR):
			return n, nil
		case err != nil:
			return n, err
		}
		if n += written; written < len(b) {
			return n, nil
		}
	}
	return n, nil
}

// keepShort bounds what the kernel queues for a viewer.
func keepShort(fd int) {
	syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_SNDBUF, sendBuffer)
}
