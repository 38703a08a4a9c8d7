package rtmp

import (
	"io"
	"log/slog"
	"net"
	"testing"

	"github.com/bluenviron/gortmplib/pkg/amf0"

	"github.com/tuttilive/tutti/internal/mux/rtmp"
)

// FuzzSession sends a connection anything after the handshake. It must come to an end and leave nobody behind.
func FuzzSession(f *testing.F) {
	var seed []byte
	add := func(stream uint32, name string, arguments ...any) {
		m, err := command(stream, name, 1, arguments...)
		if err != nil {
			f.Fatal(err)
		}
		seed = rtmp.AppendMessage(seed, m, rtmp.InitialChunkSize)
	}
	add(0, "connect", amf0.Object{{Key: "app", Value: "live"}})
	f.Add(seed)
	add(0, "createStream", nil)
	add(1, "publish", nil, "demo?key=secret", "live")
	f.Add(seed)
	for _, body := range [][]byte{{0xaf, 0, 0x11, 0x90}, {0xaf, 1, 1, 2, 3}} {
		seed = rtmp.AppendMessage(seed, rtmp.Message{ChunkStream: 4, Type: rtmp.TypeAudio, Stream: 1, Timestamp: 20, Body: body}, rtmp.InitialChunkSize)
	}
	seed = rtmp.AppendMessage(seed, rtmp.Message{ChunkStream: 4, Type: rtmp.TypeDataAMF0, Stream: 1, Body: []byte{2, 0, 1, 'x'}}, rtmp.InitialChunkSize)
	f.Add(seed)
	add(1, "deleteStream", nil, 1.0)
	f.Add(seed)

	f.Fuzz(func(t *testing.T, b []byte) {
		st := newFakeStage()
		s, err := listen(Options{Address: "127.0.0.1:0", Log: slog.New(slog.DiscardHandler)}, st)
		if err != nil {
			t.Skip(err)
		}
		here, there := net.Pipe()
		go io.Copy(io.Discard, there)
		s.start(here)
		hello := make([]byte, 1+2*1536)
		hello[0] = 3
		there.Write(hello)
		there.Write(b)
		there.Close()
		s.running.Wait()
		s.Close()
		if len(s.sessions) > 0 || len(s.perAddress) > 0 {
			t.Fatalf("%d sessions, %d addresses are left", len(s.sessions), len(s.perAddress))
		}
		for _, in := range st.ingests {
			if !in.left {
				t.Fatal("a participant is left")
			}
		}
	})
}
