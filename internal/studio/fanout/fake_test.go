package fanout

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/mux/flv"
)

// fakeSource gives the frames that a test sends.
type fakeSource struct{ frames chan *media.Frame }

func newFakeSource() *fakeSource { return &fakeSource{frames: make(chan *media.Frame, 4096)} }

func (s *fakeSource) Next(ctx context.Context) (*media.Frame, error) {
	select {
	case f, ok := <-s.frames:
		if !ok {
			return nil, io.EOF
		}
		return f, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (s *fakeSource) Close() {}

// fakeWatcher counts what a viewer got and lost.
type fakeWatcher struct {
	mu     sync.Mutex
	sent   int
	skips  map[string]int
	closed chan struct{}
}

func newFakeWatcher() *fakeWatcher {
	return &fakeWatcher{skips: map[string]int{}, closed: make(chan struct{})}
}

func (w *fakeWatcher) Sent(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sent += n
}

func (w *fakeWatcher) Skipped(reason string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.skips[reason]++
}

func (w *fakeWatcher) Close() { close(w.closed) }

// fakeGate opens one stream to everybody.
type fakeGate struct {
	stream *Stream
	opened chan *fakeWatcher
}

// ServeHTTP takes the connection over, as the door for HTTP-FLV does.
func (g *fakeGate) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	viewer := newFakeWatcher()
	if g.opened != nil {
		g.opened <- viewer
	}
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	g.stream.Serve(nil, conn, []byte("HTTP/1.1 200 OK\r\n\r\n"), viewer)
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// startStream makes a stream of a source that is ended with the test.
func startStream(t testing.TB, src Source, tick time.Duration, expect flv.Tracks) *Stream {
	t.Helper()
	s := New(src, func() flv.Tracks { return expect }, tick, nil, quiet())
	t.Cleanup(s.Close)
	return s
}

var (
	testVideo = &media.Format{Codec: media.H264, Width: 320, Height: 180,
		SPS: []byte{0x67, 0x42, 0xc0, 0x1e, 0xd9, 0x00, 0xa0, 0x47, 0xfe, 0xc8}, PPS: []byte{0x68, 0xce, 0x3c, 0x80}}
	testAudio = &media.Format{Codec: media.AAC, SampleRate: 48000, Channels: 2, Config: []byte{0x11, 0x90}}
)

// testFrame makes a frame with size bytes of payload.
func testFrame(f *media.Format, at time.Duration, key bool, size int) *media.Frame {
	return &media.Frame{Format: f, Payload: make([]byte, size), PTS: at, DTS: at, Keyframe: key || f.Kind() == media.Audio}
}
