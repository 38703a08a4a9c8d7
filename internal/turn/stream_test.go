package turn

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/stun/v4"
)

// messages reads what a stream makes of some bytes.
func messages(t testing.TB, bytes []byte, room int) (list [][]byte, err error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	there, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer there.Close()
	g := testGate(time.Unix(2_000_000_000, 0))
	s := newStreams(g, Limits{}.withDefaults(), g.count)
	here, err := s.listener(l, nil).Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer here.Close()
	go func() {
		there.Write(bytes)
		there.(*net.TCPConn).CloseWrite()
	}()
	for {
		b := make([]byte, room)
		n, err := here.Read(b)
		if err != nil {
			return list, err
		}
		list = append(list, b[:n])
	}
}

func TestStreamIsCutIntoMessages(t *testing.T) {
	binding := message(t, stun.BindingRequest)
	channel := func(declared uint16, bytes int) []byte {
		b := make([]byte, 4+bytes)
		binary.BigEndian.PutUint16(b, 0x4001)
		binary.BigEndian.PutUint16(b[2:], declared)
		return b
	}
	stunOf := func(declared uint16, bytes int) []byte {
		b := append([]byte(nil), binding...)
		binary.BigEndian.PutUint16(b[2:], declared)
		return append(b, make([]byte, bytes)...)
	}
	for _, c := range []struct {
		name  string
		bytes [][]byte
		sizes []int
		err   error
	}{
		{"messages", [][]byte{binding, channel(4, 4), channel(5, 8), binding}, []int{20, 8, 12, 20}, io.EOF},
		{"empty channel data", [][]byte{channel(0, 0), binding}, []int{4, 20}, io.EOF},
		{"what is too long is left out", [][]byte{channel(2000, 2000), binding, stunOf(3000, 3000), binding}, []int{20, 20}, io.EOF},
		// With these lengths pion's own framing comes to 0 bytes and spins.
		{"channel data of 65532 bytes", [][]byte{channel(0xfffc, 0xfffc), binding}, []int{20}, io.EOF},
		{"channel data of 65535 bytes", [][]byte{channel(0xffff, 0x10000), binding}, []int{20}, io.EOF},
		{"STUN of 65516 bytes", [][]byte{stunOf(0xffec, 0xffec), binding}, []int{20}, io.EOF},
		{"cut off", [][]byte{binding, channel(8, 2)}, []int{20}, io.ErrUnexpectedEOF},
		{"cut off in what is left out", [][]byte{channel(0xfffc, 100)}, nil, io.EOF},
		{"HTTP", [][]byte{[]byte("\xffGET / HTTP/1.1\r\n\r\n")}, nil, errNotTURN},
		{"a length that STUN cannot have", [][]byte{stunOf(3, 3)}, nil, errNotTURN},
		{"an unknown channel", [][]byte{{0x80, 0, 0, 0}}, nil, errNotTURN},
	} {
		t.Run(c.name, func(t *testing.T) {
			var bytes []byte
			for _, b := range c.bytes {
				bytes = append(bytes, b...)
			}
			list, err := messages(t, bytes, 1600)
			var sizes []int
			for _, m := range list {
				sizes = append(sizes, len(m))
			}
			if len(sizes) != len(c.sizes) || !errors.Is(err, c.err) {
				t.Fatalf("messages of %v bytes, %v; want %v, %v", sizes, err, c.sizes, c.err)
			}
			for i := range sizes {
				if sizes[i] != c.sizes[i] {
					t.Fatalf("messages of %v bytes, want %v", sizes, c.sizes)
				}
			}
		})
	}
}

func FuzzStream(f *testing.F) {
	f.Add(append(message(f, stun.BindingRequest), 0x40, 0, 0, 1, 9, 0, 0, 0))
	f.Add([]byte{0x40, 0, 0xff, 0xfc, 1, 2, 3, 4, 5})
	f.Fuzz(func(t *testing.T, b []byte) {
		here, there := net.Pipe()
		g := testGate(time.Unix(2_000_000_000, 0))
		s := newStreams(g, Limits{}.withDefaults(), g.count)
		go func() {
			there.Write(b)
			there.Close()
		}()
		c := s.wrap(here, loopback4)
		total := 0
		for {
			p := make([]byte, 1600)
			n, err := c.Read(p)
			if err != nil {
				break
			}
			if n < 4 || n >= len(p) {
				t.Fatalf("a message of %d bytes", n)
			}
			total += n
		}
		here.Close()
		if total > len(b) {
			t.Fatalf("%d bytes out of %d", total, len(b))
		}
	})
}

// slowDeadline is a connection that takes its time to move the deadline, which has passed until then.
type slowDeadline struct {
	net.Conn
	moving chan struct{} // a token for each that moves it
	goOn   chan struct{}
	moved  atomic.Bool
}

func (c *slowDeadline) SetWriteDeadline(time.Time) error {
	c.moving <- struct{}{}
	<-c.goOn
	c.moved.Store(true)
	return nil
}

func (c *slowDeadline) Write(b []byte) (int, error) {
	if !c.moved.Load() {
		return 0, os.ErrDeadlineExceeded
	}
	return len(b), nil
}

func (c *slowDeadline) Close() error { return nil }

// After a silence an answer and relayed data may be written at the same moment.
func TestNobodyWritesWithAnOldDeadline(t *testing.T) {
	conn := &slowDeadline{moving: make(chan struct{}, 2), goOn: make(chan struct{})}
	c := &stream{Conn: conn}
	failures := make(chan error, 2)
	write := func() {
		_, err := c.Write([]byte("x"))
		failures <- err
	}
	go write()
	<-conn.moving
	go write()
	select {
	case <-conn.moving: // the second waits too
	case err := <-failures:
		failures <- err
	}
	close(conn.goOn)
	for range 2 {
		if err := <-failures; err != nil {
			t.Error(err)
		}
	}
}
