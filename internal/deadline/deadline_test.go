package deadline

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// line is a listener whose only connection is one end of a pipe, which holds nothing: what is written waits until it is read.
type line struct {
	far  chan net.Conn
	done chan struct{}
}

func (l *line) Accept() (net.Conn, error) {
	select {
	case c := <-l.far:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}
func (l *line) Close() error   { return nil }
func (l *line) Addr() net.Addr { return &net.TCPAddr{} }

// door serves a handler within a bubble, and gives the client's end of a connection to it. stop ends both.
func door(h http.HandlerFunc) (client net.Conn, stop func()) {
	near, far := net.Pipe()
	l := &line{make(chan net.Conn, 1), make(chan struct{})}
	l.far <- far
	server := Server(h)
	server.Protocols = new(http.Protocols)
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetUnencryptedHTTP2(true)
	go server.Serve(l)
	return near, func() {
		close(l.done)
		near.Close()
		server.Close()
		time.Sleep(time.Second) // the HTTP server gives clients a moment before it closes a connection
	}
}

// TestABodyThatDoesNotCome is given up, whether or not anybody reads it, and whoever waits is answered.
func TestABodyThatDoesNotCome(t *testing.T) {
	for name, test := range map[string]struct {
		h      http.HandlerFunc
		status int
	}{
		"read": {func(w http.ResponseWriter, r *http.Request) {
			if _, err := io.ReadAll(r.Body); err != nil {
				w.WriteHeader(http.StatusBadRequest)
			}
		}, 400},
		"read as far as it came": {func(w http.ResponseWriter, r *http.Request) { r.Body.Read(make([]byte, 1)) }, 200},
		"not read":               {func(w http.ResponseWriter, r *http.Request) {}, 200},
		"refused at length":      {func(w http.ResponseWriter, r *http.Request) { http.Error(w, strings.Repeat("no", 10_000), 401) }, 401},
	} {
		for kind, rest := range map[string]string{"a length": "Content-Length: 1000\r\n\r\nx", "chunks": "Transfer-Encoding: chunked\r\n\r\n3e8\r\nx"} {
			synctest.Test(t, func(t *testing.T) {
				client, stop := door(test.h)
				defer stop()
				began := time.Now()
				go io.WriteString(client, "POST / HTTP/1.1\r\nHost: x\r\n"+rest)
				answers := bufio.NewReader(client)
				answer, err := http.ReadResponse(answers, nil)
				if err != nil {
					t.Fatalf("%s, %s: %v", name, kind, err)
				}
				if _, err := io.Copy(io.Discard, answer.Body); err != nil || answer.StatusCode != test.status {
					t.Errorf("%s, %s: %s, %v", name, kind, answer.Status, err)
				}
				if _, err := answers.ReadByte(); err != io.EOF {
					t.Errorf("%s, %s: the connection goes on: %v", name, kind, err)
				}
				if took := time.Since(began); took < send || took > send+time.Second {
					t.Errorf("%s, %s: given up after %v", name, kind, took)
				}
			})
		}
	}
}

// TestABodyMayTakeItsTime as long as it comes, at 8 KiB a second but not at 1.
func TestABodyMayTakeItsTime(t *testing.T) {
	for perSecond, whole := range map[int]bool{8 << 10: true, 1 << 10: false} {
		synctest.Test(t, func(t *testing.T) {
			const size = 1 << 20
			came := make(chan int64, 1)
			client, stop := door(func(w http.ResponseWriter, r *http.Request) {
				n, _ := io.Copy(io.Discard, r.Body)
				came <- n
			})
			defer stop()
			go func() {
				fmt.Fprintf(client, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", size)
				for range size / perSecond {
					time.Sleep(time.Second)
					if _, err := client.Write(make([]byte, perSecond)); err != nil {
						return
					}
				}
			}()
			if n := <-came; (n == size) != whole {
				t.Errorf("at %d bytes a second, %d came", perSecond, n)
			}
		})
	}
}

// TestWhoHasSentAllMayWait: the deadline of a body ends with it, so that nobody who waits for an answer is taken for gone.
func TestWhoHasSentAllMayWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, stop := door(func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			r.Body.Read(make([]byte, 1))
			select {
			case <-r.Context().Done():
				w.WriteHeader(http.StatusTeapot)
			case <-time.After(time.Hour):
			}
		})
		defer stop()
		answers := bufio.NewReader(client)
		for range 2 { // and the connection has forgotten it
			go io.WriteString(client, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx")
			if answer, err := http.ReadResponse(answers, nil); err != nil || answer.StatusCode != 200 {
				t.Fatalf("%v, %v", answer, err)
			}
			time.Sleep(time.Minute)
		}
	})
}

// TestWhoSetsADeadlineHasIt: a test of bandwidth is over when its time is, however much comes.
func TestWhoSetsADeadlineHasIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		took := make(chan time.Duration, 1)
		client, stop := door(func(w http.ResponseWriter, r *http.Request) {
			began := time.Now()
			http.NewResponseController(w).SetReadDeadline(began.Add(time.Minute))
			io.Copy(io.Discard, r.Body)
			took <- time.Since(began)
		})
		defer stop()
		go func() {
			io.WriteString(client, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n")
			for {
				time.Sleep(100 * time.Millisecond)
				if _, err := client.Write(make([]byte, 10_000)); err != nil {
					return
				}
			}
		}()
		if d := <-took; d != time.Minute {
			t.Errorf("over after %v", d)
		}
	})
}

