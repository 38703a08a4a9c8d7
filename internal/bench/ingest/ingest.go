// Package ingest publishes over RTMP as an encoder would, for load and measurement.
package ingest

import (
	"context"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/bluenviron/gortmplib/pkg/amf0"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/mux/flv"
	"github.com/tuttilive/tutti/internal/mux/rtmp"
)

const (
	chunk    = 4096
	streamID = 1
	// patience is how long a server may take to answer.
	patience = 20 * time.Second
)

// Conn publishes one picture and one sound. One goroutine sends; Close may be called from any.
type Conn struct {
	conn   net.Conn
	muxer  *flv.Muxer
	buffer []byte
}

// Dial connects, shakes hands and publishes a stream under live/ (RTMP 1.0, sections 5.2 and 7.2).
func Dial(ctx context.Context, address, stream string) (*Conn, error) {
	conn, err := (&net.Dialer{Timeout: patience}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	c := &Conn{conn: conn, muxer: flv.NewMuxer(0, flv.Tracks{Video: true, Audio: true})}
	if err := c.open(stream); err != nil {
		conn.Close()
		return nil, fmt.Errorf("publishing: %w", err)
	}
	go io.Copy(io.Discard, conn) // acknowledgements; it ends with the connection
	return c, nil
}

// Close hangs up.
func (c *Conn) Close() error { return c.conn.Close() }

// Send sends a frame.
func (c *Conn) Send(f *media.Frame) error {
	tags, err := c.muxer.Append(nil, f)
	if err != nil {
		return err
	}
	c.buffer = c.buffer[:0]
	for t := range flv.Tags(tags) {
		stream := uint32(4)
		if t.Type == flv.VideoTag {
			stream = 6
		}
		m := rtmp.Message{ChunkStream: stream, Type: rtmp.Type(t.Type), Stream: streamID, Timestamp: t.Timestamp, Body: t.Body}
		c.buffer = rtmp.AppendMessage(c.buffer, m, chunk)
	}
	_, err = c.conn.Write(c.buffer)
	return err
}

func (c *Conn) open(stream string) error {
	c.conn.SetDeadline(time.Now().Add(patience))
	const handshake = 1536
	hello := make([]byte, 1+2*handshake)
	hello[0] = 3
	if _, err := c.conn.Write(hello); err != nil {
		return err
	}
	if _, err := io.ReadFull(c.conn, hello); err != nil {
		return err
	}
	out := rtmp.AppendMessage(nil, rtmp.SetChunkSize(chunk), rtmp.InitialChunkSize)
	for i, command := range []struct {
		stream    uint32
		name      string
		arguments []any
	}{
		{0, "connect", []any{amf0.Object{{Key: "app", Value: "live"}, {Key: "flashVer", Value: "tutti-bench"}, {Key: "tcUrl", Value: "rtmp://" + c.conn.RemoteAddr().String() + "/live"}}}},
		{0, "createStream", []any{nil}},
		{streamID, "publish", []any{nil, stream, "live"}},
	} {
		body, err := append(amf0.Data{command.name, float64(i + 1)}, command.arguments...).Marshal()
		if err != nil {
			return err
		}
		out = rtmp.AppendMessage(out, rtmp.Message{ChunkStream: 3, Type: rtmp.TypeCommandAMF0, Stream: command.stream, Body: body}, chunk)
	}
	if _, err := c.conn.Write(out); err != nil {
		return err
	}
	for r := rtmp.NewReader(c.conn, rtmp.DefaultLimits); ; {
		m, err := r.Read()
		if err != nil {
			return err
		}
		if done, err := accepted(m); done || err != nil {
			c.conn.SetDeadline(time.Time{})
			return err
		}
	}
}

// accepted tells whether a message says that publishing has begun.
func accepted(m rtmp.Message) (bool, error) {
	if m.Type != rtmp.TypeCommandAMF0 {
		return false, nil
	}
	said, err := rtmp.ReadCommand(m)
	if err != nil || said.Name != "onStatus" && said.Name != "_error" {
		return false, err
	}
	code := said.Property("code")
	if code == "NetStream.Publish.Start" {
		return true, nil
	}
	return false, fmt.Errorf("refused: %s: %s", code, said.Property("description"))
}
