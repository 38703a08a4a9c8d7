package hls

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// cut gives a body of a size in pieces of another.
func cut(size, piece int) (whole []byte, body [][]byte) {
	for i := range size {
		whole = append(whole, byte(i%251))
	}
	for rest := whole; len(rest) > 0; rest = rest[min(piece, len(rest)):] {
		body = append(body, rest[:min(piece, len(rest))])
	}
	return whole, body
}

func TestBodiesArriveWhole(t *testing.T) {
	for _, size := range []int{0, 1, finish - 1, finish, finish + 1, 2*finish - 1, 2 * finish, 2*finish + 1, 20_000, stretch, stretch + 1, stretch + finish, 3*stretch + 77} {
		for _, piece := range []int{1000, 4096, 70_000} {
			whole, body := cut(size, piece)
			told := make(chan int, 1)
			h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Length", fmt.Sprint(size))
				sum := 0
				deliver(w, r, body, size, func(n int) { sum += n })
				told <- sum
			})
			for _, second := range []bool{false, true} {
				server := httptest.NewUnstartedServer(h)
				server.EnableHTTP2 = second
				server.StartTLS()
				r, err := server.Client().Get(server.URL)
				if err != nil {
					t.Fatal(err)
				}
				got, err := io.ReadAll(r.Body)
				r.Body.Close()
				if sum := <-told; err != nil || !bytes.Equal(got, whole) || sum != size || (r.ProtoMajor == 2) != second {
					t.Errorf("%s, %d bytes in pieces of %d: %d came, %d were told of, %v", r.Proto, size, piece, len(got), sum, err)
				}
				server.Close()
			}
		}
	}
}

// second serves a handler over HTTP/2 and asks for something with a window of that size. What the server sends comes to frames, until the
// function says that it is enough.
func second(t *testing.T, h http.HandlerFunc, window uint32, frames func(http2.Frame) (more bool)) {
	t.Helper()
	here, there := net.Pipe()
	listener := &pipes{conns: make(chan net.Conn, 1), done: make(chan struct{})}
	listener.conns <- there
	server := &http.Server{Handler: h, Protocols: new(http.Protocols)}
	server.Protocols.SetUnencryptedHTTP2(true)
	go server.Serve(listener)
	framer := http2.NewFramer(here, here)
	var head bytes.Buffer
	names := hpack.NewEncoder(&head)
	for _, f := range []hpack.HeaderField{{Name: ":method", Value: "GET"}, {Name: ":scheme", Value: "http"}, {Name: ":authority", Value: "x"}, {Name: ":path", Value: "/"}} {
		names.WriteField(f)
	}
	go func() { // a pipe holds nothing
		io.WriteString(here, http2.ClientPreface)
		framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: window})
		framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: head.Bytes(), EndStream: true, EndHeaders: true})
	}()
	for {
		f, err := framer.ReadFrame()
		if err != nil {
			t.Errorf("the connection ended: %v", err)
			break
		}
		if !frames(f) {
			break
		}
	}
	close(listener.done)
	server.Close()
	here.Close()
}

// TestAPartIsTwoFrames, and a larger one as many as it fills and one more: each is a record of TLS, a write to the connection and a turn of the
// server's goroutines.
func TestAPartIsTwoFrames(t *testing.T) {
	for _, test := range []struct{ size, frames int }{
		{finish, 1}, {11_000, 2}, {stretch + finish, 2}, {stretch + finish + 1, 3}, {40_000, 4}, {3*stretch + finish, 4},
	} {
		synctest.Test(t, func(t *testing.T) {
			_, body := cut(test.size, 700)
			var sizes []uint32
			second(t, func(w http.ResponseWriter, r *http.Request) { deliver(w, r, body, test.size, func(int) {}) }, 1<<20, func(f http2.Frame) bool {
				d, data := f.(*http2.DataFrame)
				if data {
					sizes = append(sizes, d.Length)
				}
				return !data || !d.StreamEnded()
			})
			if len(sizes) != test.frames || sizes[len(sizes)-1] == 0 {
				t.Errorf("%d bytes: frames of %d bytes", test.size, sizes)
			}
		})
	}
}