// TestWhoTakesNothing of an answer is let go: of one that is written, flushed, or left to the HTTP server.
func TestWhoTakesNothing(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"written": func(w http.ResponseWriter, _ *http.Request) { w.Write(make([]byte, 1<<20)) },
		"flushed": func(w http.ResponseWriter, _ *http.Request) { http.NewResponseController(w).Flush() },
		"left":    func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("x")) },
		"no body": func(w http.ResponseWriter, _ *http.Request) {},
	} {
		synctest.Test(t, func(t *testing.T) {
			client, stop := door(h)
			defer stop()
			io.WriteString(client, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
			time.Sleep(Take + time.Second)
			if b, err := io.ReadAll(client); len(b) > 0 || err != nil {
				t.Errorf("%s: %d bytes, %v", name, len(b), err)
			}
		})
	}
}

// TestALongAnswerMayTakeLong: 64 KiB each 20 s.
func TestALongAnswerMayTakeLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const size = 4 << 20
		client, stop := door(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(size))
			w.Write(make([]byte, size))
		})
		defer stop()
		io.WriteString(client, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		answer, err := http.ReadResponse(bufio.NewReader(client), nil)
		if err != nil {
			t.Fatal(err)
		}
		n, piece := 0, make([]byte, stretch)
		for {
			time.Sleep(20 * time.Second)
			some, err := io.ReadFull(answer.Body, piece)
			n += some
			if err != nil {
				break
			}
		}
		if n != size {
			t.Errorf("%d bytes came", n)
		}
	})
}

// TestATakenConnectionHasNoDeadlines.
func TestATakenConnectionHasNoDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, stop := door(func(w http.ResponseWriter, r *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			time.AfterFunc(time.Hour, func() {
				io.WriteString(conn, "late")
				conn.Close()
			})
		})
		defer stop()
		io.WriteString(client, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		if b, err := io.ReadAll(client); string(b) != "late" || err != nil {
			t.Errorf("%q, %v", b, err)
		}
	})
}

// second asks for something over HTTP/2 with a window of that size. What the server sends comes to frames, until the function says that it is enough.
func second(t *testing.T, h http.HandlerFunc, window uint32, frames func(http2.Frame) (more bool)) {
	t.Helper()
	client, stop := door(h)
	defer stop()
	framer := http2.NewFramer(client, client)
	go preface(client, framer, window)
	for {
		f, err := framer.ReadFrame()
		if err != nil {
			t.Errorf("the connection ended: %v", err)
			return
		}
		if !frames(f) {
			return
		}
	}
}

func preface(client net.Conn, framer *http2.Framer, window uint32) {
	var head bytes.Buffer
	names := hpack.NewEncoder(&head)
	for _, f := range []hpack.HeaderField{{Name: ":method", Value: "GET"}, {Name: ":scheme", Value: "http"}, {Name: ":authority", Value: "x"}, {Name: ":path", Value: "/"}} {
		names.WriteField(f)
	}
	io.WriteString(client, http2.ClientPreface)
	framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: window})
	framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: head.Bytes(), EndStream: true, EndHeaders: true})
}

// TestAStreamOfWhichNothingIsTaken over HTTP/2 ends, and its handler with it. A small answer is left to the HTTP server.
func TestAStreamOfWhichNothingIsTaken(t *testing.T) {
	for _, size := range []int{100, 11_000, 1 << 20} {
		synctest.Test(t, func(t *testing.T) {
			began, ended := time.Now(), make(chan struct{})
			second(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Write(make([]byte, size))
				close(ended)
			}, 0, func(f http2.Frame) bool {
				_, over := f.(*http2.RSTStreamFrame)
				return !over
			})
			<-ended
			if took := time.Since(began); took < Take || took > Take+time.Second {
				t.Errorf("%d bytes: let go after %v", size, took)
			}
		})
	}
}

// TestAConnectionOfWhichNothingIsTaken over HTTP/2: what ends a stream could not be sent on it either. Of a pipe nobody knows how much is taken.
func TestAConnectionOfWhichNothingIsTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began, ended := time.Now(), make(chan struct{})
		client, stop := door(func(w http.ResponseWriter, _ *http.Request) {
			w.Write(make([]byte, 1<<20))
			close(ended)
		})
		defer stop()
		framer := http2.NewFramer(client, client)
		go preface(client, framer, 1<<30)
		for { // until the answer begins
			f, err := framer.ReadFrame()
			if err != nil {
				t.Fatal(err)
			}
			if _, head := f.(*http2.HeadersFrame); head {
				break
			}
		}
		<-ended
		if took := time.Since(began); took > 2*stuck+time.Second { // twice, since something was taken at first
			t.Errorf("let go after %v", took)
		}
	})
}

// TestSilenceEndsNothing: who waits for an event has nothing to take.
func TestSilenceEndsNothing(t *testing.T) {
	h := func(w http.ResponseWriter, _ *http.Request) {
		for _, event := range []string{"one", "two"} {
			w.Write([]byte(event))
			http.NewResponseController(w).Flush()
			time.Sleep(time.Hour)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		client, stop := door(h)
		defer stop()
		io.WriteString(client, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		answer, err := http.ReadResponse(bufio.NewReader(client), nil)
		if err != nil {
			t.Fatal(err)
		}
		if b, err := io.ReadAll(answer.Body); string(b) != "onetwo" || err != nil {
			t.Errorf("%q, %v", b, err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		var told []byte
		second(t, h, 1<<20, func(f http2.Frame) bool {
			if d, ok := f.(*http2.DataFrame); ok {
				told = append(told, d.Data()...)
				return !d.StreamEnded()
			}
			return true
		})
		if string(told) != "onetwo" {
			t.Errorf("%q", told)
		}
	})
}
