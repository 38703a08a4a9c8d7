package push

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/bluenviron/gortmplib/pkg/amf0"

	"github.com/tuttilive/tutti/internal/dial"
	"github.com/tuttilive/tutti/internal/mux/rtmp"
	"github.com/tuttilive/tutti/internal/studio/fanout"
)

const (
	// dialogueTimeout bounds the way from the connection to the first frame, writeTimeout each write.
	dialogueTimeout = 10 * time.Second
	writeTimeout    = 10 * time.Second
	// partingTime is how long a connection that ends may still take for what is being written and the good-bye.
	partingTime = time.Second
)

// client is an RTMP connection on which we publish.
type client struct {
	net    net.Conn
	reader *rtmp.Reader
	stream uint32 // message stream

	writing sync.Mutex
	chunk   int

	limiting sync.Mutex
	last     time.Time // by when all writing ends; zero while that is open
}

// connect opens a connection and publishes on it. ctx bounds all of that.
func connect(ctx context.Context, dialer Dialer, p rtmpPlace) (*client, error) {
	ctx, cancel := context.WithTimeout(ctx, dialogueTimeout)
	defer cancel()
	conn, err := dialer.DialContext(ctx, "tcp", p.host)
	if err != nil {
		return nil, dial.Failed("connecting", err)
	}
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	limit, _ := ctx.Deadline()
	conn.SetDeadline(limit)
	if p.secure {
		secure := tls.Client(conn, &tls.Config{ServerName: p.name, RootCAs: roots})
		if err := secure.HandshakeContext(ctx); err != nil {
			conn.Close()
			return nil, dial.Failed("connecting over TLS", err)
		}
		conn = secure
	}
	c := &client{net: conn, chunk: rtmp.InitialChunkSize}
	if err := c.publish(p); err != nil {
		conn.Close()
		return nil, err
	}
	if !stop() {
		conn.Close()
		return nil, context.Cause(ctx)
	}
	conn.SetDeadline(time.Time{})
	return c, nil
}

// publish talks with the server until it takes the stream.
func (c *client) publish(p rtmpPlace) error {
	if err := rtmp.Connect(c.net); err != nil {
		return err
	}
	c.reader = rtmp.NewReader(c.net, rtmp.DefaultLimits)
	err := c.call(0, "connect", 1, amf0.Object{
		{Key: "app", Value: p.app}, {Key: "type", Value: "nonprivate"}, {Key: "flashVer", Value: "FMLE/3.0 (compatible; Tutti)"}, {Key: "tcUrl", Value: p.tcURL},
	})
	if err != nil {
		return err
	}
	if _, err := c.result(1); err != nil {
		return err
	}
	if err := c.write(rtmp.SetChunkSize(fanout.ChunkSize)); err != nil {
		return err
	}
	for i, name := range []string{"releaseStream", "FCPublish"} {
		if err := c.call(0, name, float64(2+i), nil, p.stream); err != nil {
			return err
		}
	}
	if err := c.call(0, "createStream", 4, nil); err != nil {
		return err
	}
	made, err := c.result(4)
	if err != nil {
		return err
	}
	id, ok := made.Stream()
	if !ok {
		return errors.New("the server gives no stream")
	}
	c.stream = id
	if err := c.call(c.stream, "publish", 5, nil, p.stream, "live"); err != nil {
		return err
	}
	for {
		said, err := c.command()
		if err != nil {
			return err
		}
		if said.Name != "onStatus" {
			continue
		}
		code := said.Property("code")
		switch {
		case code == "NetStream.Publish.Start":
			return nil
		case said.Property("level") == "error" || strings.HasPrefix(code, "NetStream.Publish."):
			return dial.Denial{Code: code, Words: said.Property("description")}
		}
	}
}

// result waits for the answer to a command.
func (c *client) result(transaction float64) (rtmp.Command, error) {
	for {
		said, err := c.command()
		if err != nil {
			return said, err
		}
		switch {
		case said.Transaction == transaction && said.Name == "_result":
			return said, nil
		case said.Transaction == transaction && said.Name == "_error", said.Name == "onStatus" && said.Property("level") == "error":
			return said, dial.Denial{Code: said.Property("code"), Words: said.Property("description")}
		}
	}
}

// command gives the next command, and does for the connection what messages before it ask for.
func (c *client) command() (rtmp.Command, error) {
	for {
		m, err := c.reader.Read()
		if err != nil {
			return rtmp.Command{}, fmt.Errorf("the connection ends: %w", err)
		}
		if token, ok := rtmp.PingRequest(m); ok {
			if err := c.write(rtmp.PingResponse(token)); err != nil {
				return rtmp.Command{}, err
			}
		}
		if m.Type != rtmp.TypeCommandAMF0 {
			continue
		}
		said, err := rtmp.ReadCommand(m)
		if err != nil {
			return said, fmt.Errorf("the server sends %w", err)
		}
		return said, nil
	}
}

func (c *client) call(stream uint32, name string, transaction float64, arguments ...any) error {
	m, err := rtmp.Command{Name: name, Transaction: transaction, Arguments: arguments}.Message(stream)
	if err != nil {
		return err
	}
	return c.write(m)
}

func (c *client) write(m rtmp.Message) error {
	b := rtmp.AppendMessage(nil, m, c.chunk)
	if m.Type == rtmp.TypeSetChunkSize {
		c.chunk = int(binary.BigEndian.Uint32(m.Body))
	}
	return c.send([][]byte{b})
}

// send writes whole messages.
func (c *client) send(bufs [][]byte) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	if c.stream > fanout.RTMPStream { // media only comes when there is a stream
		for i, b := range bufs {
			if len(b) > 0 && b[0]&0x3f >= 4 {
				bufs[i] = rtmp.Readdress(b, c.stream, fanout.ChunkSize)
			}
		}
	}
	c.allow()
	buffers := net.Buffers(bufs)
	if _, err := buffers.WriteTo(c.net); err != nil {
		return fmt.Errorf("sending: %w", err)
	}
	return nil
}

// allow gives the next write its time, but none beyond the limit.
func (c *client) allow() {
	c.limiting.Lock()
	defer c.limiting.Unlock()
	if c.last.IsZero() {
		c.net.SetWriteDeadline(time.Now().Add(writeTimeout))
	}
}

// limit ends all writing at a time, also what is being written. The first limit stays.
func (c *client) limit(t time.Time) {
	c.limiting.Lock()
	defer c.limiting.Unlock()
	if c.last.IsZero() {
		c.last = t
		c.net.SetWriteDeadline(t)
	}
}

// listen reads what the server says until it ends the stream or the connection.
func (c *client) listen() error {
	for {
		said, err := c.command()
		if err != nil {
			return err
		}
		if said.Name == "onStatus" && (said.Property("level") == "error" || strings.HasPrefix(said.Property("code"), "NetStream.Unpublish")) {
			return dial.Denial{Code: said.Property("code"), Words: said.Property("description")}
		}
	}
}

// close says good-bye, if it can.
func (c *client) close(stream string) {
	c.limit(time.Now().Add(partingTime))
	if c.call(0, "FCUnpublish", 6, nil, stream) == nil {
		_ = c.call(0, "deleteStream", 7, nil, float64(c.stream)) // it ends anyway
	}
	c.net.Close()
}
