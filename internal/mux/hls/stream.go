package hls

import (
	"fmt"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/tuttilive/tutti/internal/media"
)

const (
	// MaxTarget is the largest EXT-X-TARGETDURATION, in seconds: a GOP longer than that is cut.
	MaxTarget = 10
	// MaxPictures is how many sizes of the picture a stream has at most.
	MaxPictures = 4
)

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
	// Part is the part target, 300 ms by default.
	Part time.Duration
	// Classic leaves parts out of the playlists.
	Classic bool
	// Window is how much time a playlist names, 30 s by default, but not less than three segments. As much is kept when it has left it.
	Window time.Duration
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
		c.Part = 300 * time.Millisecond
	}
	if c.Window <= 0 {
		c.Window = 30 * time.Second
	}
	if c.MaxBytes <= 0 {
		c.MaxBytes = 96 << 20
	}
	if c.WallClock == nil {
		c.WallClock = media.WallClock
	}
}

// Stream is one program as HLS. One goroutine at a time writes and ends it; snapshots may be taken from any.
type Stream struct {
	cfg    Config
	base   time.Duration // media time of tick 0
	after  time.Duration // up to which DTS the stream before it went
	target int           // EXT-X-TARGETDURATION in seconds, 0 while it is not known
	ended  bool
	warned map[string]bool

	pictures []*picture // the largest first
	sound    sound

	index    *Resource
	indexed  index // what index was made of
	unlisted bool  // a segment was made since
	snapshot atomic.Pointer[Snapshot]
}

// New makes a stream without media.
func New(cfg Config) *Stream {
	cfg.fill()
	s := &Stream{cfg: cfg, after: -1 << 62, warned: map[string]bool{}}
	s.addPicture()
	s.sound.stream, s.sound.name = s, soundName
	s.snapshot.Store(&Snapshot{changed: make(chan struct{})})
	return s
}

func (s *Stream) addPicture() *picture {
	p := &picture{rendition: rendition{stream: s, name: pictureName}, further: len(s.pictures) > 0}
	if p.further {
		p.name += strconv.Itoa(len(s.pictures))
	}
	s.pictures = append(s.pictures, p)
	return p
}

// Successor makes a stream that goes on where this one stopped, under the same URIs: for a program that nobody watched
// for a while. The stream must not be written any more. Its numbers go on, so a player that has slept takes it for the
// same playlist, and what that one had is not taken again.
func (s *Stream) Successor() *Stream {
	next := New(s.cfg)
	next.target, next.after = s.target, s.edge()
	var discontinuities uint64
	old, made := []*rendition{&s.sound.rendition}, []*rendition{&next.sound.rendition}
	for i, p := range s.pictures {
		if i > 0 {
			next.addPicture()
		}
		old, made = append(old, &p.rendition), append(made, &next.pictures[i].rendition)
	}
	for _, r := range old {
		discontinuities = max(discontinuities, r.discontinuitiesSoFar()+1)
	}
	for i, r := range made {
		r.number, r.fragments, r.maps = old[i].number+1, old[i].fragments, old[i].maps
		r.removedDiscontinuities = discontinuities
	}
	return next
}

// edge is up to which DTS the stream goes.
func (s *Stream) edge() time.Duration {
	at := s.after
	if p := s.pictures[0]; p.track != nil {
		at = max(at, p.newest)
	}
	if s.sound.track != nil {
		at = max(at, s.base+s.sound.track.Duration(s.sound.end))
	}
	return at
}

// Write adds a frame. Frames of both kinds come merged in about the order of their DTS. What cannot be decoded or
// carried is left out.
func (s *Stream) Write(f *media.Frame) {
	if !s.takes(f) {
		return
	}
	switch f.Kind() {
	case media.Video:
		s.pictures[0].write(f)
		s.sound.keepUp(f.PTS)
	case media.Audio:
		s.sound.write(f)
		for _, p := range s.pictures {
			p.hold(f.PTS)
		}
	}
	s.publish()
}

