// Package deadline bounds how long clients of HTTP may take: to ask, to send what belongs to it, and to take the answer. Nothing bounds how long an
// answer may take as a whole: events, media and long files last for as long as they are taken.
package deadline

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"sync"
	"time"
)

const (
	// ask is how long the head of a request may take to come, and idle how long nothing may be asked for on a connection.
	ask  = 10 * time.Second
	idle = 2 * time.Minute
	// send is how long a body may take to come, and a second more for each so many bytes of it that came.
	send   = 10 * time.Second
	steady = 4 << 10
	// Take is how long a client may take nothing of its answer while there is something to take, or longer for stretch bytes. Where answers share a
	// connection nobody outside the HTTP server knows whose bytes are taken but by what was written: each piece has so long.
	Take    = 30 * time.Second
	stretch = 64 << 10
	piece   = 16 << 10
	// stuck is how long a connection that many answers share may take nothing while none of them is looked at.
	stuck = 5 * Take
	// maxHead bounds the head of a request in bytes.
	maxHead = 64 << 10
)

// Server is an HTTP server whose clients have only so much time.
func Server(next http.Handler) *http.Server { return server(next, Take) }

func server(next http.Handler, take time.Duration) *http.Server {
	return &http.Server{
		Handler: wrap(next, take), ReadHeaderTimeout: ask, IdleTimeout: idle, MaxHeaderBytes: maxHead,
		// Of a connection that many answers share nothing may be taken at all; what one of them does is looked at in answer.
		HTTP2: &http.HTTP2Config{WriteByteTimeout: stuck},
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, lineKey{}, &connection{Conn: c})
		},
	}
}

// connection is a request's connection.
type connection struct {
	net.Conn
	share sync.Once
}

type lineKey struct{}

// progress is how many bytes the other side of a connection has acknowledged, and whether there are more that it has not.
type progress struct {
	acked   uint64
	waiting bool
}

func wrap(next http.Handler, take time.Duration) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a := &answer{ResponseWriter: w, control: http.NewResponseController(w), take: take, shared: r.ProtoMajor > 1}
		if a.line, _ = r.Context().Value(lineKey{}).(*connection); a.line != nil && a.shared {
			a.line.share.Do(func() { takeEvenly(a.line.Conn) })
		}
		if r.ContentLength != 0 {
			r = a.expect(r)
		}
		next.ServeHTTP(a, r)
		if !a.taken {
			if a.wrote > stretch {
				_ = a.FlushError() // the end of it has its time too
			}
			_ = a.control.SetWriteDeadline(time.Now().Add(take)) // for what the HTTP server still has; it takes it back for the next request
		}
	})
}

// answer gives each write its time. It is of the handler's goroutine.
type answer struct {
	http.ResponseWriter
	control *http.ResponseController
	body    *body // nil without one
	taken   bool  // the connection is somebody else's

	line   *connection // nil where it is not known
	shared bool        // with other answers
	take   time.Duration
	wrote  int64 // bytes

	// clock ends a write that takes too long. A deadline that is set beforehand would have to be taken back: over HTTP/2 one that passes
	// ends what waits for something to write, and each costs a turn of the connection's goroutine.
	clock *time.Timer

	mu      sync.Mutex
	writing bool
	due     time.Time // when the clock is to be heard
	looked  bool      // once since the write began
	last    progress  // of the connection, when it was looked at last
}

func (a *answer) Write(b []byte) (written int, err error) {
	most := stretch
	if a.shared {
		most = piece
	}
	for {
		a.begin()
		n, err := a.ResponseWriter.Write(b[:min(len(b), most)])
		a.end()
		written += n
		a.wrote += int64(n)
		if b = b[n:]; err != nil || len(b) == 0 {
			return written, err
		}
	}
}

// FlushError is what http.ResponseController calls to flush.
func (a *answer) FlushError() error {
	a.begin()
	defer a.end()
	return a.control.Flush()
}

func (a *answer) begin() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.writing, a.looked = true, false
	first := a.take / 30
	a.due = time.Now().Add(first)
	if a.clock == nil {
		a.clock = time.AfterFunc(first, a.look)
	} else {
		a.clock.Reset(first)
	}
}

func (a *answer) end() {
	a.clock.Stop()
	a.mu.Lock() // whoever looks uses the response
	a.writing = false
	a.mu.Unlock()
}

// look is what the clock does: a write has taken a moment, and later, so long that it is over unless the other side acknowledges what was written before.
// It may do so steadily while the kernel takes nothing more: that has a socket wait until a third of its buffer is free, which can be more than a megabyte.
// Of a shared connection that says nothing: others' bytes may be what is acknowledged, while this answer's window stays closed.
func (a *answer) look() {
	a.mu.Lock()
	defer a.mu.Unlock()
	at := time.Now()
	if !a.writing || at.Before(a.due) {
		return
	}
	now, wait := progressOf(a.line), a.take
	switch {
	case !a.looked:
		wait -= a.take / 30
	case !a.shared && now.waiting && now.acked-a.last.acked >= stretch:
	case a.shared && now.waiting && now == a.last:
		a.line.Close() // which takes nothing, nor what would end the stream
		return
	default:
		_ = a.control.SetWriteDeadline(time.Unix(1, 0)) // where there is no such thing, it takes what it takes
	}
	a.looked, a.last, a.due = true, now, at.Add(wait)
	a.clock.Reset(wait)
}

// SetReadDeadline is what http.ResponseController calls. Whoever sets one has the body to themselves.
func (a *answer) SetReadDeadline(t time.Time) error {
	if a.body != nil {
		a.body.left.Store(true)
	}
	return a.control.SetReadDeadline(t)
}

// Hijack implements http.Hijacker.
func (a *answer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := a.control.Hijack()
	a.taken = a.taken || err == nil
	return conn, rw, err
}

// Unwrap is for http.ResponseController.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }
