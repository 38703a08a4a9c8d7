package pull

import (
	"sync/atomic"
	"time"
)

const (
	// mostStocked is how many segments are fetched before they are taken, beside the one with which there is no more room. Fewer are
	// where they have mostStockedBytes.
	mostStocked      = behind - 1
	mostStockedBytes = 16 << 20
	// leastAgain is how much there must be in stock at least after it ran out, and as much as fetching a segment takes, up to what one may play.
	leastAgain = 2 * time.Second
)

// stock is what of a rendition has been fetched and is not given yet. The rendition's goroutine puts it in, the stream's takes it out.
type stock struct {
	segments chan fetched // the last one says why there are no more
	bytes    atomic.Int64 // that were not taken yet
	taken    chan struct{}
	heard    chan<- struct{}
	dry      atomic.Bool // nothing more was listed
}

// fetched is a segment.
type fetched struct {
	period uint64
	b      []byte
	// header is what comes before the segment where it is fragmented MP4, and another one than before.
	header []byte
	movie  bool
	anew   bool          // the stream has begun anew with it
	again  time.Duration // how much there must be in stock after it ran out
	target time.Duration // how long segments may play
	err    error         // why there are no more
}

func newStock(heard chan<- struct{}) *stock {
	return &stock{segments: make(chan fetched, mostStocked), taken: make(chan struct{}, 1), heard: heard}
}

// tell has the stream look again.
func (s *stock) tell() {
	select {
	case s.heard <- struct{}{}:
	default:
	}
}
