package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bluenviron/gortmplib/pkg/amf0"

	"github.com/tuttilive/tutti/internal/mux/flv"
	"github.com/tuttilive/tutti/internal/mux/rtmp"
)

// heap is what is in use after everything that can go has gone.
func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// heapSlack is by how much that may grow by what is not the matter.
const heapSlack = 48 << 20

// closes waits until the server ends a connection.
func closes(t *testing.T, what string, c net.Conn) {
	t.Helper()
	c.SetReadDeadline(time.Now().Add(patience))
	if _, err := io.Copy(io.Discard, c); err != nil && os.IsTimeout(err) {
		t.Errorf("%s: the connection is left open", what)
	}
	c.Close()
}

// TestHostileEncoders does to the doors for encoders what no encoder does, while one publishes and somebody watches. All of it ends, nobody else
// notices, and nothing of it is kept.
func TestHostileEncoders(t *testing.T) {
	needFFmpeg(t)
	ports := freePorts(t, 2)
	data := t.TempDir()
	r := start(t, "--rtmps", ports[0], "--srt", ports[1], "--away-grace", "200ms", "--data", data)
	tags := clip(t, slices.Concat(flashing, beeping, tenLong, baseline, aac)...)
	publishTags(t, r, "demo", tags, nil)
	r.live("demo")
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		decode(t, r.url("/live/demo.flv"), "16")
	}()
	noise := rand.NewChaCha8([32]byte{7})
	random := func(n int) []byte {
		b := make([]byte, n)
		noise.Read(b)
		return b
	}
	dial := func(address string) net.Conn {
		t.Helper()
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	// asEncoder has shaken hands.
	asEncoder := func() net.Conn {
		t.Helper()
		c := dial(r.RTMP)
		c.SetDeadline(time.Now().Add(patience))
		if err := rtmp.Connect(c); err != nil {
			t.Fatal(err)
		}
		return c
	}
	before := heap()

	t.Run("garbage", func(t *testing.T) {
		for i := range 40 {
			c := dial([]string{r.RTMP, ports[0]}[i%2])
			b := random(8 << 10)
			if i%4 == 0 {
				b[0] = 3 // the version, so that it is taken for a handshake, and chunks
			}
			c.Write(b)
			c.(*net.TCPConn).CloseWrite()
			closes(t, "garbage", c)
		}
		c, err := net.Dial("udp", ports[1])
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		for range 500 {
			c.Write(random(1 + rand.IntN(1300)))
		}
	})
	t.Run("slow", func(t *testing.T) {
		t.Run("half open", func(t *testing.T) {
			t.Parallel()
			var all []net.Conn
			for i := range 12 {
				c := dial(r.RTMP)
				c.Write(append([]byte{3}, make([]byte, i*100)...))
				all = append(all, c)
			}
			for _, c := range all {
				closes(t, "half a handshake", c)
			}
		})
		t.Run("byte by byte", func(t *testing.T) {
			t.Parallel()
			var all sync.WaitGroup
			for _, what := range []string{"a handshake", "a command"} {
				c := dial(r.RTMP)
				if what == "a command" {
					c.Close()
					c = asEncoder()
				}
				all.Go(func() {
					begun := time.Now()
					for i := 0; ; i++ {
						b := byte(0)
						if i == 0 {
							b = 3 // a version, and a chunk stream
						}
						if _, err := c.Write([]byte{b}); err != nil {
							return // it was closed
						}
						if time.Since(begun) > patience {
							t.Errorf("%s that comes byte by byte is waited for", what)
							return
						}
						<-time.After(100 * time.Millisecond)
					}
				})
			}
			all.Wait()
		})
	})
	t.Run("chunks and AMF", func(t *testing.T) {
		message := func(kind rtmp.Type, stream uint32, body []byte) []byte {
			return rtmp.AppendMessage(nil, rtmp.Message{ChunkStream: 3, Type: kind, Stream: stream, Body: body}, rtmp.InitialChunkSize)
		}
		connect, err := amf0.Data{"connect", float64(1)}.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		deep := func(level []byte) []byte { return bytes.Repeat(level, 60_000/len(level)) }
		for what, b := range map[string][]byte{
			"the largest chunk size, and a message of 16 MB": slices.Concat(message(rtmp.TypeSetChunkSize, 0, []byte{0x7f, 0xff, 0xff, 0xff}), []byte{4, 0, 0, 0, 0xff, 0xff, 0xff, 9, 1, 0, 0, 0}),
			"no chunk size":                    message(rtmp.TypeSetChunkSize, 0, []byte{0, 0, 0, 0}),
			"a command of 1 MB":                {3, 0, 0, 0, 0x10, 0, 0, 20, 0, 0, 0, 0},
			"an array of four billion":         message(rtmp.TypeCommandAMF0, 0, append(slices.Clone(connect), 0x0a, 0xff, 0xff, 0xff, 0xff)),
			"an ECMA array of four billion":    message(rtmp.TypeCommandAMF0, 0, append(slices.Clone(connect), 0x08, 0xff, 0xff, 0xff, 0xff)),
			"arrays in arrays":                 message(rtmp.TypeCommandAMF0, 0, append(slices.Clone(connect), deep([]byte{0x0a, 0, 0, 0, 1})...)),
			"objects in objects":               message(rtmp.TypeCommandAMF0, 0, append(slices.Clone(connect), deep([]byte{0x03, 0, 1, 'a'})...)),
			"a string longer than its message": message(rtmp.TypeCommandAMF0, 0, append(slices.Clone(connect), 0x0c, 0xff, 0xff, 0xff, 0xff)),
		} {
			c := asEncoder()
			go c.Write(b)
			closes(t, what, c)
		}
	})
	t.Run("endless sequence headers", func(t *testing.T) {
		e, err := dialEncoder(r.RTMP, "headers")
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
		go func() {
			for range e.told {
			}
		}()
		var picture, sound []byte
		for _, tag := range tags {
			if isHeader(tag, flv.VideoTag) {
				picture = tag.Body
			}
			if isHeader(tag, flv.AudioTag) {
				sound = tag.Body
			}
		}
		for i := range 20_000 {
			p, s := slices.Clone(picture), slices.Clone(sound)
			p[len(p)-1] = byte(i) // of the PPS: another format each time
			s[3] ^= byte(i) & 0x18
			for _, tag := range []flv.Tag{{Type: flv.VideoTag, Timestamp: uint32(i), Body: p}, {Type: flv.AudioTag, Timestamp: uint32(i), Body: s}} {
				if e.tag(tag) != nil {
					return // sent away
				}
			}
		}
	})
	t.Run("names", func(t *testing.T) {
		for _, name := range []string{
			"../../etc/passwd", "..", "%2e%2e%2f%2e%2e%2fetc", "a%00b", "a\\..\\b", "demo\x00", "a b", strings.Repeat("a", 65), strings.Repeat("a", 50_000), "/", "?key=x", "demo%",
		} {
			if e, err := dialEncoder(r.RTMP, name); err == nil {
				e.Close()
				t.Errorf("%q is taken", name)
			} else if !strings.Contains(err.Error(), "NetStream.Publish.BadName") {
				t.Errorf("%q: %v", name, err)
			}
		}
		err := filepath.WalkDir(filepath.Dir(data), func(path string, d os.DirEntry, err error) error {
			if strings.Contains(path, "passwd") || strings.Contains(path, "etc") {
				t.Errorf("there is %s", path)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	})
	t.Run("many names", func(t *testing.T) {
		var all sync.WaitGroup
		for worker := range 8 {
			all.Go(func() {
				for i := range 100 {
					e, err := dialEncoder(r.RTMP, fmt.Sprintf("made-up-%d-%d", worker, i))
					if err != nil {
						t.Error(err)
						return
					}
					// Sound, so that there is a show, and then nothing.
					for _, tag := range tags {
						if tag.Type == flv.AudioTag && tag.Timestamp < 100 {
							e.tag(tag)
						}
					}
					e.Close()
				}
			})
		}
		all.Wait()
	})
	<-watched
	if codes := warningsOf(r, "demo"); len(codes) != 0 {
		t.Errorf("the host of the room beside is warned of %v", codes)
	}
	for deadline := time.Now().Add(patience); ; <-time.After(100 * time.Millisecond) { // shows end, handshakes are given up
		grown := heap() - before
		if grown < heapSlack {
			t.Logf("the heap has grown by %d KiB", grown>>10)
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the heap has grown by %d MiB", grown>>20)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if _, err := ffmpeg(t, ctx, slices.Concat(testTone, aac, overSRT, []string{"-t", "1", "-srt_streamid", "after", "srt://" + ports[1]})...); err != nil {
		t.Errorf("SRT takes nobody any more: %v", err)
	}
}
