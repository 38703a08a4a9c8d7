// Package sse writes server-sent events (WHATWG HTML, section 9.2).
package sse

import (
	"io"
	"net/http"
)

// Stream is a response that events are written to. It is of the handler's goroutine.
type Stream struct {
	w       http.ResponseWriter
	control *http.ResponseController
}

// Open makes a stream of a response to which nothing was written.
func Open(w http.ResponseWriter) Stream {
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	return Stream{w, http.NewResponseController(w)}
}

// Tell writes an event, whose data is one line. An error means that the client is gone, or did not take it in time.
func (s Stream) Tell(event string, data []byte) error {
	return s.write("event: " + event + "\ndata: " + string(data) + "\n\n")
}

// Stay writes what is no event, so that nothing between here and the client takes the connection for dead.
func (s Stream) Stay() error { return s.write(":\n\n") }

func (s Stream) write(text string) error {
	if _, err := io.WriteString(s.w, text); err != nil {
		return err
	}
	return s.control.Flush()
}
