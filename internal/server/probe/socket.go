package probe

import (
	"context"
	"net/http"
	"time"

	"github.com/coder/websocket"
	"golang.org/x/time/rate"
)

const (
	// maxMessage is the longest message that a WebSocket echoes, in bytes.
	maxMessage = 1024
	// messagesPerSecond in the mean; twice as many at once.
	messagesPerSecond = 20
	// closeWithin is how long the other side may take to agree that it is over.
	closeWithin = 3 * time.Second
)

// serveSocket answers GET /probe/ws: it echoes each message.
func (s *Server) serveSocket(w http.ResponseWriter, r *http.Request, v *visit) error {
	defer v.end()
	conn, err := websocket.Accept(w, r, nil)
	if err != nil {
		return nil // it has been told
	}
	defer conn.CloseNow()
	conn.SetReadLimit(maxMessage)
	ctx, cancel := context.WithTimeout(s.testing, testTime)
	defer cancel()
	pace := rate.NewLimiter(messagesPerSecond, 2*messagesPerSecond)
	for {
		kind, message, err := conn.Read(ctx)
		if err != nil {
			return nil
		}
		if !pace.Allow() {
			// The closing handshake waits for the rest of a message that has begun, for as long as that takes.
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(closeWithin))
			conn.Close(websocket.StatusPolicyViolation, "too many messages")
			return nil
		}
		if conn.Write(ctx, kind, message) != nil {
			return nil
		}
	}
}
