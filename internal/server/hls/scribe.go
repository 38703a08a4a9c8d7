package hls

import (
	"bytes"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/tuttilive/tutti/internal/poller"
	"github.com/tuttilive/tutti/internal/studio/refusal"
)

// scribe writes answers to kept connections. It belongs to one goroutine, which uses it again and again.
type scribe struct {
	text   []byte
	pieces [][]byte // of the answer
	out    [][]byte // what is being written of them
	n      int
	err    error
	tries  func(fd uintptr) // w.try, made once
}

func newScribe() *scribe {
	w := &scribe{}
	w.tries = w.try
	return w
}

var scribes = sync.Pool{New: func() any { return newScribe() }}

// write sends pieces, as many bytes of them as the connection takes at once.
func (w *scribe) write(raw syscall.RawConn, pieces [][]byte) (n int, err error) {
	w.out = pieces
	err = raw.Control(w.tries)
	if w.out = nil; err != nil {
		return 0, err
	}
	return w.n, w.err
}

// try is called with a connection's descriptor.
func (w *scribe) try(fd uintptr) { w.n, w.err = poller.Write(fd, w.out) }

// standing are the header fields, as text, that the door and those who guard it give to all answers. Connections share it, since it is all the
// same.
type standing struct{ last atomic.Pointer[[]byte] }

func (s *standing) of(h http.Header) []byte {
	var text bytes.Buffer
	_ = h.Write(&text) // into memory
	if last := s.last.Load(); last != nil && bytes.Equal(*last, text.Bytes()) {
		return *last
	}
	fields := text.Bytes()
	s.last.Store(&fields)
	return fields
}

// head gives the pieces of an answer. They are good until the scribe's next one, but the body.
func (w *scribe) head(a answer, gzip bool, standing []byte) [][]byte {
	r := a.resource
	body, size, tag := r.Body, r.Size, r.Tag
	b := append(append(w.text[:0], "HTTP/1.1 200 OK\r\n"...), standing...)
	b = append(append(b, "Date: "...), dateNow()...)
	b = append(append(b, "\r\nContent-Type: "...), r.Type...)
	b = append(append(b, "\r\nCache-Control: "...), a.cache...)
	if r.Playlist {
		b = append(b, "\r\nVary: Accept-Encoding"...)
	} else {
		b = append(b, "\r\nAccept-Ranges: bytes"...)
	}
	if gzip && r.Gzip != nil {
		b = append(b, "\r\nContent-Encoding: gzip"...)
		body, size, tag = nil, len(r.Gzip), r.GzipTag
	}
	b = append(append(b, "\r\nETag: "...), tag...)
	b = strconv.AppendInt(append(b, "\r\nContent-Length: "...), int64(size), 10)
	w.text = append(b, "\r\n\r\n"...)
	pieces := append(w.pieces[:0], w.text)
	if body == nil {
		pieces = append(pieces, r.Gzip)
	}
	w.pieces = append(pieces, body...)
	return w.pieces
}

// refuse gives the pieces of a refusal, as the HTTP server would.
func (w *scribe) refuse(err error, standing []byte) [][]byte {
	a := refused{header: http.Header{"Date": {string(dateNow())}}}
	refusal.Write(&a, err)
	a.header.Set("Content-Length", strconv.Itoa(len(a.body)))
	b := append(w.text[:0], "HTTP/1.1 "...)
	b = append(append(strconv.AppendInt(b, int64(a.status), 10), ' '), http.StatusText(a.status)...)
	b = append(append(b, "\r\n"...), standing...)
	for name, values := range a.header {
		for _, v := range values {
			b = append(append(append(append(b, name...), ": "...), v...), "\r\n"...)
		}
	}
	w.text = append(append(b, "\r\n"...), a.body...)
	w.pieces = append(w.pieces[:0], w.text)
	return w.pieces
}

// refused collects a refusal.
type refused struct {
	header http.Header
	status int
	body   []byte
}

func (r *refused) Header() http.Header { return r.header }

func (r *refused) WriteHeader(status int) { r.status = status }

func (r *refused) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	r.body = append(r.body, b...)
	return len(b), nil
}

// today is the time as answers tell it, which they need once a second.
var today atomic.Pointer[struct {
	second int64
	text   []byte
}]

func dateNow() []byte {
	now := time.Now()
	d := today.Load()
	if d == nil || d.second != now.Unix() {
		d = &struct {
			second int64
			text   []byte
		}{now.Unix(), now.UTC().AppendFormat(nil, http.TimeFormat)}
		today.Store(d)
	}
	return d.text
}
