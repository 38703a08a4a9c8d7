package flv

import (
	"context"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/mux/flv"
	"github.com/tuttilive/tutti/internal/studio"
	"github.com/tuttilive/tutti/internal/studio/fanout"
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

// fakeWatcher counts what a viewer got.
type fakeWatcher struct {
	sent   int
	closed chan struct{}
}

func (w *fakeWatcher) Sent(n int)     { w.sent += n }
func (w *fakeWatcher) Skipped(string) {}
func (w *fakeWatcher) Close()         { close(w.closed) }

// fakeGate opens one stream to everybody.
type fakeGate struct {
	stream *fanout.Stream
	err    error
	opened chan *fakeWatcher
}

func (g *fakeGate) open(context.Context, string, studio.Credential, kind) (fanout.Watcher, *fanout.Stream, error) {
	if g.err != nil {
		return nil, nil, g.err
	}
	w := &fakeWatcher{closed: make(chan struct{})}
	if g.opened != nil {
		g.opened <- w
	}
	return w, g.stream, nil
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// startStream makes a stream of a source that is ended with the test.
func startStream(t testing.TB, src fanout.Source, tick time.Duration, expect flv.Tracks) *fanout.Stream {
	t.Helper()
	s := fanout.New(src, func() flv.Tracks { return expect }, tick, fanout.FLV, quiet())
	t.Cleanup(s.Close)
	return s
}
