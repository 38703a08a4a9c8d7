package poller

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// mostPieces is how many buffers one system call writes here.
const mostPieces = 64

// Write gives a plain connection, by its descriptor, as much of the buffers as it takes at once, and tells how much that was: 0 when it would have
// to wait. The system calls are raw, of which Go's scheduler is not told, for they never block: told of each, it wakes its monitor thread,
// which looks every 20 us whether the call has returned.
func Write(fd uintptr, bufs [][]byte) (n int, err error) {
	for len(bufs) > 0 {
		var pieces [mostPieces]unix.Iovec
		count, size := 0, 0
		for ; len(bufs) > 0 && count < mostPieces; bufs = bufs[1:] {
			if b := bufs[0]; len(b) > 0 {
				pieces[count].Base = unsafe.SliceData(b)
				pieces[count].SetLen(len(b))
				count, size = count+1, size+len(b)
			}
		}
		if count == 0 {
			return n, nil
		}
		message := unix.Msghdr{Iov: &pieces[0]}
		message.SetIovlen(count)
		took, _, errno := unix.RawSyscall(unix.SYS_SENDMSG, fd, uintptr(unsafe.Pointer(&message)), unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
		switch errno {
		case 0:
		case syscall.EAGAIN, syscall.EINTR:
			return n, nil
		default:
			return n, errno
		}
		if n += int(took); int(took) < size {
			return n, nil
		}
	}
	return n, nil
}
