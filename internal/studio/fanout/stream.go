package fanout

import (
	"context"
	"log/slog"
	"runtime"
	"sync"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/mux/flv"
)

// bothWait is how long the first viewer waits for the second kind of media, so that the header can say what there is.
const bothWait = 200 * time.Millisecond

// keptChunks bounds what a stream keeps: enough for the longest distance between keyframes that makes sense, and before the newest keyframe
// what a viewer may be behind who does not go on there.
var keptChunks = media.Limits{Items: 8192, Bytes: 64 << 20, Span: 15 * time.Second, Past: maxBehind + time.Second}

// Source is where a stream's frames come from; a program's reader.
type Source interface {
	Next(ctx context.Context) (*media.Frame, error)
	Close()
}

// chunk is the bytes of one tick, shared by all viewers.
type chunk struct {
	bytes []byte
	// header is what a viewer that begins with this chunk must have, and timestamp when the chunk begins.
	header    *flv.Header
	timestamp uint32
}

// Stream is a program as tags in some form. One goroutine writes it; it ends with the program or by Close.
type Stream struct {
	source   Source
	expected func() flv.Tracks
	tick     time.Duration
	form     Form
	log      *slog.Logger
	ring     *media.Ring[*chunk]
	over     chan struct{} // closed after the ring
	retry    time.Duration // of its sweepers
	cancel   context.CancelFunc
	running  sync.WaitGroup

	mu      sync.Mutex // guards what follows: frames come on one goroutine, ticks on another
	muxer   *flv.Muxer
	early   []*media.Frame // until the muxer is there
	begin   *time.Timer    // ends the wait for the second kind
	pending []byte         // tags since the last tick
	first   mark           // of the pending tags
	flush   *time.Timer
	ticking bool
	refused map[*media.Format]bool
	video   time.Duration // when the last picture came, 0 before the first

	sweepMu  sync.Mutex
	sweepers []*sweeper
	viewers  int
	ended    bool
}

// mark is what the viewers must know of a chunk.
type mark struct {
	timestamp uint32
	key       bool
}

// New makes a stream of a source, which it closes in the end. expected tells which tracks will come; tags are gathered for a tick, 0 for pictures
// at once, and written in a form, nil for FLV's own.
func New(src Source, expected func() flv.Tracks, tick time.Duration, form Form, log *slog.Logger) *Stream {
	if form == nil {
		form = FLV
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := &Stream{source: src, expected: expected, tick: tick, form: form, log: log, ring: media.NewRing[*chunk](keptChunks), over: make(chan struct{}), retry: retryEvery, cancel: cancel}
	s.running.Go(func() { s.run(ctx) })
	return s
}

// Close ends the stream and its viewers and waits for its goroutines.
func (s *Stream) Close() {
	s.cancel()
	s.running.Wait()
	s.sweepMu.Lock()
	s.ended = true
	sweepers := s.sweepers
	s.sweepers = nil
	s.sweepMu.Unlock()
	for _, w := range sweepers {
		w.stop()
	}
}

func (s *Stream) run(ctx context.Context) {
	defer s.source.Close()
	for {
		f, err := s.source.Next(ctx)
		if err != nil {
			s.end(err)
			return
		}
		s.mu.Lock()
		s.take(f)
		s.mu.Unlock()
	}
}

// end writes what is left; viewers get it before they are told.
func (s *Stream) end(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.start()
	s.flushLocked()
	if s.begin != nil {
		s.begin.Stop()
	}
	if s.flush != nil {
		s.flush.Stop()
	}
	s.ring.Close(err)
	close(s.over)
}

// take adds a frame. The caller holds the lock, as of all that follows.
func (s *Stream) take(f *media.Frame) {
	if s.muxer != nil {
		s.mux(f)
		return
	}
	s.early = append(s.early, f)
	video, audio := s.known()
	switch {
	case video != nil && audio != nil:
		s.start()
	case s.begin == nil:
		s.begin = time.AfterFunc(bothWait, func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.start()
		})
	}
}

// known are the formats of the early frames.
func (s *Stream) known() (video, audio *media.Format) {
	for _, f := range s.early {
		switch {
		case f.Kind() == media.Video && video == nil:
			video = f.Format
		case f.Kind() == media.Audio && audio == nil:
			audio = f.Format
		}
	}
	return video, audio
}

