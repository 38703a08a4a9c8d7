package call

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"github.com/coder/websocket"
)

const (
	writeTimeout = 10 * time.Second
	// closeWithin is how long the other side may take to agree that it is over.
	closeWithin = 3 * time.Second
	// maxOutboxBytes bounds what waits to be written; a session keeps no more than half of it.
	maxOutboxBytes = 2 * maxKeptBytes
)

// socket is one WebSocket. Its reader is the HTTP handler's goroutine, its writer one of its own; send and close may be
// called from anywhere and never block.
type socket struct {
	ws   *websocket.Conn
	conn net.Conn // below ws

	wake chan struct{}
	done chan struct{} // closed when the writer has ended

	mu     sync.Mutex
	out    [][]byte
	bytes  int
	ending bool
	code   websocket.StatusCode
	reason string
}

func newSocket(ws *websocket.Conn, conn net.Conn) *socket {
	ws.SetReadLimit(-1) // read has its own bound, so that it can say goodbye in the protocol's terms
	s := &socket{ws: ws, conn: conn, wake: make(chan struct{}, 1), done: make(chan struct{})}
	go s.write()
	return s
}

// send queues a message. A client that lets too much wait is cut off; it may resume.
func (s *socket) send(data []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ending {
		return
	}
	if s.bytes+len(data) > maxOutboxBytes {
		s.out, s.bytes = nil, 0
		s.end(websocket.StatusPolicyViolation, "too slow")
		return
	}
	s.out = append(s.out, data)
	s.bytes += len(data)
	s.notify()
}

// refuse sends an error and, where the refusal says so, closes.
func (s *socket) refuse(r *refusal, about received) {
	s.send(encode(&errorMessage{head{Type: "error"}, r.code, r.message, about.kind, about.seq}))
	if r.close != 0 {
		s.close(r.close, string(r.code))
	}
}

// close writes what is queued and ends the connection.
func (s *socket) close(code websocket.StatusCode, reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end(code, reason)
}

func (s *socket) end(code websocket.StatusCode, reason string) {
	if !s.ending {
		s.ending, s.code, s.reason = true, code, reason
		s.notify()
	}
}

func (s *socket) notify() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// take gives what is to be written now, and whether the connection ends after it.
func (s *socket) take() (out [][]byte, ending bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out, s.out, s.bytes = s.out, nil, 0
	return out, s.ending
}

// write is the writer goroutine. It ends when the connection is closed or broken.
func (s *socket) write() {
	defer close(s.done)
	for range s.wake {
		out, ending := s.take()
		for _, data := range out {
			if err := s.writeOne(data); err != nil {
				s.fail()
				return
			}
		}
		if ending {
			patience := time.AfterFunc(closeWithin, func() { s.conn.Close() })
			defer patience.Stop()
			s.ws.Close(s.code, s.reason) // waits for the other side to agree
			return
		}
	}
}

func (s *socket) writeOne(data []byte) error {
	ctx, cancel := context.WithTimeout(context.Background(), writeTimeout)
	defer cancel()
	return s.ws.Write(ctx, websocket.MessageText, data)
}

// fail gives up a broken connection: nothing more is queued.
func (s *socket) fail() {
	s.mu.Lock()
	s.ending, s.out, s.bytes = true, nil, 0
	s.notify()
	s.mu.Unlock()
	s.conn.Close()
}

var errNotText = errors.New("not a text message")

// read gives the next message. Silence for longer than patience breaks the connection.
func (s *socket) read(ctx context.Context, patience time.Duration) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	kind, r, err := s.ws.Reader(ctx)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(r, maxMessageBytes+1))
	switch {
	case err != nil:
		return nil, err
	case len(data) > maxMessageBytes:
		return nil, errMessageTooLarge
	case kind != websocket.MessageText:
		return nil, errNotText
	}
	return data, nil
}
