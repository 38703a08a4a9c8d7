package rtmp

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/bluenviron/gortmplib/pkg/amf0"

	"github.com/tuttilive/tutti/internal/mux/amf"
	"github.com/tuttilive/tutti/internal/mux/rtmp"
)

const (
	handshakeTimeout = 5 * time.Second
	// dialogueTimeout bounds the time from the handshake to the first publish.
	dialogueTimeout = 10 * time.Second
	writeTimeout    = 5 * time.Second
	// partingTime is how long a refused client has to read why.
	partingTime = time.Second

	windowSize = 2_500_000
	chunkSize  = 4096
)

// conn is the connection below commands: messages, acknowledgements, pings, time limits. One goroutine uses it; kick may
// be called by any.
type conn struct {
	net    net.Conn
	reader *rtmp.Reader

	chunk  int    // size of the chunks that we write
	window uint32 // bytes after which the peer wants an acknowledgement, 0 for never
	acked  uint32

	muted bool // the connection is somebody else's to write to

	mu     sync.Mutex
	reason error         // why kick was called
	kicked chan struct{} // closed by kick
}

func newConn(c net.Conn) *conn {
	return &conn{net: c, reader: rtmp.NewReader(c, rtmp.DialogueLimits), chunk: rtmp.InitialChunkSize, kicked: make(chan struct{})}
}

// handshake lets the client in.
func (c *conn) handshake() error {
	limit := time.Now().Add(handshakeTimeout)
	c.waitUntil(limit)
	c.net.SetWriteDeadline(limit)
	// The reader must not have read ahead, so the handshake reads from the connection itself.
	return rtmp.Accept(c.net)
}

// kick makes the pending or next read fail with a reason. It does not block.
func (c *conn) kick(reason error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.reason == nil {
		c.reason = reason
		close(c.kicked)
		c.net.SetReadDeadline(time.Unix(1, 0))
	}
}

// because gives the reason for which the connection was kicked, if it was, in place of what came of that.
func (c *conn) because(err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.reason != nil {
		return c.reason
	}
	return err
}

