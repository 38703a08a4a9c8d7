package hls

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/tuttilive/tutti/internal/media"
)

// MaxTarget is the largest EXT-X-TARGETDURATION, in seconds: a GOP longer than that is cut.
const MaxTarget = 10

// slack is how much longer than EXT-X-TARGETDURATION a segment of pictures may be. RFC 8216bis, section 4.4.3.1, rounds
// to the nearest second, and a segment of sound may be longer by one frame than the pictures it goes with.
const slack = 450 * time.Millisecond

// Config says how a stream is cut. Zero values mean the defaults.
type Config struct {
	// ID goes before the media's URIs in the multivariant playlist, as a folder, and tells one program from another.
	ID string
	// Segment is the least length of a segment, 2 s by default, in whole seconds. Segments begin with keyframes, so the
	// first keyframe interval may make EXT-X-TARGETDURATION longer; from then on it is constant.
	Segment time.Duration
	// Part is the greatest length of a part, 350 ms by default.
	Part time.Duration
	// Window is how many segments a playlist names, 7 by default, at least 3. As many are kept when they have left it.
	Window int
	// MaxBytes bounds what one rendition keeps, 96 MiB by default. Where it is reached, the window gets shorter.
	MaxBytes int
	// Warn hears of what will trouble viewers, once for each code; may be nil.
	Warn func(code, text string)
	// WallClock maps media time to wall-clock time; media.WallClock by default.
	WallClock func(time.Duration) time.Time
}

func (c *Config) fill() {
	if c.Segment < time.Second {
		c.Segment = 2 * time.Second
	}
	c.Segment = min(c.Segment.Round(time.Second), MaxTarget*time.Second)
	if c.Part <= 0 {
		c.Part = 350 * time.Millisecond
	}
	if c.Window < 3 {
		c.Window = 7
	}
	if c.MaxBytes <= 0 {
		c.MaxBytes = 96 << 20
	}
	if c.WallClock == nil {
		c.WallClock = media.WallClock
	}
}

// Stream is one program as HLS. One goroutine writes and ends it; snapshots may be taken from any.
type Stream struct {
	cfg    Config
	base   time.Duration // media time of tick 0
	target int           // EXT-X-TARGETDURATION in seconds, 0 while it is not known
	ended  bool
	warned map[string]bool

	picture picture
	sound   sound

	index    *Resource
	indexed  variant // what index was made of
	snapshot atomic.Pointer[Snapshot]
}

// New makes a stream without media.
func New(cfg Config) *Stream {
	cfg.fill()
	s := &Stream{cfg: cfg, warned: map[string]bool{}}
	s.picture.stream, s.picture.name = s, pictureName
	s.sound.stream, s.sound.name = s, soundName
	s.snapshot.Store(&Snapshot{changed: make(chan struct{})})
	return s
}

// Successor makes a stream that goes on where this one stopped, under the same URIs: for a program that nobody watched
// for a while. The stream must not be written any more. Its numbers go on, so a player that has slept takes it for the
// same playlist.
func (s *Stream) Successor() *Stream {
	next := New(s.cfg)
	next.target = s.target
	discontinuities := max(s.picture.discontinuitiesSoFar(), s.sound.discontinuitiesSoFar()) + 1
	for _, r := range [][2]*rendition{{&next.picture.rendition, &s.picture.rendition}, {&next.sound.rendition, &s.sound.rendition}} {
		r[0].number, r[0].fragments, r[0].maps = r[1].number+1, r[1].fragments, r[1].maps
		r[0].removedDiscontinuities = discontinuities
	}
	return next
}

// Write adds a frame. Frames of both kinds come merged in about the order of their DTS. What cannot be decoded or
// carried is left out.
func (s *Stream) Write(f *media.Frame) {
	if s.ended || f == nil || f.Format == nil || len(f.Payload) == 0 || len(f.Payload) > maxFrameBytes || f.PTS < f.DTS {
		return
	}
	switch f.Kind() {
	case media.Video:
		s.picture.write(f)
	case media.Audio:
		s.sound.write(f)
	}
	s.publish()
}

// End completes what there is and closes the playlists with EXT-X-ENDLIST. Nothing may be written after it.
func (s *Stream) End() {
	if s.ended {
		return
	}
	s.ended = true
	s.picture.finish()
	s.sound.finish()
	s.picture.changed = s.picture.track != nil
	s.sound.changed = s.sound.track != nil
	s.publish()
}

// Snapshot is the stream as it can be served now.
func (s *Stream) Snapshot() *Snapshot { return s.snapshot.Load() }

// fixTarget sets the target duration when the first segment is complete. What the other rendition has collected by then
// must fit, too.
func (s *Stream) fixTarget(first time.Duration) {
	if s.target == 0 {
		for _, r := range []*rendition{&s.picture.rendition, &s.sound.rendition} {
			if r.track != nil {
				first = max(first, r.length())
			}
		}
		s.target = max(int(s.cfg.Segment/time.Second), int((first+time.Second-slack)/time.Second))
		s.target = min(s.target, MaxTarget)
	}
}

// limit is the greatest length of a segment of pictures.
func (s *Stream) limit() time.Duration {
	target := s.target
	if target == 0 {
		target = MaxTarget
	}
	return time.Duration(target)*time.Second + slack
}

func (s *Stream) warn(code, text string, args ...any) {
	if s.cfg.Warn != nil && !s.warned[code] {
		s.warned[code] = true
		s.cfg.Warn(code, fmt.Sprintf(text, args...))
	}
}

// publish makes a new snapshot when a playlist has changed.
func (s *Stream) publish() {
	if !s.picture.changed && !s.sound.changed {
		return
	}
	if s.picture.changed {
		s.picture.render()
	}
	if s.sound.changed {
		s.sound.render()
	}
	s.renderIndex()
	if s.index == nil && !s.ended {
		return
	}
	old := s.snapshot.Swap(&Snapshot{
		changed: make(chan struct{}), index: s.index, target: s.target, ended: s.ended,
		picture: s.picture.view(), sound: s.sound.view(),
	})
	close(old.changed)
}
