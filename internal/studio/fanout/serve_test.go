package fanout

import (
	"io"
	"net"
	"testing"

	"github.com/tuttilive/tutti/internal/mux/flv"
)

// TestWhoIsSentAwayWaitsForNoFrame ends a viewer whose connection no sweeper can have, while nothing comes.
func TestWhoIsSentAwayWaitsForNoFrame(t *testing.T) {
	stream := startStream(t, newFakeSource(), 0, flv.Tracks{})
	ours, theirs := net.Pipe()
	defer theirs.Close()
	go io.Copy(io.Discard, theirs)
	done, served := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(served)
		stream.Serve(done, ours, nil, newFakeWatcher())
	}()
	close(done)
	<-served
}
