package deadline

import (
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

// TestWhoTakesSteadily is not let go, though the kernel takes nothing more for longer than an answer may stand still; who stops taking is.
func TestWhoTakesSteadily(t *testing.T) {
	t.Parallel()
	const take = time.Second
	let := make(chan error, 1)
	s := server(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for buf := make([]byte, 32<<10); ; {
			if _, err := w.Write(buf); err != nil {
				let <- err
				return
			}
		}
	}), take)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go s.Serve(l)
	defer s.Close()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	io.CopyN(io.Discard, c, 32<<20) // so that buffers grow
	step := time.NewTicker(20 * time.Millisecond)
	defer step.Stop()
	for range 3 * take / (20 * time.Millisecond) {
		<-step.C
		if _, err := io.CopyN(io.Discard, c, 12<<10); err != nil { // 600 KiB a second
			t.Fatal(err)
		}
	}
	select {
	case err := <-let:
		t.Fatalf("let go: %v", err)
	default:
	}
	<-let
}
