package flvload

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/bluenviron/gortmplib/pkg/amf0"

	"github.com/tuttilive/tutti/internal/bench"
	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/media/bitstream"
	"github.com/tuttilive/tutti/internal/mux/flv"
	"github.com/tuttilive/tutti/internal/mux/rtmp"
)

// publisher sends one picture and one sound over RTMP, as OBS would.
type publisher struct {
	conn   net.Conn
	source *bench.Picture
	muxer  *flv.Muxer
	begin  time.Time
	buffer []byte
}

const (
	publishChunk = 4096
	streamID     = 1
)

var (
	pictureFormat = &media.Format{Codec: media.H264, Width: 1280, Height: 720, SPS: bench.SPS, PPS: bench.PPS}
	soundFormat   = &media.Format{Codec: media.AAC, SampleRate: 48000, Channels: 2, Config: []byte{0x11, 0x90}}
)

func publish(ctx context.Context, address, room string, bitrate int) (*publisher, error) {
	conn, err := (&net.Dialer{Timeout: patience}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	p := &publisher{conn: conn, source: bench.NewPicture(bitrate), muxer: flv.NewMuxer(0, flv.Tracks{Video: true, Audio: true})}
	if err := p.open(room); err != nil {
		conn.Close()
		return nil, fmt.Errorf("publishing: %w", err)
	}
	return p, nil
}

// open shakes hands and asks to publish (RTMP 1.0, sections 5.2 and 7.2).
func (p *publisher) open(room string) error {
	p.conn.SetDeadline(time.Now().Add(patience))
	const handshake = 1536
	hello := make([]byte, 1+2*handshake)
	hello[0] = 3
	if _, err := p.conn.Write(hello); err != nil {
		return err
	}
	if _, err := io.ReadFull(p.conn, hello); err != nil {
		return err
	}
	out := rtmp.AppendMessage(nil, rtmp.SetChunkSize(publishChunk), rtmp.InitialChunkSize)
	for i, c := range []struct {
		stream    uint32
		name      string
		arguments []any
	}{
		{0, "connect", []any{amf0.Object{{Key: "app", Value: "live"}, {Key: "flashVer", Value: "tutti-bench"}}}},
		{0, "createStream", []any{nil}},
		{streamID, "publish", []any{nil, room, "live"}},
	} {
		body, err := append(amf0.Data{c.name, float64(i + 1)}, c.arguments...).Marshal()
		if err != nil {
			return err
		}
		out = rtmp.AppendMessage(out, rtmp.Message{ChunkStream: 3, Type: rtmp.TypeCommandAMF0, Stream: c.stream, Body: body}, publishChunk)
	}
	if _, err := p.conn.Write(out); err != nil {
		return err
	}
	for r := rtmp.NewReader(p.conn, rtmp.DefaultLimits); ; {
		m, err := r.Read()
		if err != nil {
			return err
		}
		if done, err := accepted(m); done || err != nil {
			p.conn.SetDeadline(time.Time{})
			return err
		}
	}
}

// accepted tells whether a message says that publishing has begun.
func accepted(m rtmp.Message) (bool, error) {
	if m.Type != rtmp.TypeCommandAMF0 {
		return false, nil
	}
	data, err := amf0.Unmarshal(m.Body)
	if err != nil {
		return false, err
	}
	if len(data) < 4 || data[0] != "onStatus" && data[0] != "_error" {
		return false, nil
	}
	if status, ok := data[3].(amf0.Object); ok {
		code, _ := status.GetString("code")
		if code == "NetStream.Publish.Start" {
			return true, nil
		}
		description, _ := status.GetString("description")
		return false, fmt.Errorf("%s: %s", code, description)
	}
	return false, errors.New("refused")
}

// run sends until ctx ends: 30 pictures a second, and sound.
func (p *publisher) run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { p.conn.Close() })
	defer stop()
	go io.Copy(io.Discard, p.conn) // acknowledgements; it ends with the connection
	p.begin = time.Now()
	const soundLength = 1024 * time.Second / 48000
	var pictures, sounds time.Duration
	for {
		video, audio := pictures*time.Second/bench.FPS, sounds*soundLength
		if err := pause(ctx, time.Until(p.begin.Add(min(video, audio)))); err != nil {
			return nil
		}
		f := &media.Frame{Format: soundFormat, DTS: audio, Keyframe: true, Payload: make([]byte, 340)}
		if audio < video {
			sounds++
		} else {
			pictures++
			f = p.picture(video)
		}
		if err := p.send(f); err != nil && ctx.Err() == nil {
			return fmt.Errorf("publishing: %w", err)
		}
	}
}

func (p *publisher) picture(at time.Duration) *media.Frame {
	slice, key := p.source.Next(time.Now())
	return &media.Frame{Format: pictureFormat, DTS: at, PTS: at, Keyframe: key, Payload: bitstream.AppendUnit(nil, slice)}
}

func (p *publisher) send(f *media.Frame) error {
	f.PTS = f.DTS
	tags, err := p.muxer.Append(nil, f)
	if err != nil {
		return err
	}
	p.buffer = p.buffer[:0]
	for t := range flv.Tags(tags) {
		stream := uint32(4)
		if t.Type == flv.VideoTag {
			stream = 6
		}
		m := rtmp.Message{ChunkStream: stream, Type: rtmp.Type(t.Type), Stream: streamID, Timestamp: t.Timestamp, Body: t.Body}
		p.buffer = rtmp.AppendMessage(p.buffer, m, publishChunk)
	}
	_, err = p.conn.Write(p.buffer)
	return err
}
