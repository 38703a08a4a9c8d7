// Package deadline bounds how long clients of HTTP may take: to ask, to send what belongs to it, and to take the answer. Nothing bounds how long an
// answer may take as a whole: events, media and long files last for as long as they are taken.
package deadline

import (
	"bufio"
	"net"
	"net/http"
	"time"
)

const (
	// ask is how long the head of a request may take to come, and idle how long nothing may be asked for on a connection.
	ask  = 10 * time.Second
	idle = 2 * time.Minute
	// send is how long a body may take to come, and a second more for each so many bytes of it that came.
	send   = 10 * time.Second
	steady = 4 << 10
	// Take is how long a client may take nothing of its answer while there is something to take, or longer for stretch bytes.
	Take    = 30 * time.Second
	stretch = 64 << 10
	// maxHead bounds the head of a request in bytes.
	maxHead = 64 << 10
)

// Server is an HTTP server whose clients have only so much time.
func Server(next http.Handler) *http.Server {
	return &http.Server{
		Handler: wrap(next), ReadHeaderTimeout: ask, IdleTimeout: idle, MaxHeaderBytes: maxHead,
		// Of a connection that many answers share nothing may be taken at all; what one of them does is looked at in answer.
		HTTP2: &http.HTTP2Config{WriteByteTimeout: Take},
	}
}

func wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a := &answer{ResponseWriter: w, control: http.NewResponseController(w)}
		if r.ContentLength != 0 {
			r = a.expect(r)
		}
		next.ServeHTTP(a, r)
		if !a.taken {
			_ = a.control.SetWriteDeadline(time.Now().Add(Take)) // for what the HTTP server still has; it takes it back for the next request
		}
	})
}

// answer gives each write its time. It is of the handler's goroutine.
type answer struct {
	http.ResponseWriter
	control *http.ResponseController
	body    *body // nil without one
	taken   bool  // the connection is somebody else's

	// clock ends a write that takes too long, and tells so. A deadline that is set beforehand would have to be taken back: over HTTP/2 one that passes
	// ends what waits for something to write, and each costs a turn of the connection's goroutine.
	clock *time.Timer
	ended chan struct{}
}

func (a *answer) Write(b []byte) (written int, err error) {
	for {
		piece := b[:min(len(b), stretch)]
		a.begin()
		n, err := a.ResponseWriter.Write(piece)
		a.end()
		written += n
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
	if a.clock != nil {
		a.clock.Reset(Take)
		return
	}
	a.ended = make(chan struct{}, 1)
	a.clock = time.AfterFunc(Take, func() {
		_ = a.control.SetWriteDeadline(time.Unix(1, 0)) // where there is no such thing, it takes what it takes
		a.ended <- struct{}{}
	})
}

func (a *answer) end() {
	if !a.clock.Stop() {
		<-a.ended // it uses the response
	}
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
