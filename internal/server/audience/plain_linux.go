package audience

import (
	"net"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tuttilive/tutti/internal/poller"
)

const (
	// sendBuffer is the kernel's send buffer for a client in bytes, unsentLimit what of it may wait to be sent first: a slow client is
	// noticed by us and does not fill memory.
	sendBuffer  = 64 << 10
	unsentLimit = 16 << 10
	// readAtOnce is how much is read from one client before it is the next one's turn.
	readAtOnce = 16 << 10
)

// descriptorOf is the way to a connection's descriptor, nil where it is no plain one.
func descriptorOf(conn net.Conn) syscall.RawConn {
	raw := poller.Descriptor(conn)
	if raw != nil {
		raw.Control(func(fd uintptr) {
			unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_SNDBUF, sendBuffer)
			unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, unsentLimit)
		})
	}
	return raw
}

// intake reads from clients. It belongs to the poller's goroutine.
type intake struct {
	buf  []byte
	read int
	err  error
	try  func(fd uintptr) bool
}

func newIntake() *intake {
	in := &intake{buf: make([]byte, readAtOnce)}
	in.try = func(fd uintptr) bool {
		for {
			if in.read, in.err = unix.Read(int(fd), in.buf); in.err != unix.EINTR {
				return true
			}
		}
	}
	return in
}

func (in *intake) from(c *client, now time.Time) {
	switch err := c.raw.Read(in.try); {
	case err != nil:
		c.over()
	case in.err == unix.EAGAIN:
	case in.err != nil || in.read == 0:
		c.over()
	case !c.received(in.buf[:in.read], now):
		c.over()
	}
}

// writer writes to descriptors without waiting. It belongs to one goroutine.
type writer struct {
	scratch [][]byte
	bufs    [][]byte
	n       int
	err     error
	try     func(fd uintptr) bool
}

func (w *writer) init() {
	w.try = func(fd uintptr) bool {
		w.n, w.err = poller.Write(fd, w.bufs)
		return true
	}
}

// to tells how much a connection took; nothing when it would have had to wait.
func (w *writer) to(c *client, bufs [][]byte) (int, error) {
	w.bufs = bufs
	err := c.raw.Write(w.try)
	w.bufs = nil
	if err != nil {
		return 0, err
	}
	return w.n, w.err
}