// start decides what the header says and muxes the early frames.
func (s *Stream) start() {
	if s.muxer != nil || len(s.early) == 0 {
		return
	}
	s.muxer = flv.NewMuxer(s.early[0].DTS, s.expected())
	if err := s.muxer.Know(s.known()); err != nil {
		s.log.Warn("format that FLV cannot carry", "error", err)
	}
	for _, f := range s.early {
		s.mux(f)
	}
	s.early = nil
	s.flushLocked() // viewers wait for it
}

// mux writes a frame's tags. A keyframe begins a chunk, so that viewers can begin there.
func (s *Stream) mux(f *media.Frame) {
	key := s.isKey(f)
	if key && len(s.pending) > 0 {
		s.append()
	}
	bytes, err := s.muxer.Append(s.pending, f)
	if err != nil {
		s.refuse(f, err)
		return
	}
	if len(s.pending) == 0 {
		s.first = mark{timestamp: s.muxer.Timestamp(f.DTS), key: key}
	}
	s.pending = bytes
	tick := s.tick
	if tick <= 0 {
		if f.Kind() == media.Video || key {
			s.flushLocked()
			return
		}
		tick = soundWait
	}
	if !s.ticking {
		s.ticking = true
		if s.flush == nil {
			s.flush = time.AfterFunc(tick, func() {
				s.mu.Lock()
				defer s.mu.Unlock()
				s.flushLocked()
			})
		} else {
			s.flush.Reset(tick)
		}
	}
}

// soundWait is how long sound waits for the next picture, to be written with it, where nothing else is gathered. Players need both, and
// most of what a frame of sound costs is a write of its own.
const soundWait = 40 * time.Millisecond

// noPicture is how long pictures must have been missing until a viewer may begin with sound alone.
const noPicture = 5 * time.Second

// isKey tells whether a viewer can begin with a frame: a keyframe, or any sound while there are no pictures.
func (s *Stream) isKey(f *media.Frame) bool {
	if f.Kind() == media.Video {
		s.video = f.DTS
		return f.Keyframe
	}
	return s.muxer.Header().Video == nil || f.DTS-s.video > noPicture
}

func (s *Stream) refuse(f *media.Frame, err error) {
	if !s.refused[f.Format] {
		if s.refused == nil {
			s.refused = map[*media.Format]bool{}
		}
		s.refused[f.Format] = true
		s.log.Warn("frame left out", "error", err)
	}
}

func (s *Stream) flushLocked() {
	s.ticking = false
	if len(s.pending) > 0 {
		s.append()
		s.ring.Flush()
	}
}

// append puts the pending tags into the ring as one chunk. Its place in time is the present, not that of its frames: a
// viewer lags by how long something has been waiting for it, and not when an encoder sends what its network held up.
func (s *Stream) append() {
	c := &chunk{bytes: s.form(nil, s.pending, false), header: s.muxer.Header(), timestamp: s.first.timestamp}
	s.ring.Append(c, media.Mark{Bytes: len(c.bytes), Time: media.Now(), Key: s.first.key})
	s.pending = s.pending[:0]
}

// viewersPerSweeper is how many viewers make a second sweeper worth it.
const viewersPerSweeper = 64

// sweep hands a viewer to a sweeper, which ends it. It tells whether the stream still runs.
func (s *Stream) sweep(v *viewer) bool {
	s.sweepMu.Lock()
	defer s.sweepMu.Unlock()
	if s.ended {
		return false
	}
	if want := min(runtime.GOMAXPROCS(0), 1+s.viewers/viewersPerSweeper); len(s.sweepers) < want {
		s.sweepers = append(s.sweepers, newSweeper(s.ring, s.over, s.left, s.retry))
	}
	s.viewers++
	least := s.sweepers[0]
	for _, w := range s.sweepers[1:] {
		if w.load.Load() < least.load.Load() {
			least = w
		}
	}
	least.add(v)
	return true
}

func (s *Stream) left() {
	s.sweepMu.Lock()
	defer s.sweepMu.Unlock()
	s.viewers--
}
