package program

import (
	"time"

	"github.com/tuttilive/tutti/internal/codec"
	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/track"
)

// feed is a place in the frames of one track. It belongs to a reader.
type feed struct {
	track   *track.Track             // what the plan named, nil for the mix
	lines   int                      // in which that is made, 0 for as it is
	mix     codec.Form               // of the mix
	takes   func(*media.Format) bool // tells whether frames of a format belong into it; nil for all
	codec   media.Codec
	lease   *track.FrameLease
	ring    *media.Ring[*media.Frame]
	cursor  *media.Cursor[*media.Frame]
	release []func()

	batch  [8]*media.Frame
	n, at  int
	head   *media.Frame // the next frame, nil when there is none now
	seenAt time.Duration
	// abreast is when what came of it last was ahead of what the reader had given, never before it was.
	abreast time.Duration
	broken  bool // frames were lost before head
	ended   bool
	misfit  bool // it has ended because its frames do not belong into it any more
	// rewound tells that the feed has begun in the past, because nothing new came.
	rewound bool
}

func newFeed(t *track.Track, lease *track.FrameLease, cursor *media.Cursor[*media.Frame], release ...func()) *feed {
	return &feed{
		track: t, codec: lease.Codec(), lease: lease, ring: lease.Ring(), cursor: cursor, abreast: never, release: append(release, lease.Release),
	}
}

// stale tells that the track has what suits better.
func (f *feed) stale() bool { return f.lease.Stale() }

// peek gives the next frame without taking it.
func (f *feed) peek(now time.Duration) *media.Frame {
	if f.head != nil || f.ended {
		return f.head
	}
	if f.at == f.n {
		clear(f.batch[:f.n])
		var skipped bool
		var err error
		f.at = 0
		f.n, skipped, err = f.cursor.Read(f.batch[:])
		f.broken = f.broken || skipped
		if err != nil {
			f.ended = true
			return nil
		}
	}
	if f.at < f.n {
		h := f.batch[f.at]
		if f.takes != nil && !f.takes(h.Format) {
			f.ended, f.misfit = true, true
			return nil
		}
		f.head, f.seenAt = f.lease.Seen(h), now
		f.at++
	}
	return f.head
}

// begins tells whether there is a keyframe to begin with that is not older than a time.
func (f *feed) begins(since time.Duration) bool {
	h := f.peek(media.Now())
	return h != nil && h.Keyframe && h.DTS >= since
}

// restart goes on at another place.
func (f *feed) restart(cursor *media.Cursor[*media.Frame]) {
	f.cursor, f.head, f.broken, f.at, f.n = cursor, nil, false, 0, 0
}

// take removes the frame that peek gave.
func (f *feed) take() {
	f.head, f.broken = nil, false
}

// woken is closed when there may be more than there is now. It is taken before peek, or a frame could be missed.
func (f *feed) woken() <-chan struct{} {
	if f == nil || f.ended {
		return nil
	}
	return f.ring.Woken()
}

// waits tells that nothing new is needed: there is a frame, or never will be.
func (f *feed) waits() bool { return f == nil || f.ended || f.head != nil }

func (f *feed) close() {
	if f == nil {
		return
	}
	for _, r := range f.release {
		r()
	}
	f.release = nil
}
