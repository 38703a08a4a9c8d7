package hls

import "golang.org/x/sys/unix"

// read is called with a connection's descriptor. It never waits.
func (l *lane) read(fd uintptr) {
	for {
		if l.n, l.err = unix.Read(int(fd), l.buffer[:]); l.err != unix.EINTR {
			return
		}
	}
}

// hungUp tells whether the other side of a descriptor has closed. Bytes that are not read yet do not hide it.
func hungUp(fd uintptr) bool {
	p := [1]unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
	n, _ := unix.Poll(p[:], 0)
	return n > 0
}
