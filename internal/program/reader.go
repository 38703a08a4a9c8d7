package program

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/tuttilive/tutti/internal/media"
)

var (
	// ErrEnded tells that the program is over.
	ErrEnded = errors.New("program: it has ended")
	// ErrReaderClosed is what Next fails with after Close.
	ErrReaderClosed = errors.New("program: reader closed")
)

const (
	// pictureHold is how long a picture may wait for sound of its time, soundHold the reverse. The mix is behind its
	// sources, so it is the sound that comes later.
	pictureHold = 250 * time.Millisecond
	soundHold   = 120 * time.Millisecond
	// lively is how long after its last frame something is still waited for.
	lively = 500 * time.Millisecond
	// never is long before all media time.
	never = time.Duration(-1 << 62)
)

// Demand is what a reader can take: codecs in order of preference. The first that can be had without conversion is
// given, else the first that can be had at all.
type Demand struct {
	Video, Audio []media.Codec
	// Size asks for the smallest picture that is at least as large: a layer of the source that is shown, a rendition of the composed
	// picture. Where there is none as large, and for the zero value, it is the largest. Program.Sizes are those that there are; they
	// come and go, and the reader follows at keyframes.
	Size media.Size
	// Plain asks for pictures in the order in which they are shown, without B-frames, as WebRTC needs them. They are taken out where there is
	// ffmpeg; else they come nevertheless. Video is H.264 then.
	Plain bool
	// Back is how long ago the reader may begin, where the tracks have kept what they sent, and all that while the program was made of them as
	// it is now: for players that want some of it at once. Otherwise it begins with the newest keyframe, or the next one where that is from before
	// it was on the air.
	Back time.Duration
	// Steady asks for sound that keeps the form, codec, rate and channels, in which it began, as a file's must. What has another one is
	// mixed instead of passing through, and the mix is made in that form.
	// Sound that is neither encoded here nor decoded comes as it is.
	Steady bool
}

// Reader gives the program's frames, picture and sound merged in order of DTS, on a timeline that never steps back: DTS
// increase strictly for each kind, and a picture comes with the sound that is heard
// when it begins. Sound never waits for pictures, but for a moment that makes the order right. While the
// source is muted or gone its last keyframe is repeated each second, if it is whole by itself. Where a picture cannot be had in any codec of the
// demand there is sound only, until one can (Program.Warnings says why).
//
// A new source, and lost frames, are marked by Discontinuity; frames may change their Format at a keyframe. Next belongs to one
// goroutine; Close may be called from any.
type Reader struct {
	program *Program
	closed  chan struct{}
	once    sync.Once
	timer   *time.Timer

	mu      sync.Mutex // held while something is looked for, not while waiting
	picture picture
	sound   sound
}

func newReader(p *Program, d Demand) *Reader {
	r := &Reader{
		program: p, closed: make(chan struct{}), timer: time.NewTimer(time.Hour),
		picture: picture{demand: d.Video, size: d.Size, plain: d.Plain, back: d.Back}, sound: sound{demand: d.Audio, steady: d.Steady, mixer: p.mixer},
	}
	r.picture.last, r.picture.retry = never, never
	r.sound.last, r.sound.end, r.sound.retry = never, never, never
	return r
}

// Next waits for the next frame. It fails with io.EOF when the program ends.
func (r *Reader) Next(ctx context.Context) (*media.Frame, error) {
	for {
		select {
		case <-r.closed:
			return nil, ErrReaderClosed
		case <-r.program.done:
			return nil, io.EOF
		default:
		}
		r.mu.Lock()
		if r.isClosed() {
			r.mu.Unlock()
			continue
		}
		now := media.Now()
		plan, changed := r.program.current()
		r.follow(plan, now)
		feeds := [...]*feed{r.picture.now, r.picture.next, r.sound.now, r.sound.next}
		var woken [len(feeds)]<-chan struct{}
		for i, feed := range feeds {
			woken[i] = feed.woken()
		}
		f, wait := r.pick(now)
		for i, feed := range feeds {
			if feed.waits() {
				woken[i] = nil
			}
		}
		r.mu.Unlock()
		if f != nil {
			return f, nil
		}
		r.timer.Reset(max(wait, time.Millisecond))
		select {
		case <-woken[0]:
		case <-woken[1]:
		case <-woken[2]:
		case <-woken[3]:
		case <-changed:
		case <-r.timer.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-r.closed:
		case <-r.program.done:
		}
	}
}

// Close releases what the reader demanded.
func (r *Reader) Close() {
	r.once.Do(func() { close(r.closed) })
	r.mu.Lock()
	defer r.mu.Unlock()
	r.picture.close()
	r.sound.close()
	r.timer.Stop()
}

func (r *Reader) isClosed() bool {
	select {
	case <-r.closed:
		return true
	default:
		return false
	}
}

// follow takes up changes of the plan. The sound that passes through begins where the first picture does.
func (r *Reader) follow(p plan, now time.Duration) {
	if len(r.picture.demand) > 0 {
		since := p.since
		if r.picture.back > 0 && !r.picture.begun && r.picture.next == nil && p.picture != nil { // it is about to be opened
			since = max(since, r.sound.kept(p, now))
		}
		r.picture.follow(&p, now, since)
	}
	from := never
	if n := r.picture.next; n != nil && !r.picture.begun {
		if h := n.peek(now); h != nil && h.Keyframe {
			from = h.DTS
		}
	}
	r.sound.follow(p, now, from)
}

// pick gives the frame that goes out now, or tells how long to wait at most.
func (r *Reader) pick(now time.Duration) (*media.Frame, time.Duration) {
	p, s := r.picture.candidate(now), r.sound.candidate(now)
	if p != nil && s != nil && !r.picture.begun && !r.sound.begun {
		s = r.sound.begin(p.DTS, now)
	}
	wait := mutedCheck
	switch {
	case p != nil && s != nil:
		if p.DTS < s.DTS {
			return r.picture.give(now), 0
		}
		return r.sound.give(now), 0
	case p != nil:
		held := now - r.picture.now.seenAt
		ahead := r.picture.now.head.DTS >= r.sound.end // where it lies of itself: what is moved up has had its sound
		if !ahead || !r.sound.expected(now) || held >= pictureHold {
			return r.picture.give(now), 0
		}
		wait = min(wait, pictureHold-held)
	case s != nil:
		held := now - r.sound.now.seenAt
		if s.DTS <= r.picture.last || !r.picture.expected(now) || held >= soundHold {
			return r.sound.give(now), 0
		}
		wait = min(wait, soundHold-held)
	}
	if p == nil {
		if at, ok := r.picture.repetition(); ok {
			if at <= now {
				return r.picture.repeat(now), 0
			}
			wait = min(wait, at-now)
		}
	}
	return nil, wait
}
