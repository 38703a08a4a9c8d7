//go:build linux

package poller

import (
	"bytes"
	"io"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/limit"
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
	l = limit.NewConnections(0).Listen(l) // as those of HTTP are
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

func TestWriteGivesWhatIsTaken(t *testing.T) {
	ours, theirs, raw := pair(t)
	write := func(bufs [][]byte) (n int, err error) {
		if e := raw.Control(func(fd uintptr) { n, err = Write(fd, bufs) }); e != nil {
			t.Fatal(e)
		}
		return n, err
	}
	// More pieces than one system call takes, some of them empty.
	var pieces [][]byte
	var want []byte
	for i := range 3*mostPieces + 5 {
		piece := bytes.Repeat([]byte{byte(i)}, i%4)
		pieces, want = append(pieces, piece), append(want, piece...)
	}
	if n, err := write(pieces); n != len(want) || err != nil {
		t.Fatalf("%d of %d: %v", n, len(want), err)
	}
	got := make([]byte, len(want))
	theirs.SetReadDeadline(time.Now().Add(patience))
	if _, err := io.ReadFull(theirs, got); err != nil || !bytes.Equal(got, want) {
		t.Fatalf("something else came: %v", err)
	}
	if n, err := write([][]byte{{}, nil}); n != 0 || err != nil {
		t.Errorf("nothing: %d, %v", n, err)
	}
	// Nobody reads: first some of it is taken, then nothing.
	large := [][]byte{make([]byte, 32<<20), make([]byte, 1)}
	if n, err := write(large); n <= 0 || n >= 32<<20 || err != nil {
		t.Errorf("too much: %d, %v", n, err)
	}
	for {
		n, err := write(large)
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			break
		}
	}
	theirs.Close()
	ours.SetReadDeadline(time.Now().Add(patience))
	io.Copy(io.Discard, ours)
	if n, err := write(large); n != 0 || err == nil {
		t.Errorf("gone: %d, %v", n, err)
	}
}
