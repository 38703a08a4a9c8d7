package poller

import (
	"errors"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// errClosed is what a closed poller answers.
var errClosed = errors.New("poller: closed")

// Poller watches connections with an epoll of its own, for which Go's poller waits: a goroutine that waited in epoll_wait would keep the
// processor that Go lent it until the monitor thread takes it away, up to 10 ms, in which nothing else runs there. Its methods may be
// called from any goroutine.
type Poller struct {
	epoll *os.File
	raw   syscall.RawConn // of epoll
	done  chan struct{}

	mu      sync.Mutex
	readers map[ID]Reader
	last    ID
	closed  bool
}

// ID names a connection that is watched. 0 is none.
type ID uint64

// New starts a poller, which its maker closes. It fails where there is no epoll, or no more of it.
func New() (*Poller, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, err
	}
	if err := unix.SetNonblock(fd, true); err != nil { // else Go would not wait for it
		unix.Close(fd)
		return nil, err
	}
	epoll := os.NewFile(uintptr(fd), "epoll")
	raw, err := epoll.SyscallConn()
	if err == nil {
		err = epoll.SetReadDeadline(time.Time{}) // fails where Go does not wait for it, of which NewFile says nothing
	}
	if err != nil {
		epoll.Close()
		return nil, err
	}
	p := &Poller{epoll: epoll, raw: raw, done: make(chan struct{}), readers: map[ID]Reader{}}
	go p.run()
	return p, nil
}

// Descriptor is the way to a connection's descriptor, nil where it is no plain TCP connection.
func Descriptor(conn net.Conn) syscall.RawConn {
	if held, ok := conn.(interface{ Plain() *net.TCPConn }); ok {
		conn = held.Plain()
	}
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return nil
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return nil
	}
	return raw
}

// Watch tells r whenever there is something to read, until Forget.
func (p *Poller) Watch(r Reader, raw syscall.RawConn) (ID, error) {
	return p.add(r, raw, unix.EPOLLIN|unix.EPOLLRDHUP)
}

// WatchOnce tells r once, and after that once for each WatchAgain.
func (p *Poller) WatchOnce(r Reader, raw syscall.RawConn) (ID, error) {
	return p.add(r, raw, once)
}

const once = unix.EPOLLIN | unix.EPOLLRDHUP | unix.EPOLLONESHOT

// WatchAgain tells the reader of a connection once more, at once if there is something already.
func (p *Poller) WatchAgain(id ID, raw syscall.RawConn) error {
	return p.control(id, raw, unix.EPOLL_CTL_MOD, once)
}

func (p *Poller) add(r Reader, raw syscall.RawConn, events uint32) (ID, error) {
	p.mu.Lock()
	p.last++
	id := p.last
	p.readers[id] = r
	p.mu.Unlock()
	if err := p.control(id, raw, unix.EPOLL_CTL_ADD, events); err != nil {
		p.Forget(id)
		return 0, err
	}
	return id, nil
}

func (p *Poller) control(id ID, raw syscall.RawConn, op int, events uint32) (err error) {
	p.mu.Lock() // the descriptor is another's once the poller is closed
	defer p.mu.Unlock()
	if p.closed {
		return errClosed
	}
	failed := raw.Control(func(fd uintptr) {
		event := unix.EpollEvent{Events: events, Fd: int32(uint32(id)), Pad: int32(uint32(id >> 32))}
		if e := p.raw.Control(func(epoll uintptr) { err = unix.EpollCtl(int(epoll), op, int(fd), &event) }); e != nil {
			err = e
		}
	})
	return errors.Join(failed, err)
}

// Forget ends watching a connection that is closed, or about to be: that ends the rest.
func (p *Poller) Forget(id ID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.readers, id)
}

// Leave ends watching a connection that goes on elsewhere.
func (p *Poller) Leave(id ID, raw syscall.RawConn) {
	p.Forget(id)
	_ = p.control(id, raw, unix.EPOLL_CTL_DEL, 0) // a connection that is closed has left by itself
}

func (p *Poller) find(id ID) Reader {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.readers[id]
}

// Close ends the goroutine, not the connections.
func (p *Poller) Close() {
	p.mu.Lock()
	was := p.closed
	p.closed = true
	p.mu.Unlock()
	if was {
		return
	}
	p.epoll.Close()
	<-p.done
}

func (p *Poller) run() {
	defer close(p.done)
	events := make([]unix.EpollEvent, 256)
	_ = p.raw.Read(func(epoll uintptr) bool { // until it is closed
		for {
			n := ready(epoll, events)
			if n == 0 {
				return false // what comes from now on wakes us again
			}
			for _, e := range events[:n] {
				if r := p.find(ID(uint32(e.Fd)) | ID(uint32(e.Pad))<<32); r != nil {
					r.Readable()
				}
			}
		}
	})
}

// ready gives the connections that have something to read. It is a raw system call, as it never waits.
func ready(epoll uintptr, events []unix.EpollEvent) int {
	n, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, epoll, uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)), 0, 0, 0)
	if errno != 0 {
		return 0
	}
	return int(n)
}
