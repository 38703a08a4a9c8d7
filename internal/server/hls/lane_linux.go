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
