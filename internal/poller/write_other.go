//go:build !linux

package poller

import (
	"errors"
	"syscall"
)

// Write gives a plain connection, by its descriptor, as much of the buffers as it takes at once, and tells how much that was: 0 when it would have
// to wait.
func Write(fd uintptr, bufs [][]byte) (n int, err error) {
	for _, b := range bufs {
		took, err := syscall.Write(int(fd), b)
		switch {
		case errors.Is(err, syscall.EAGAIN), errors.Is(err, syscall.EINTR):
			return n, nil
		case err != nil:
			return n, err
		}
		if n += took; took < len(b) {
			return n, nil
		}
	}
	return n, nil
}
