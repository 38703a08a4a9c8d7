//go:build linux

package poller

import (
	"net"
	"syscall"
	"testing"
	"time"
)

// patience is how long a test waits for what must happen.
const patience = 30 * time.Second

type reader chan struct{}

func (r reader) Readable() { r <- struct{}{} }

func pair(t *testing.T) (ours, theirs net.Conn, raw syscall.RawConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if theirs, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if ours, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ours.Close(); theirs.Close() })
	return ours, theirs, Descriptor(ours)
}

func newPoller(t *testing.T) *Poller {
	t.Helper()
	p, err := New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

func (r reader) told(t *testing.T) {
	t.Helper()
	select {
	case <-r:
	case <-time.After(patience):
		t.Fatal("not told")
	}
}

func TestOnceIsToldOncePerWatch(t *testing.T) {
	p := newPoller(t)
	ours, theirs, raw := pair(t)
	told := make(reader, 8)
	id, err := p.WatchOnce(told, raw)
	if err != nil {
		t.Fatal(err)
	}
	theirs.Write([]byte("ab"))
	told.told(t)
	theirs.Write([]byte("c"))
	// Another connection's turn comes after ours had its chance.
	_, others, second := pair(t)
	last := make(reader, 8)
	if _, err := p.WatchOnce(last, second); err != nil {
		t.Fatal(err)
	}
	others.Write([]byte("x"))
	last.told(t)
	if len(told) > 0 {
		t.Error("told twice of one watch")
	}
	if err := p.WatchAgain(id, raw); err != nil { // there is something already
		t.Fatal(err)
	}
	told.told(t)
	ours.Read(make([]byte, 8))
	if err := p.WatchAgain(id, raw); err != nil {
		t.Fatal(err)
	}
	theirs.Close()
	told.told(t)
}

func TestForgottenAndClosed(t *testing.T) {
	p := newPoller(t)
	_, theirs, raw := pair(t)
	told := make(reader, 8)
	id, err := p.WatchOnce(told, raw)
	if err != nil {
		t.Fatal(err)
	}
	p.Forget(id)
	theirs.Write([]byte("a"))
	_, others, second := pair(t)
	last := make(reader, 8)
	if _, err := p.WatchOnce(last, second); err != nil {
		t.Fatal(err)
	}
	others.Write([]byte("x"))
	last.told(t)
	if len(told) > 0 {
		t.Error("told of a connection that was forgotten")
	}
	p.Close()
	if err := p.WatchAgain(id, raw); err == nil {
		t.Error("a closed poller watches")
	}
	p.Close() // as often as one likes
}