// WriteFurther adds a frame of the same picture in another size: 1 is the next smaller one, and so on below MaxPictures. It becomes a
// variant that shares the sound. It is left out before the picture itself has begun.
func (s *Stream) WriteFurther(size int, f *media.Frame) {
	if size < 1 || size >= MaxPictures || !s.takes(f) || f.Kind() != media.Video || s.pictures[0].track == nil {
		return
	}
	for len(s.pictures) <= size {
		s.addPicture()
	}
	s.pictures[size].write(f)
	s.publish()
}

func (s *Stream) takes(f *media.Frame) bool {
	return !s.ended && f != nil && f.Format != nil && f.DTS > s.after && len(f.Payload) > 0 && len(f.Payload) <= maxFrameBytes && f.PTS >= f.DTS
}

// End completes what there is and closes the playlists with EXT-X-ENDLIST. Nothing may be written after it.
func (s *Stream) End() {
	if s.ended {
		return
	}
	s.ended = true
	for _, p := range s.pictures {
		p.finish()
	}
	s.sound.finish()
	for _, r := range s.renditions() {
		r.changed = r.track != nil
	}
	s.unlisted = true
	s.publish()
}

// Snapshot is the stream as it can be served now.
func (s *Stream) Snapshot() *Snapshot { return s.snapshot.Load() }

func (s *Stream) renditions() []*rendition {
	list := make([]*rendition, 0, MaxPictures+1)
	for _, p := range s.pictures {
		list = append(list, &p.rendition)
	}
	return append(list, &s.sound.rendition)
}

// interrupt has all pictures begin their next segment with a discontinuity: players match playlists by counting them.
func (s *Stream) interrupt() {
	for _, p := range s.pictures {
		if p.track != nil {
			p.broken++
		}
	}
}

// follow has the further sizes begin with a discontinuity where the picture does, at a DTS.
func (s *Stream) follow(at time.Duration) {
	for _, p := range s.pictures[1:] {
		switch {
		case p.track == nil:
		case p.fresh(at):
			p.discontinuities++
		default:
			p.broken++
		}
	}
}

// fixTarget sets the target duration when the first segment of a rendition is complete, but of a further size: that follows. What the other
// renditions have collected by then must fit, too.
func (s *Stream) fixTarget(of *rendition) {
	s.unlisted = true
	follows := slices.ContainsFunc(s.pictures[1:], func(p *picture) bool { return &p.rendition == of })
	if s.target == 0 && !follows {
		var first time.Duration
		for _, r := range s.renditions() {
			if r.track != nil && r != of {
				first = max(first, r.length())
			}
			for _, segment := range r.segments {
				first = max(first, segment.Duration)
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
	all := s.renditions()
	changed := false
	for _, r := range all {
		changed = changed || r.changed
	}
	if !changed {
		return
	}
	if s.unlisted || s.index == nil {
		s.unlisted = false
		s.renderIndex()
	}
	if s.index == nil && !s.ended {
		return
	}
	var reports []report
	for _, r := range all {
		reports = append(reports, r.report())
	}
	old := s.Snapshot()
	next := &Snapshot{changed: old.changed, index: s.index, pictures: len(s.indexed.pictures), target: s.target, ended: s.ended}
	var passed []*Playlist
	for _, r := range all {
		if r.changed && (r.published() || r.track != nil) {
			if r.playlist != nil {
				passed = append(passed, r.playlist)
			}
			r.playlist = r.snapshot(reports)
		}
		r.changed = false
		if r.playlist != nil {
			next.playlists = append(next.playlists, r.playlist)
		}
	}
	if old.index != next.index || old.ended != next.ended {
		next.changed = make(chan struct{})
	}
	s.snapshot.Store(next)
	if next.changed != old.changed {
		close(old.changed)
	}
	for _, p := range passed {
		close(p.changed)
	}
}
