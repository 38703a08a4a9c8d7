package rtmp

import (
	"io"
	"net"
	"testing"
	"time"

	"github.com/bluenviron/gortmplib/pkg/amf0"

	"github.com/tuttilive/tutti/internal/mux/rtmp"
)

// client speaks RTMP by hand, so that tests can misbehave.
type client struct {
	t *testing.T
	net.Conn
	reader *rtmp.Reader
}

// dial connects and shakes hands.
func dial(t *testing.T, s *Server) *client {
	t.Helper()
	c, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(time.Minute))
	hello := make([]byte, 1+2*1536)
	hello[0] = 3
	if _, err := c.Write(hello); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(c, make([]byte, 1+2*1536)); err != nil {
		t.Fatal(err)
	}
	return &client{t, c, rtmp.NewReader(c, rtmp.DefaultLimits)}
}

func (c *client) send(m rtmp.Message) {
	c.t.Helper()
	if _, err := c.Write(rtmp.AppendMessage(nil, m, rtmp.InitialChunkSize)); err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) command(stream uint32, name string, transaction float64, arguments ...any) {
	c.t.Helper()
	m, err := command(stream, name, transaction, arguments...)
	if err != nil {
		c.t.Fatal(err)
	}
	c.send(m)
}

// answer waits for a command of the server and gives the code in its status object.
func (c *client) answer(name string) (code, description string) {
	c.t.Helper()
	for {
		m, err := c.reader.Read()
		if err != nil {
			c.t.Fatalf("waiting for %s: %v", name, err)
		}
		if m.Type != rtmp.TypeCommandAMF0 {
			continue
		}
		got, _, arguments, err := parseCommand(m)
		if err != nil {
			c.t.Fatal(err)
		}
		if got == name {
			return property(arguments, 1, "code"), property(arguments, 1, "description")
		}
	}
}

// publish goes through the dialogue up to publish and gives the code that it is answered with.
func (c *client) publish(app, stream string) (code, description string) {
	c.t.Helper()
	c.command(0, "connect", 1, amf0.Object{{Key: "app", Value: app}, {Key: "tcUrl", Value: "rtmp://x/" + app}})
	if code, _ := c.answer("_result"); code != connectSuccess {
		c.t.Fatalf("connect: %s", code)
	}
	c.command(0, "releaseStream", 2, nil, stream)
	c.command(0, "FCPublish", 3, nil, stream)
	c.command(0, "createStream", 4, nil)
	c.command(1, "publish", 5, nil, stream, "live")
	return c.answer("onStatus")
}

// ends waits until the server has closed the connection.
func (c *client) ends() {
	c.t.Helper()
	if _, err := io.Copy(io.Discard, c); err != nil {
		c.t.Errorf("waiting for the end: %v", err)
	}
}

// sound sends a sequence header or a frame of sound.
func (c *client) sound(timestamp uint32, packet byte) {
	c.t.Helper()
	body := []byte{0xaf, packet, 0x11, 0x90}
	c.send(rtmp.Message{ChunkStream: 4, Type: rtmp.TypeAudio, Stream: 1, Timestamp: timestamp, Body: body})
}
