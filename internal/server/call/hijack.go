package call

import (
	"bufio"
	"net"
	"net/http"
)

// hijack is a ResponseWriter that remembers the connection which a WebSocket takes over: the WebSocket itself cannot be
// ended for certain, since its closing handshake waits for the rest of a message that has begun for as long as that takes.
type hijack struct {
	http.ResponseWriter
	conn net.Conn
}

// Hijack implements http.Hijacker.
func (h *hijack) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(h.ResponseWriter).Hijack()
	h.conn = conn
	return conn, rw, err
}
