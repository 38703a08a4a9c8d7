package deadline

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"golang.org/x/net/http2"
)

const take = time.Second // of these tests, which need the kernel, and its time

// TestWhoTakesSteadily is not let go, though the kernel takes nothing more for longer than an answer may stand still; who stops taking is.
func TestWhoTakesSteadily(t *testing.T) {
	t.Parallel()
	for name, ask := range map[string]func(net.Conn){
		"HTTP/1.1":   func(c net.Conn) { io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n") },
		"taken over": func(c net.Conn) { io.WriteString(c, "GET /over HTTP/1.1\r\nHost: x\r\n\r\n") },
		"HTTP/2": func(c net.Conn) {
			framer := http2.NewFramer(c, nil)
			preface(c, framer, 1<<30)
			framer.WriteWindowUpdate(0, 1<<30)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			let := make(chan error, 1)
			s := server(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/over" {
					let <- fill(w)
					return
				}
				c, _, err := http.NewResponseController(w).Hijack()
				if err != nil {
					let <- err
					return
				}
				defer c.Close()
				_, err = sendWithin(c, &net.Buffers{make([]byte, 64<<20)}, take)
				let <- err
			}), take)
			s.Protocols = new(http.Protocols)
			s.Protocols.SetHTTP1(true)
			s.Protocols.SetUnencryptedHTTP2(true)
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
			c.(*net.TCPConn).SetReadBuffer(1 << 20) // what is free of it is told only from a sixteenth on
			ask(c)
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
			began := time.Now()
			<-let
			if took := time.Since(began); took > 5*take {
				t.Errorf("let go after %v", took)
			}
		})
	}
}

// fill writes until it may not any more.
func fill(w io.Writer) error {
	for buf := make([]byte, 32<<10); ; {
		if _, err := w.Write(buf); err != nil {
			return err
		}
	}
}

// slow is a line of some MB a second, on which there is always something under way.
type slow struct{ net.Conn }

func (s slow) Read(b []byte) (int, error) {
	time.Sleep(2 * time.Millisecond)
	return s.Conn.Read(b[:min(len(b), 16<<10)])
}

// TestAnAnswerLeftLyingBesideOneThatIsTaken over HTTP/2 is given up as any is, and the other goes on.
func TestAnAnswerLeftLyingBesideOneThatIsTaken(t *testing.T) {
	t.Parallel()
	let := make(chan time.Duration, 1)
	s := httptest.NewUnstartedServer(nil)
	s.Config = server(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		fill(w)
		if r.URL.Path == "/left" {
			let <- time.Since(began)
		}
	}), take)
	s.EnableHTTP2 = true
	s.StartTLS()
	defer s.Close()
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true,
		DialContext: func(_ context.Context, network, addr string) (net.Conn, error) {
			c, err := net.Dial(network, addr)
			return slow{c}, err
		}}}
	var bodies [2]io.ReadCloser
	for i, path := range []string{"/taken", "/left"} {
		resp, err := client.Get(s.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		bodies[i] = resp.Body
	}
	taken := make(chan error, 1)
	go func() {
		_, err := io.Copy(io.Discard, bodies[0])
		taken <- err
	}()
	select {
	case took := <-let:
		if took < take {
			t.Errorf("given up after %v", took)
		}
	case <-time.After(10 * take):
		t.Error("it is not given up")
	}
	select {
	case err := <-taken:
		t.Errorf("the other ends too: %v", err)
	case <-time.After(take):
	}
}
