package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/gortmplib/pkg/amf0"

	"github.com/tuttilive/tutti/internal/mux/flv"
	"github.com/tuttilive/tutti/internal/mux/rtmp"
)

// encoder publishes tags over RTMP, and sends what no well-behaved program would.
type encoder struct {
	net.Conn
	reader *rtmp.Reader
	// told is what the server says after the beginning: code and description.
	told chan string
}

const encoderChunk = 4096

// dialEncoder connects and publishes; it fails with what the server says.
func dialEncoder(address, stream string) (*encoder, error) {
	c, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	c.SetDeadline(time.Now().Add(5 * time.Minute))
	e := &encoder{Conn: c, told: make(chan string, 16)}
	if err := rtmp.Connect(c); err != nil {
		return nil, err
	}
	e.reader = rtmp.NewReader(c, rtmp.DefaultLimits)
	if err := e.send(rtmp.SetChunkSize(encoderChunk)); err != nil {
		return nil, err
	}
	for i, command := range []rtmp.Command{
		{Name: "connect", Arguments: []any{amf0.Object{{Key: "app", Value: "live"}, {Key: "flashVer", Value: "test"}, {Key: "tcUrl", Value: "rtmp://x/live"}}}},
		{Name: "createStream", Arguments: []any{nil}},
		{Name: "publish", Arguments: []any{nil, stream, "live"}},
	} {
		command.Transaction = float64(i + 1)
		m, err := command.Message(uint32(i / 2))
		if err == nil {
			err = e.send(m)
		}
		if err != nil {
			return nil, err
		}
	}
	first, err := e.status()
	if err != nil {
		return nil, err
	}
	if !strings.HasPrefix(first, "NetStream.Publish.Start") {
		c.Close()
		return nil, errors.New(first)
	}
	go func() {
		defer close(e.told)
		for {
			s, err := e.status()
			if err != nil {
				return
			}
			e.told <- s
		}
	}()
	return e, nil
}

// send writes a message; the first one is a chunk size, which is what the others have.
func (e *encoder) send(m rtmp.Message) error {
	_, err := e.Write(rtmp.AppendMessage(nil, m, encoderChunk))
	return err
}

func (e *encoder) status() (string, error) {
	for {
		m, err := e.reader.Read()
		if err != nil {
			return "", err
		}
		if m.Type != rtmp.TypeCommandAMF0 {
			continue
		}
		if c, err := rtmp.ReadCommand(m); err == nil && c.Name == "onStatus" {
			return c.Property("code") + " " + c.Property("description"), nil
		}
	}
}

func (e *encoder) tag(t flv.Tag) error {
	streams := map[flv.TagType]uint32{flv.AudioTag: 4, flv.VideoTag: 6, flv.ScriptTag: 5}
	return e.send(rtmp.Message{ChunkStream: streams[t.Type], Type: rtmp.Type(t.Type), Stream: 1, Timestamp: t.Timestamp, Body: t.Body})
}

// play sends tags at their time, over and over, until ctx ends or the server does not take them. Change makes of each what is sent, nothing of
// one that it gives no body; at is how long it plays.
func (e *encoder) play(ctx context.Context, tags []flv.Tag, change func(t flv.Tag, at time.Duration) flv.Tag) error {
	defer e.Close()
	defer context.AfterFunc(ctx, func() { e.Close() })()
	span := (tags[len(tags)-1].Timestamp + 999) / 1000 * 1000
	began := time.Now()
	for round := uint32(0); ; round++ {
		for _, t := range tags {
			t.Timestamp += round * span
			at := time.Duration(t.Timestamp) * time.Millisecond
			timer := time.NewTimer(time.Until(began.Add(at)))
			select {
			case <-timer.C:
			case <-ctx.Done():
				timer.Stop()
				return nil
			}
			if change != nil {
				t = change(t, at)
			}
			if t.Body == nil {
				continue
			}
			if err := e.tag(t); err != nil {
				if ctx.Err() != nil {
					return nil
				}
				return err
			}
		}
	}
}

// clip is what ffmpeg makes, as tags.
func clip(t *testing.T, args ...string) []flv.Tag {
	t.Helper()
	needFFmpeg(t)
	cmd := exec.Command("ffmpeg", slices.Concat([]string{"-loglevel", "error", "-nostdin"}, args, []string{"-f", "flv", "-flvflags", "no_duration_filesize", "-"})...)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("ffmpeg %v: %v\n%s", args, err, &complaint)
	}
	reader := flv.NewReader(bytes.NewReader(out))
	var tags []flv.Tag
	for {
		tag, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return tags
		}
		if err != nil {
			t.Fatal(err)
		}
		tags = append(tags, tag)
	}
}

// publishTags plays tags into a room until the test ends.
func publishTags(t *testing.T, r *running, room string, tags []flv.Tag, change func(t flv.Tag, at time.Duration) flv.Tag) {
	t.Helper()
	e, err := dialEncoder(r.RTMP, room)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := e.play(ctx, tags, change); err != nil {
			t.Errorf("publishing %s: %v", room, err)
		}
	}()
	t.Cleanup(func() { cancel(); <-done })
}
