package fanout

import (
	"errors"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/mux/flv"
)

const (
	// maxBehind is how far a viewer may lag before it goes on at a newer keyframe, if there is one.
	maxBehind = 3 * time.Second
	// A viewer that had to skip maxSkips times within skipSpan is cut off: its connection is too slow for this stream.
	maxSkips = 3
	skipSpan = 30 * time.Second
	// stallLimit is how long a viewer may take nothing at all while there is something for it.
	stallLimit = 10 * time.Second
	// batch is how many chunks are written at once at most.
	batch = 16
)

var (
	errTooSlow = errors.New("connection is too slow for the stream")
	errStalled = errors.New("viewer takes nothing any more")
)

// Watcher is what a viewer is counted by.
type Watcher interface {
	Sent(bytes int)
	Skipped(reason string)
	Close()
}

// feed is a viewer's way through the chunks: where it begins, what it must be told again after a loss, when it is too
// slow. It does no I/O and belongs to one goroutine.
type feed struct {
	cursor  *media.Cursor[*chunk]
	form    Form
	watcher Watcher
	header  *flv.Header // as the viewer knows it; nil before the beginning
	lost    bool        // chunks were skipped since the last one given
	skips   [maxSkips]time.Duration
}

func newFeed(ring *media.Ring[*chunk], form Form, w Watcher) feed {
	return feed{cursor: ring.FromKey(), form: form, watcher: w}
}

// next appends what is to be written now, nothing when all has been. The bytes are shared and must not be changed. It
// fails with errTooSlow, or when the stream has ended and all of it was given.
func (f *feed) next(dst [][]byte, now time.Duration) ([][]byte, error) {
	if f.header != nil && f.cursor.KeepWithin(maxBehind) {
		if err := f.skipped("behind", now); err != nil {
			return dst, err
		}
	}
	var chunks [batch]*chunk
	n, overrun, err := f.cursor.Read(chunks[:])
	if overrun && f.header != nil {
		if err := f.skipped("overrun", now); err != nil {
			return dst, err
		}
	}
	for _, c := range chunks[:n] {
		switch {
		case f.header == nil:
			dst = append(dst, f.form(nil, c.header.AppendStart(nil, c.timestamp), true))
		case f.lost && f.header != c.header:
			dst = append(dst, f.form(nil, c.header.AppendSequence(nil, c.timestamp), false))
		}
		f.header, f.lost = c.header, false
		dst = append(dst, c.bytes)
	}
	return dst, err
}

// skipped counts a loss and tells whether there were too many.
func (f *feed) skipped(reason string, now time.Duration) error {
	f.lost = true
	f.watcher.Skipped(reason)
	oldest := f.skips[0]
	copy(f.skips[:], f.skips[1:])
	f.skips[maxSkips-1] = now
	if oldest != 0 && now-oldest < skipSpan {
		f.watcher.Skipped("cut off")
		return errTooSlow
	}
	return nil
}
