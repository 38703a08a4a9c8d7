package audience

import (
	"errors"
	"net"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// sendBuffer is the kernel's send buffer for a client in bytes, unsentLimit what of it may wait to be sent first: a slow client is
	// noticed by us and does not fill memory.
	sendBuffer  = 64 << 10
	unsentLimit = 16 << 10
	// readAtOnce is how much is read from one client before it is the next one's turn.
	readAtOnce = 16 << 10
)

// poller reads from clients on plain connections, all from one goroutine, so that a client that says nothing costs no stack.
type poller struct {
	fd, wake int // epoll, eventfd
	done     chan struct{}

	mu      sync.Mutex
	clients map[uint64]*client
	last    uint64

	// The goroutine's own.
	buf  []byte
	read int
	err  error
	try  func(fd uintptr) bool
}

// newPoller fails where there is no epoll.
func newPoller() (*poller, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, err
	}
	wake, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err == nil {
		err = unix.EpollCtl(fd, unix.EPOLL_CTL_ADD, wake, &unix.EpollEvent{Events: unix.EPOLLIN})
	}
	if err != nil {
		unix.Close(fd)
		return nil, err
	}
	p := &poller{fd: fd, wake: wake, done: make(chan struct{}), clients: map[uint64]*client{}, buf: make([]byte, readAtOnce)}
	p.try = func(fd uintptr) bool {
		for {
			if p.read, p.err = unix.Read(int(fd), p.buf); p.err != unix.EINTR {
				return true
			}
		}
	}
	go p.run()
	return p, nil
}

// descriptorOf is the way to a connection's descriptor, nil where it is no plain one.
func descriptorOf(conn net.Conn) syscall.RawConn {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return nil
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return nil
	}
	raw.Control(func(fd uintptr) {
		unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_SNDBUF, sendBuffer)
		unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, unsentLimit)
	})
	return raw
}

// add reads from a client from now on, until it is over.
func (p *poller) add(c *client) error {
	p.mu.Lock()
	p.last++
	id := p.last
	c.polled = id
	p.clients[id] = c
	p.mu.Unlock()
	var err error
	failed := c.raw.Control(func(fd uintptr) {
		err = unix.EpollCtl(p.fd, unix.EPOLL_CTL_ADD, int(fd), &unix.EpollEvent{
			Events: unix.EPOLLIN | unix.EPOLLRDHUP, Fd: int32(uint32(id)), Pad: int32(uint32(id >> 32)),
		})
	})
	return errors.Join(failed, err)
}

// remove forgets a client; closing its connection has ended the rest.
func (p *poller) remove(c *client) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.clients, c.polled)
}

func (p *poller) find(id uint64) *client {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.clients[id]
}

// stop ends the goroutine, not the clients.
func (p *poller) stop() {
	unix.Write(p.wake, []byte{1, 0, 0, 0, 0, 0, 0, 0})
	<-p.done
	unix.Close(p.wake)
	unix.Close(p.fd)
}

func (p *poller) run() {
	defer close(p.done)
	events := make([]unix.EpollEvent, 256)
	for {
		n, err := unix.EpollWait(p.fd, events, -1)
		if err != nil && err != unix.EINTR {
			return
		}
		now := time.Now()
		for _, e := range events[:max(n, 0)] {
			id := uint64(uint32(e.Fd)) | uint64(uint32(e.Pad))<<32
			if id == 0 { // the eventfd
				return
			}
			if c := p.find(id); c != nil {
				p.readFrom(c, now)
			}
		}
	}
}

func (p *poller) readFrom(c *client, now time.Time) {
	switch err := c.raw.Read(p.try); {
	case err != nil:
		c.over()
	case p.err == unix.EAGAIN:
	case p.err != nil || p.read == 0:
		c.over()
	case !c.received(p.buf[:p.read], now):
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

// maxWritev is how many buffers one system call takes (IOV_MAX).
const maxWritev = 1024

func (w *writer) init() {
	w.try = func(fd uintptr) bool {
		for {
			if len(w.bufs) == 1 {
				w.n, w.err = unix.Write(int(fd), w.bufs[0])
			} else {
				w.n, w.err = unix.Writev(int(fd), w.bufs[:min(len(w.bufs), maxWritev)])
			}
			if w.err != unix.EINTR {
				return true
			}
		}
	}
}

// to tells how much a connection took; nothing when it would have had to wait.
func (w *writer) to(c *client, bufs [][]byte) (int, error) {
	w.bufs = bufs
	err := c.raw.Write(w.try)
	w.bufs = nil
	switch {
	case err != nil:
		return 0, err
	case w.err == unix.EAGAIN:
		return 0, nil
	case w.err != nil:
		return 0, w.err
	}
	return w.n, nil
}
