package liveload

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/bluenviron/gortmplib/pkg/amf0"

	"github.com/tuttilive/tutti/internal/mux/flv"
	"github.com/tuttilive/tutti/internal/mux/rtmp"
)

var errNoRTMP = errors.New("liveload: the server sends chunks that this client does not read")

// playRTMP asks a server for a stream. What it answers is for chunks.
func playRTMP(conn io.ReadWriter, host, app, stream string) error {
	if err := rtmp.Connect(conn); err != nil {
		return err
	}
	var b []byte
	for _, c := range []struct {
		stream uint32
		said   rtmp.Command
	}{
		{0, rtmp.Command{Name: "connect", Transaction: 1, Arguments: []any{amf0.Object{{Key: "app", Value: app}, {Key: "tcUrl", Value: fmt.Sprintf("rtmp://%s/%s", host, app)}}}}},
		{0, rtmp.Command{Name: "createStream", Transaction: 2, Arguments: []any{nil}}},
		{1, rtmp.Command{Name: "play", Transaction: 3, Arguments: []any{nil, stream}}}, // servers give stream 1
	} {
		m, err := c.said.Message(c.stream)
		if err != nil {
			return err
		}
		b = rtmp.AppendMessage(b, m, rtmp.InitialChunkSize)
	}
	_, err := conn.Write(b)
	return err
}

// chunks follows RTMP's chunk stream through reads of any size, and finds in it what would be FLV's tags (RTMP 1.0, section 5.3).
type chunks struct {
	size    int // of a chunk
	streams [16]message
	now     *message // whose chunk is being read; nil in a header
	left    int      // of that chunk
	head    [18]byte
	have    int
}

// message is what is known of a chunk stream's message.
type message struct {
	kind      flv.TagType
	timestamp uint32
	extended  bool
	length    int
	got       int
	front     []byte
}

func (c *chunks) feed(b []byte, found func(tag)) error {
	if c.size == 0 {
		c.size = rtmp.InitialChunkSize
	}
	for len(b) > 0 {
		if c.now == nil {
			c.head[c.have] = b[0]
			c.have++
			b = b[1:]
			if err := c.header(); err != nil {
				return err
			}
			continue
		}
		m, n := c.now, min(c.left, len(b))
		if wanted := min(m.length, frontSize); len(m.front) < wanted {
			m.front = append(m.front, b[:min(n, wanted-len(m.front))]...)
		}
		b, c.left, m.got = b[n:], c.left-n, m.got+n
		if c.left > 0 {
			return nil
		}
		c.now = nil
		if m.got < m.length {
			continue
		}
		if m.kind == flv.TagType(rtmp.TypeSetChunkSize) && len(m.front) == 4 {
			if c.size = int(binary.BigEndian.Uint32(m.front)); c.size < 1 || c.size > 1<<24 {
				return errNoRTMP
			}
		}
		if m.kind == flv.AudioTag || m.kind == flv.VideoTag || m.kind == flv.ScriptTag {
			found(tag{kind: m.kind, timestamp: m.timestamp, size: m.length, front: m.front})
		}
		m.got, m.front = 0, m.front[:0]
	}
	return nil
}

// header begins a chunk when its header is whole.
func (c *chunks) header() error {
	format, id := c.head[0]>>6, c.head[0]&0x3f
	if id < 2 || int(id) >= len(c.streams) {
		return errNoRTMP
	}
	size := [4]int{11, 7, 3, 0}[format]
	m := &c.streams[id]
	h := c.head[1:]
	extended := m.extended
	if format < 3 {
		if c.have < 4 {
			return nil
		}
		extended = h[0]&h[1]&h[2] == 0xff
	}
	whole := 1 + size
	if extended {
		whole += 4
	}
	if c.have < whole {
		return nil
	}
	c.have = 0
	if format < 3 {
		stamp := uint32(h[0])<<16 | uint32(h[1])<<8 | uint32(h[2])
		if extended {
			stamp = binary.BigEndian.Uint32(h[size:])
		}
		if format > 0 {
			stamp += m.timestamp
		}
		m.timestamp, m.extended = stamp, extended
	}
	if format < 2 {
		m.length, m.kind = int(h[3])<<16|int(h[4])<<8|int(h[5]), flv.TagType(h[6])
	}
	if m.length == 0 {
		return nil
	}
	c.now, c.left = m, min(c.size, m.length-m.got)
	return nil
}
