package livekit

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
	pb "github.com/livekit/protocol/livekit"

	"github.com/tuttilive/tutti/internal/media"
)

// Limits of a signal connection.
const (
	// maxOutboxBytes bounds what waits for a client that reads slowly; such a client is cut off and may resume, which
	// brings it up to date in one go.
	maxOutboxBytes = 4 << 20
	writeTimeout   = 10 * time.Second
	// closeWithin is how long the other side may take to agree that it is over.
	closeWithin = 3 * time.Second
	// keepAlive is how often a WebSocket ping looks whether the other side is there; not all SDKs send pings of their own.
	keepAlive        = 20 * time.Second
	keepAliveTimeout = 10 * time.Second
)

// conn is one WebSocket of a session. Its reader and its writer are goroutines that live while there is something to read and to
// write. send and close may be called from anywhere and never block.
type conn struct {
	*socket
	log   *slog.Logger
	text  atomic.Bool  // the client sends JSON, so it is answered in JSON
	heard atomic.Int64 // when the client sent something last, in media time

	alive *time.Timer
	done  chan struct{} // closed when nothing is written any more

	listening listening

	mu      sync.Mutex
	out     []frame
	bytes   int
	writing bool // there is a writer; when the connection has ended, for good
	ending  bool
	code    websocket.StatusCode
	reason  string
}

// frame is one WebSocket message.
type frame struct {
	kind websocket.MessageType
	data []byte
}

// newConn makes one of a WebSocket.
func newConn(s *socket, log *slog.Logger) *conn {
	s.ws.SetReadLimit(-1) // read has its own bound, so that it can say goodbye in the protocol's terms
	c := &conn{socket: s, log: log, done: make(chan struct{})}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.alive = time.AfterFunc(keepAlive, c.ping)
	return c
}

func (c *conn) frameType() websocket.MessageType {
	if c.text.Load() {
		return websocket.MessageText
	}
	return websocket.MessageBinary
}

// send queues a message.
func (c *conn) send(res *pb.SignalResponse) {
	kind := c.frameType()
	data, err := encodeResponse(kind, res)
	if err != nil {
		c.log.Error("encoding a signal message", "error", err)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ending {
		return
	}
	if c.bytes+len(data) > maxOutboxBytes {
		c.log.Warn("signal connection cut off: the client does not read")
		c.out, c.bytes = nil, 0
		c.end(websocket.StatusPolicyViolation, "too slow")
		// Nor does it read a farewell: a writer that waits for it gives up now. Until then the client would go on sending requests into a
		// connection that nobody reads any more.
		_ = c.tcp.SetWriteDeadline(time.Now()) // else it takes writeTimeout
		return
	}
	c.out = append(c.out, frame{kind, data})
	c.bytes += len(data)
	c.wake()
}

// close sends what is queued and ends the connection.
func (c *conn) close(code websocket.StatusCode, reason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.end(code, reason)
}

func (c *conn) end(code websocket.StatusCode, reason string) {
	if !c.ending {
		c.ending, c.code, c.reason = true, code, reason
		c.wake()
	}
}

// wake sees to it that there is a writer. The lock is held.
func (c *conn) wake() {
	if !c.writing {
		c.writing = true
		go c.write()
	}
}

// take gives what is to be written now, and whether the connection ends after it. When there is neither the writer ends.
func (c *conn) take() (out []frame, ending bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	out, c.out, c.bytes = c.out, nil, 0
	c.writing = len(out) > 0 || c.ending
	return out, c.ending
}

// write is the writer goroutine. It ends when all is written, for the last time when the connection is closed or broken.
func (c *conn) write() {
	for {
		out, ending := c.take()
		for _, f := range out {
			if err := c.writeFrame(f); err != nil {
				c.fail()
				break
			}
		}
		if ending {
			c.finish()
			return
		}
		if len(out) == 0 {
			return
		}
	}
}

// finish ends the connection, which has a writer for good from now on.
func (c *conn) finish() {
	defer close(c.done)
	c.alive.Stop()
	// The closing handshake waits for the rest of a message that has begun, for as long as that takes.
	if err := c.tcp.SetReadDeadline(time.Now().Add(closeWithin)); err != nil {
		c.ws.CloseNow()
	} else {
		c.ws.Close(c.code, c.reason)
	}
	c.deaf()
}

func (c *conn) writeFrame(f frame) error {
	ctx, cancel := context.WithTimeout(context.Background(), writeTimeout)
	defer cancel()
	return c.ws.Write(ctx, f.kind, f.data)
}

// fail ends a broken connection: nothing more is queued.
func (c *conn) fail() {
	c.mu.Lock()
	c.ending, c.out, c.bytes = true, nil, 0
	c.wake()
	c.mu.Unlock()
	c.ws.CloseNow()
}

// ping looks whether the other side is there, if it has said nothing for a while; without an answer the connection is closed.
func (c *conn) ping() {
	quiet := media.Now() - time.Duration(c.heard.Load())
	if quiet >= keepAlive {
		ctx, cancel := context.WithTimeout(context.Background(), keepAliveTimeout)
		defer cancel()
		if err := c.ws.Ping(ctx); err != nil {
			c.fail()
			return
		}
		quiet = 0
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.ending {
		c.alive.Reset(keepAlive - quiet)
	}
}

var errSessionEnded = errors.New("session has ended")
