//go:build linux && (amd64 || arm64)

package rtc

import (
	"errors"
	"net"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tuttilive/tutti/internal/media"
)

// gathering is how long the reader lets datagrams come together while they come in closer succession than that.
const gathering = 2 * time.Millisecond

// gate is where a shard's reader waits. While datagrams come now and then, each opens it. While they come close upon each
// other, a clock opens it, so that a batch costs one wake-up however many they are: waking up costs more than reading a
// datagram. It is an epoll of the socket and a timerfd, which Go's poller sees as one descriptor; a timer of Go's would wake
// its monitor thread as well. It belongs to the reader, but for the file's deadline.
type gate struct {
	file   *os.File
	raw    syscall.RawConn
	clock  int
	socket int // its number, valid as long as the socket is open
	last   time.Duration
	timed  bool // the clock opens it, not the socket

	read    func() (n int, err error)
	failure error
	opened  func(epoll uintptr) bool
}

func newGate(socket syscall.RawConn) (*gate, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, err
	}
	g := &gate{clock: -1}
	g.opened = g.open
	err = unix.SetNonblock(fd, true) // so that Go's poller takes it
	g.file = os.NewFile(uintptr(fd), "gate")
	if err == nil {
		g.raw, err = g.file.SyscallConn()
	}
	if err == nil {
		g.clock, err = unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK)
	}
	if err == nil {
		err = unix.EpollCtl(fd, unix.EPOLL_CTL_ADD, g.clock, &unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLET})
	}
	if err == nil {
		var failure error
		err = socket.Control(func(s uintptr) {
			g.socket = int(s)
			failure = unix.EpollCtl(fd, unix.EPOLL_CTL_ADD, int(s), &unix.EpollEvent{Events: unix.EPOLLIN})
		})
		err = errors.Join(err, failure)
	}
	if err != nil {
		g.close()
		return nil, err
	}
	return g, nil
}

// wait lets read take a batch whenever it is time to. It returns when read fails, when a batch was full, so that the reader can look
// around before the next, and when the file's deadline has passed.
func (g *gate) wait(read func() (n int, err error)) error {
	g.read, g.failure = read, nil
	if err := g.raw.Read(g.opened); err != nil {
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
		return net.ErrClosed
	}
	return g.failure
}

// open reads once and decides what opens the gate next. It tells whether to return.
func (g *gate) open(epoll uintptr) bool {
	n, err := g.read()
	if n == 0 && err == nil && g.timed && g.watch(epoll, unix.EPOLLIN) == nil {
		// What came in between opened nothing: the kernel tells of what is there already only where its list has not got it.
		g.timed = false
		n, err = g.read()
	}
	if g.failure = err; err != nil || n == batchSize {
		return true
	}
	if n == 0 && !g.timed {
		return false
	}
	now := media.Now()
	close := now-g.last < gathering
	g.last = now
	if !g.timed && close {
		g.timed = g.watch(epoll, 0) == nil
	}
	if g.timed {
		const later = int64(gathering)
		_ = unix.TimerfdSettime(g.clock, 0, &unix.ItimerSpec{Value: unix.Timespec{Nsec: later}}, nil)
	}
	return false
}

// watch sets what of the socket opens the gate from now on.
func (g *gate) watch(epoll uintptr, events uint32) error {
	return unix.EpollCtl(int(epoll), unix.EPOLL_CTL_MOD, g.socket, &unix.EpollEvent{Events: events})
}

func (g *gate) close() error {
	if g.clock >= 0 {
		unix.Close(g.clock)
	}
	return g.file.Close()
}
