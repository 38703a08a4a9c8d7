//go:build linux && (amd64 || arm64)

package rtc

import (
	"errors"
	"net"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func testSocket(t *testing.T) (*socket, net.Conn) {
	t.Helper()
	s, err := listenOne("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.close() })
	from, err := net.Dial("udp", s.address.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { from.Close() })
	return s, from
}

// TestAGateIsPassedForWhatIsWaitedFor and stays shut for all that comes and is not.
func TestAGateIsPassedForWhatIsWaitedFor(t *testing.T) {
	s, from := testSocket(t)
	g := s.in
	// passes tries until that was more often than so often; what is waited for is so from the first on.
	passes := func(often int, events uint32) (tries int, err error) {
		err = g.pass(func() bool {
			g.watch(events)
			tries++
			return tries > often
		})
		return tries, err
	}

	go func() { _, _ = from.Write([]byte("hello")) }()
	if _, err := passes(1, unix.EPOLLIN); err != nil { // at once, and for the datagram
		t.Fatal(err)
	}

	// While nothing of the socket is waited for, datagrams do not count, and time does.
	g.watch(0)
	const datagrams = 50
	sent, over := make(chan struct{}), false
	go func() {
		for range datagrams {
			_, _ = from.Write([]byte("hello"))
			<-time.After(time.Millisecond)
		}
		close(sent)
		if err := g.after(time.Millisecond); err != nil {
			t.Error(err)
		}
	}()
	tries := 0
	if err := g.pass(func() bool {
		tries++
		select {
		case <-sent:
			over = true
		default:
		}
		return over
	}); err != nil {
		t.Fatal(err)
	}
	if tries > datagrams/5 {
		t.Errorf("%d tries while %d datagrams came that nobody waited for", tries, datagrams)
	}

	if _, err := passes(1, unix.EPOLLIN); err != nil { // those that are there count
		t.Fatal(err)
	}

	g.interrupt()
	if _, err := passes(1<<30, 0); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("an interrupted pass ends with %v", err)
	}
	g.resume()
	if tries, err := passes(0, 0); tries != 1 || err != nil {
		t.Errorf("%d tries, %v after that", tries, err)
	}

	ended := make(chan error)
	go func() {
		_, err := passes(1<<30, 0)
		ended <- err
	}()
	s.close()
	if err := <-ended; !errors.Is(err, net.ErrClosed) {
		t.Errorf("a pass of a gate that is closed ends with %v", err)
	}
}

// TestWhatDoesNotFitIsSentWhenThereIsRoom lets the socket's buffer seem full once.
func TestWhatDoesNotFitIsSentWhenThereIsRoom(t *testing.T) {
	s, _ := testSocket(t)
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	out := newTrain(s, new(shardCounts))
	attempts, send := 0, out.out.call
	out.out.call = func(fd uintptr) {
		if attempts++; attempts == 1 {
			out.out.errno = unix.EAGAIN
			return
		}
		send(fd)
	}
	to := s.destination(conn.LocalAddr().(*net.UDPAddr).AddrPort())
	copy(out.room(), "hello")
	out.add(to, 5)
	out.flush()
	_ = conn.SetReadDeadline(time.Now().Add(time.Minute))
	var b [16]byte
	if n, err := conn.Read(b[:]); err != nil || string(b[:n]) != "hello" {
		t.Fatalf("%q, %v", b[:n], err)
	}
	if s.out.events != 0 {
		t.Error("room for more is waited for although nothing is to be sent")
	}
}

// TestAReaderThatRestsReadsAll that comes meanwhile, and one that cannot be woken does not rest.
func TestAReaderThatRestsReadsAll(t *testing.T) {
	t.Run("rests", func(t *testing.T) {
		s, from := testSocket(t)
		if rests := readAll(t, s, from); rests == 0 {
			t.Error("it did not rest")
		}
	})
	t.Run("has no timer", func(t *testing.T) {
		s, from := testSocket(t)
		unix.Close(s.in.timer)
		s.in.timer = -1
		readAll(t, s, from)
	})
}

// readAll reads a thousand datagrams as of many people, and tells how many rests began.
func readAll(t *testing.T, s *socket, from net.Conn) (rests int) {
	const datagrams = 1000
	read, until := 0, time.Duration(0)
	var in *receiver
	in = s.receiver(func(n int, _ time.Duration) (int, time.Duration) {
		read += n
		if in.rest.until != until {
			until = in.rest.until
			rests++
		}
		if read == datagrams {
			s.interrupt()
		}
		return 100 * n, 0
	})
	patience := time.AfterFunc(time.Minute, s.interrupt)
	defer patience.Stop()
	go func() {
		for i := range datagrams {
			_, _ = from.Write([]byte("hello"))
			if i%20 == 0 {
				<-time.After(5 * time.Millisecond) // also longer than a rest
			}
		}
	}()
	for {
		err := in.read()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if read != datagrams {
		t.Errorf("%d of %d datagrams", read, datagrams)
	}
	return rests
}
