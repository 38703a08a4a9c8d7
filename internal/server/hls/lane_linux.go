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

// try is called with a connection's descriptor. It never waits.
func (w *scribe) try(fd uintptr) {
	for {
		if len(w.out) == 1 {
			w.n, w.err = unix.Write(int(fd), w.out[0])
		} else {
			w.n, w.err = unix.Writev(int(fd), w.out)
		}
		switch w.err {
		case unix.EINTR:
			continue
		case unix.EAGAIN:
			w.n, w.err = 0, nil
		}
		w.n = max(w.n, 0)
		return
	}
}
