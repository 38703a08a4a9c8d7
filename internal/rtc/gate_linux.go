//go:build linux && (amd64 || arm64)

package rtc

import (
	"errors"
	"net"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// gate lets one goroutine wait until a socket is ready, or for a time, without Go's poller being woken by anything else: an epoll with
// the socket and a timer, which Go's poller watches. A goroutine that waited for a timer of Go's would wake the monitor thread too. The
// socket owns it, and closes it when nobody passes any more; one goroutine passes, interrupt and resume are free for all.
type gate struct {
	epoll  *os.File
	raw    syscall.RawConn // of epoll
	timer  int
	events uint32 // of the socket that are waited for
	try    func() bool

	// What the two are called with is made once.
	passing func(epoll uintptr) bool
	change  func(epoll uintptr)
}

// newGate makes one that waits for nothing yet.
func newGate(socket syscall.RawConn) (*gate, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, err
	}
	timer, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		unix.Close(fd)
		return nil, err
	}
	_ = unix.SetNonblock(fd, true) // else Go would not wait for it
	g := &gate{epoll: os.NewFile(uintptr(fd), "epoll"), timer: timer}
	if g.raw, err = g.epoll.SyscallConn(); err == nil {
		err = unix.EpollCtl(fd, unix.EPOLL_CTL_ADD, timer, &unix.EpollEvent{Events: unix.EPOLLIN})
	}
	if err == nil {
		err = g.epoll.SetReadDeadline(time.Time{}) // fails where Go does not wait for it
	}
	failed := socket.Control(func(s uintptr) {
		if err == nil {
			err = unix.EpollCtl(fd, unix.EPOLL_CTL_ADD, int(s), &unix.EpollEvent{})
		}
	})
	if err = errors.Join(err, failed); err != nil {
		g.close()
		return nil, err
	}
	g.passing = func(uintptr) bool { return g.try() }
	var epoll int
	modify := func(s uintptr) {
		_ = unix.EpollCtl(epoll, unix.EPOLL_CTL_MOD, int(s), &unix.EpollEvent{Events: g.events})
	}
	g.change = func(fd uintptr) {
		epoll = int(fd)
		_ = socket.Control(modify)
	}
	return g, nil
}

// pass calls try now, and again whenever something happened since that is waited for, until it is true. It fails when it is interrupted
// (os.ErrDeadlineExceeded) and when the gate is closed (net.ErrClosed).
func (g *gate) pass(try func() bool) error {
	g.try = try
	err := g.raw.Read(g.passing)
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		return net.ErrClosed
	}
	return err
}

// watch waits for these events of the socket from now on, and for no others. Those that are there already count.
func (g *gate) watch(events uint32) {
	if g.events != events {
		g.events = events
		_ = g.raw.Control(g.change)
	}
}

// after lets something happen when a time has passed, instead of what it was told before. Where it fails nothing will.
func (g *gate) after(d time.Duration) error {
	return unix.TimerfdSettime(g.timer, 0, &unix.ItimerSpec{Value: unix.NsecToTimespec(int64(d))}, nil)
}

// interrupt ends a pass that is under way, and all others until resume.
func (g *gate) interrupt() { _ = g.epoll.SetReadDeadline(time.Unix(1, 0)) }

func (g *gate) resume() { _ = g.epoll.SetReadDeadline(time.Time{}) }

func (g *gate) close() {
	g.epoll.Close()
	unix.Close(g.timer)
}
