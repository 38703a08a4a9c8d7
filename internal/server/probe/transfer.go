package probe

import (
	"context"
	"crypto/rand"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// maxTransfer is how many bytes go over at once at most.
const maxTransfer = 16 << 20

// noise is what is sent: no proxy on the way can make it smaller.
var noise = sync.OnceValue(func() []byte {
	b := make([]byte, 1<<20)
	rand.Read(b)
	return b
})

// serveDown answers GET /probe/down?bytes=N with so many bytes.
func (s *Server) serveDown(w http.ResponseWriter, r *http.Request, v *visit) error {
	n, err := strconv.ParseInt(r.URL.Query().Get("bytes"), 10, 64)
	if err != nil || n < 1 || n > maxTransfer {
		return errBytes
	}
	if err := v.spend(n); err != nil {
		return err
	}
	defer v.end()
	control := http.NewResponseController(w)
	_ = control.SetWriteDeadline(time.Now().Add(testTime)) // where it is not known, the client's own patience ends it
	defer control.SetWriteDeadline(time.Time{})
	stopped := make(chan struct{})
	release := context.AfterFunc(s.testing, func() { _ = control.SetWriteDeadline(time.Now()); close(stopped) })
	defer func() {
		if !release() {
			<-stopped // it still uses the response
		}
	}()
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", strconv.FormatInt(n, 10))
	for b := noise(); n > 0 && s.testing.Err() == nil; {
		piece := b[:min(n, int64(len(b)))]
		if _, err := w.Write(piece); err != nil {
			return nil // the client has seen enough
		}
		n -= int64(len(piece))
	}
	return nil
}

// serveUp answers POST /probe/up with how many bytes came in what time.
func (s *Server) serveUp(w http.ResponseWriter, r *http.Request, v *visit) error {
	switch n := r.ContentLength; {
	case n < 0:
		return errNoLength
	case n > maxTransfer:
		return errTooLarge
	default:
		if err := v.spend(n); err != nil {
			return err
		}
	}
	defer v.end()
	control := http.NewResponseController(w)
	began := time.Now()
	_ = control.SetReadDeadline(began.Add(testTime)) // as above; it stays, since the HTTP server looks for what is left before it answers
	stopped := make(chan struct{})
	stop := func() { _ = control.SetReadDeadline(time.Now()); close(stopped) }
	release := context.AfterFunc(s.testing, stop)
	n, err := io.Copy(io.Discard, r.Body)
	if !release() {
		<-stopped // it still uses the response
	}
	if err != nil {
		return errBroken
	}
	answerJSON(w, struct {
		Bytes        int64   `json:"bytes"`
		Milliseconds float64 `json:"milliseconds"`
	}{n, float64(time.Since(began).Microseconds()) / 1000})
	return nil
}
