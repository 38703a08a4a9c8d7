package deadline

import (
	"io"
	"net/http"
	"sync/atomic"
	"time"
)

// body is a request's, which has to come in time. Its deadline stays where it was not read to its end: the HTTP server looks for that before it answers,
// and ends a connection on which it does not come.
type body struct {
	io.ReadCloser
	control *http.ResponseController
	began   time.Time
	came    int64 // bytes
	more    int64 // with how many of them the deadline moves
	// left tells that the deadline is left alone: at the end of a body the HTTP server takes it back, and goes on to see whether the client stays.
	left atomic.Bool
}

// expect gives a request whose body has to come in time. It is another one, since the HTTP server looks at the body of its own.
func (a *answer) expect(r *http.Request) *http.Request {
	a.body = &body{ReadCloser: r.Body, control: a.control, began: time.Now(), more: steady}
	_ = a.control.SetReadDeadline(a.body.began.Add(send)) // where there is no such thing, it takes what it takes
	theirs := new(http.Request)
	*theirs = *r
	theirs.Body = a.body
	return theirs
}

func (b *body) Read(p []byte) (int, error) {
	if b.came >= b.more && !b.left.Load() {
		b.more = b.came + steady
		_ = b.control.SetReadDeadline(b.began.Add(send + time.Duration(b.came)*time.Second/steady))
	}
	n, err := b.ReadCloser.Read(p)
	b.came += int64(n)
	if err != nil {
		b.left.Store(true)
	}
	return n, err
}
