package hls

import (
	"net/http"
	"sync"
)

const (
	// stretch is how much of a body is written at once over HTTP/2: what fits in one of its frames (RFC 9113, section 4.2), and so in one or two
	// records of TLS, where each of a part's pieces would be a frame of its own. A client that takes nothing has so much held for each of its
	// streams, as long as deadline.Take.
	stretch = 16 << 10
	// finish is what is left for the last write over HTTP/2: the HTTP server keeps up to so much until the handler is done, and sends it in the
	// frame that ends the answer, which would be an empty one else.
	finish = 4 << 10
)

var stretches = sync.Pool{New: func() any { return new([stretch]byte) }}

// deliver writes a body to an HTTP server's connection, and tells of the bytes that were written.
func deliver(w http.ResponseWriter, r *http.Request, body [][]byte, size int, sent func(int)) {
	write := func(b []byte) bool {
		n, err := w.Write(b)
		sent(n)
		return err == nil
	}
	if r.ProtoMajor >= 2 {
		inStretches(body, size, write)
		return
	}
	for _, piece := range body {
		if !write(piece) {
			return
		}
	}
}

// inStretches gathers a body for as few writes as may be, until one fails.
func inStretches(body [][]byte, size int, write func([]byte) bool) {
	last := 0
	if size > finish {
		last = min(finish, size-finish-1) // the HTTP server passes on at once only what is longer than it would keep
	}
	buffer := stretches.Get().(*[stretch]byte)
	defer stretches.Put(buffer)
	n, left := 0, size-last // left is how much is to be written before the last of it
	for _, piece := range body {
		for len(piece) > 0 {
			if left == 0 {
				left, last = last, 0
			}
			if left == 0 {
				return // more than was promised
			}
			took := copy(buffer[n:min(stretch, n+left)], piece)
			piece, n, left = piece[took:], n+took, left-took
			if n < stretch && left > 0 {
				continue
			}
			if !write(buffer[:n]) {
				return
			}
			n = 0
		}
	}
}
