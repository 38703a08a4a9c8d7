//go:build linux && (amd64 || arm64)

package rtc

import (
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tuttilive/tutti/internal/media"
)

// TestADatagramCameBeforeItWasRead lets a datagram lie in the socket: it came when it came, however late the reader is.
func TestADatagramCameBeforeItWasRead(t *testing.T) {
	s, err := listenOne("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	from, err := net.Dial("udp", s.address.String())
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	lies := func(d time.Duration) (waited time.Duration) {
		t.Helper()
		sent := time.Now()
		if _, err := from.Write([]byte("hello")); err != nil {
			t.Fatal(err)
		}
		<-time.After(d)
		var in *receiver
		in = s.receiver(func(n int, _ time.Duration) (int, time.Duration) {
			in.took(time.Now())
			if b, _ := in.datagram(0); n != 1 || string(b) != "hello" {
				t.Errorf("%d datagrams, %q", n, b)
			}
			if waited = in.waited(0); waited > time.Since(sent) {
				t.Errorf("waited %v, sent %v ago", waited, time.Since(sent))
			}
			s.interrupt() // that was all
			return 0, 0
		})
		_ = in.read()
		s.resume()
		return waited
	}
	// The kernel begins to stamp a moment after the first socket has asked for it; what comes before has come when it is read.
	var waited time.Duration
	for range 100 {
		if waited = lies(50 * time.Millisecond); waited >= 50*time.Millisecond {
			break
		}
	}
	if waited < 50*time.Millisecond {
		t.Errorf("a datagram that lay for 50 ms waited %v", waited)
	}
	if waited := lies(longestWait + 100*time.Millisecond); waited != 0 {
		t.Errorf("one that lay for longer than is believed waited %v", waited)
	}
}

// TestArrivalsDoNotGoBack where the clock is set that the kernel stamps datagrams by: what comes later has come later.
func TestArrivalsDoNotGoBack(t *testing.T) {
	r := &reader{shard: &Shard{}, in: &receiver{}}
	at := time.Duration(0)
	for _, waited := range []time.Duration{10 * time.Millisecond, 900 * time.Millisecond, 2 * time.Second, 500 * time.Millisecond, 0} {
		s := &r.in.stamps[0]
		s.Level, s.Type, s.at = unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, unix.NsecToTimespec(time.Now().Add(-waited).UnixNano())
		r.in.headers[0].SetControllen(int(stampSize))
		r.batch(1, media.Now())
		if r.latest < at {
			t.Errorf("one that waited %v came %v before the last one", waited, at-r.latest)
		}
		at = r.latest
	}
}