// context ends when the connection is kicked.
func (c *conn) context() (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		select {
		case <-c.kicked:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

// mute ends our own writing; what asks for an answer gets none.
func (c *conn) mute() { c.muted = true }

// waitForever lets the peer say nothing for as long as it likes.
func (c *conn) waitForever() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.reason == nil {
		c.net.SetReadDeadline(time.Time{})
	} else {
		c.net.SetReadDeadline(time.Unix(1, 0))
	}
}

// waitUntil sets the read deadline, unless the connection has been kicked.
func (c *conn) waitUntil(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.reason == nil {
		c.net.SetReadDeadline(t)
	}
}

// read gives the next message that is not about the connection itself; of a player any, when it has been dealt with.
func (c *conn) read() (rtmp.Message, error) {
	for {
		m, err := c.reader.Read()
		if err != nil {
			return m, c.because(err)
		}
		if err := c.acknowledge(); err != nil {
			return m, err
		}
		switch m.Type {
		case rtmp.TypeWindowAckSize:
			if len(m.Body) >= 4 {
				c.window = binary.BigEndian.Uint32(m.Body)
			}
		case rtmp.TypeUserControl:
			if token, ok := rtmp.PingRequest(m); ok {
				if err := c.write(rtmp.PingResponse(token)); err != nil {
					return m, err
				}
			}
		case rtmp.TypeSetChunkSize, rtmp.TypeAbort, rtmp.TypeAcknowledge, rtmp.TypePeerBandwidth:
		default:
			return m, nil
		}
		if c.muted {
			return m, nil // a player may rest after each
		}
	}
}

// acknowledge tells the peer how much has come (section 5.4.3). A tiny window is rounded up, or a peer could make us
// write as much as it does.
func (c *conn) acknowledge() error {
	received := c.reader.Received()
	if c.window == 0 || received-c.acked < max(c.window, 64<<10) {
		return nil
	}
	c.acked = received
	return c.write(rtmp.Acknowledge(received))
}

func (c *conn) write(messages ...rtmp.Message) error {
	if c.muted {
		return nil
	}
	var b []byte
	for _, m := range messages {
		b = rtmp.AppendMessage(b, m, c.chunk)
		if m.Type == rtmp.TypeSetChunkSize {
			c.chunk = int(binary.BigEndian.Uint32(m.Body))
		}
	}
	c.net.SetWriteDeadline(time.Now().Add(writeTimeout))
	_, err := c.net.Write(b)
	return err
}

// command makes a message of an AMF0 command.
func command(stream uint32, name string, transaction float64, arguments ...any) (rtmp.Message, error) {
	body, err := append(amf0.Data{name, transaction}, arguments...).Marshal()
	if err != nil {
		return rtmp.Message{}, fmt.Errorf("rtmp: command %s: %w", name, err)
	}
	return rtmp.Message{ChunkStream: 3, Type: rtmp.TypeCommandAMF0, Stream: stream, Body: body}, nil
}

// send writes a command.
func (c *conn) send(stream uint32, name string, transaction float64, arguments ...any) error {
	m, err := command(stream, name, transaction, arguments...)
	if err != nil {
		return err
	}
	return c.write(m)
}

// part closes the connection so that the peer still gets what was written last: a plain close with unread bytes would
// reset the connection and take the message away with it.
func (c *conn) part() {
	if tcp, ok := c.net.(*net.TCPConn); ok && tcp.CloseWrite() == nil {
		tcp.SetReadDeadline(time.Now().Add(partingTime))
		io.CopyN(io.Discard, tcp, 4<<20)
	}
	c.net.Close()
}

// parseCommand reads a command message.
func parseCommand(m rtmp.Message) (name string, transaction float64, arguments []any, err error) {
	body := m.Body
	if m.Type == rtmp.TypeCommandAMF3 {
		body = bytes.TrimPrefix(body, []byte{0}) // the rest is AMF0
	}
	data, err := amf.Read(body)
	if err != nil {
		return "", 0, nil, fmt.Errorf("%w: command: %w", rtmp.ErrProtocol, err)
	}
	if len(data) < 2 {
		return "", 0, nil, fmt.Errorf("%w: command of %d values", rtmp.ErrProtocol, len(data))
	}
	name, ok1 := data[0].(string)
	transaction, ok2 := data[1].(float64)
	if !ok1 || !ok2 {
		return "", 0, nil, fmt.Errorf("%w: command without name and number", rtmp.ErrProtocol)
	}
	return name, transaction, data[2:], nil
}

// text is an argument that is a string, else "".
func text(arguments []any, i int) string {
	if i >= len(arguments) {
		return ""
	}
	s, _ := arguments[i].(string)
	return s
}

// property is a string in an argument that is an object, else "".
func property(arguments []any, i int, name string) string {
	if i >= len(arguments) {
		return ""
	}
	s, _ := object(arguments[i]).GetString(name)
	return s
}

func object(argument any) amf0.Object {
	switch v := argument.(type) {
	case amf0.Object:
		return v
	case amf0.ECMAArray:
		return amf0.Object(v)
	}
	return nil
}

// fourCCs are the codecs that a client says in connect that it decodes or passes on (enhanced RTMP, version 2, "Enhancing NetConnection
// connect Command"), separated by commas.
func fourCCs(arguments []any) string {
	const decodes, forwards = 1, 4
	if len(arguments) == 0 {
		return ""
	}
	var names []string
	o := object(arguments[0])
	list, _ := o.Get("fourCcList")
	if list, ok := list.(amf0.StrictArray); ok {
		for _, one := range list {
			if name, ok := one.(string); ok {
				names = append(names, name)
			}
		}
	}
	for _, key := range []string{"videoFourCcInfoMap", "audioFourCcInfoMap"} {
		kinds, _ := o.Get(key)
		for _, one := range object(kinds) {
			if flags, ok := one.Value.(float64); ok && int(flags)&(decodes|forwards) != 0 {
				names = append(names, one.Key)
			}
		}
	}
	return strings.Join(names, ",")
}
