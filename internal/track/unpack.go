package track

import (
	"math"
	"slices"
	"sync/atomic"
	"time"

	"github.com/tuttilive/tutti/internal/media"
)

const (
	// keyframeInterval is how often a layer that is read as frames is asked for a keyframe: browsers send none by
	// themselves.
	keyframeInterval = 2 * time.Second
	// keyframeRetry is the same while nothing can be shown without one.
	keyframeRetry = 500 * time.Millisecond
	// freshKeyframe is how old a keyframe may be that reading starts with.
	freshKeyframe = 3 * time.Second
	// layerCheck is how often the choice of layer is looked at.
	layerCheck = 250 * time.Millisecond
	// layerGone is how long a layer is silent when another is read instead: a shared screen that stands still is sent
	// once a second.
	layerGone = 1500 * time.Millisecond
	// mostReordered is how many packets may have come before one that is read first.
	mostReordered = 256
	// never is a time long before all others.
	never = time.Duration(math.MinInt64 / 2)
)

// unpacker makes a frame face of a track that is born as packets: a goroutine that reads the largest active layer, or the smallest
// that is at least of a size, and writes frames into a ring. It changes to another layer at a keyframe of that layer.
type unpacker struct {
	track    *Track
	at       media.Size
	ring     *media.Ring[*media.Frame]
	assemble *assembler
	// wanted tells that there are readers, not only a face that lingers.
	wanted atomic.Bool
	// hurry tells that a keyframe is wanted at once.
	hurry atomic.Bool
	wake  chan struct{}
	stop  chan struct{}

	// The goroutine's own.
	heard   []*Layer // those that it listens to
	current reading
	next    reading       // of the layer to change to, until it has a keyframe
	asked   time.Duration // when it asked for a keyframe last
	frames  []*media.Frame
}

// reading is a place in a layer.
type reading struct {
	layer *Layer
	at    uint64 // arrival index
	order *reorder
	key   time.Duration // arrival of the newest keyframe seen
}

func newUnpacker(t *Track, at media.Size) (*unpacker, error) {
	a, err := newAssembler(t.info.Codec)
	if err != nil {
		return nil, err
	}
	return &unpacker{
		track: t, at: at, ring: newFrameRing(t.info.Kind), assemble: a, asked: never,
		wake: make(chan struct{}, 1), stop: make(chan struct{}),
	}, nil
}

// PacketsReady implements Listener.
func (u *unpacker) PacketsReady(*Layer) { u.kick() }

// refresh asks for a keyframe at once.
func (u *unpacker) refresh() {
	u.hurry.Store(true)
	u.kick()
}

// kick makes the goroutine look again.
func (u *unpacker) kick() {
	select {
	case u.wake <- struct{}{}:
	default:
	}
}

// run ends when stop is closed or the track ends.
func (u *unpacker) run() {
	defer u.listen(nil)
	timer := time.NewTimer(layerCheck)
	defer timer.Stop()
	for {
		layers, changed := u.track.layers.get()
		u.listen(layers)
		now := media.Now()
		u.choose(layers, now)
		u.read(now)
		u.askKeyframe(now)

		wait := layerCheck
		if r := u.current.order; r != nil {
			if at, ok := r.deadline(); ok {
				wait = min(wait, max(at-now, time.Millisecond))
			}
		}
		timer.Reset(wait)
		select {
		case <-u.wake:
		case <-changed:
		case <-timer.C:
		case <-u.stop:
			return
		case <-u.track.done:
			return
		}
	}
}

// listen hears of packets in these layers and no others.
func (u *unpacker) listen(layers []*Layer) {
	if slices.Equal(layers, u.heard) {
		return
	}
	for _, l := range u.heard {
		if !slices.Contains(layers, l) {
			l.Unlisten(u)
		}
	}
	for _, l := range layers {
		if !slices.Contains(u.heard, l) {
			l.Listen(u)
		}
	}
	u.heard = layers
}

// choose finds the layer to read among those that packets come in: the smallest that is large enough, else the largest.
func (u *unpacker) choose(layers []*Layer, now time.Duration) {
	var best *Layer
	for _, l := range layers {
		if !l.meter.within(now, layerGone) {
			continue
		}
		best = l
		if w, h := l.Size(); u.at.Area() > 0 && media.AtLeast(w, h, u.at.Width, u.at.Height) {
			break
		}
	}
	switch {
	case best == nil || best == u.current.layer:
		u.next = reading{}
	case u.current.layer == nil:
		u.current, u.next = u.start(best, now), reading{}
	case best != u.next.layer:
		u.next = reading{layer: best, at: best.ring.Head(), key: never}
		if at, ok := best.ring.LastKeyframe(); ok && u.follows(best, at, now) {
			u.next.at = at // it has just sent one
		} else if u.track.info.Kind == media.Video {
			u.request(best, now)
		}
	}
}

// follows tells whether a keyframe is newer than all that was read, so that reading can go on there.
func (u *unpacker) follows(l *Layer, at uint64, now time.Duration) bool {
	p := l.ring.At(at)
	if p == nil {
		return false
	}
	if !u.assemble.begun {
		return now-p.Arrival < freshKeyframe
	}
	t, ok := l.MediaTime(p.Timestamp)
	return ok && t > u.assemble.dts
}

// start begins to read the first layer: pictures at the last keyframe if that is fresh, sound at what comes next.
func (u *unpacker) start(l *Layer, now time.Duration) reading {
	r := reading{layer: l, at: l.ring.Head(), order: newReorder(u.track.info.Kind), key: never}
	if u.track.info.Kind == media.Audio {
		if r.at > 0 {
			r.at--
		}
		return r
	}
	if at, ok := l.ring.LastKeyframe(); ok {
		if p := l.ring.At(at); p != nil && now-p.Arrival < freshKeyframe {
			r.begin(at, p)
			return r
		}
	}
	u.request(l, now)
	return r
}

// read takes what has come, changing the layer where that can be.
func (u *unpacker) read(now time.Duration) {
	u.frames = u.frames[:0]
	if u.next.layer != nil && u.next.seek() {
		u.drain(now)
		u.current, u.next = u.next, reading{}
		u.assemble.gap()
	}
	u.drain(now)
	for _, f := range u.frames {
		u.ring.Append(f, frameMark(f))
	}
	if len(u.frames) > 0 {
		u.ring.Flush()
	}
}

// drain makes frames of what has come in the current layer.
func (u *unpacker) drain(now time.Duration) {
	c := &u.current
	if c.layer == nil {
		return
	}
	ring := c.layer.ring
	for head := ring.Head(); ; {
		for ; c.at < head; c.at++ {
			p := ring.At(c.at)
			if p == nil {
				continue // overwritten; the gap shows in sequence numbers
			}
			if p.Keyframe {
				c.key = p.Arrival
			}
			c.order.push(p)
			u.pop(p.Arrival) // not now: what fills a gap may be among what has gathered
		}
		if head = ring.Head(); c.at >= head {
			break
		}
	}
	u.pop(now)
}

func (u *unpacker) pop(now time.Duration) {
	for {
		p, lost := u.current.order.pop(now)
		if p == nil {
			return
		}
		if lost {
			u.assemble.gap()
		}
		u.frames = u.assemble.push(u.frames, p, u.current.layer.MediaTime)
	}
}

// seek moves to the next keyframe of a layer, if it has come.
func (r *reading) seek() bool {
	for head := r.layer.ring.Head(); r.at < head; r.at++ {
		if p := r.layer.ring.At(r.at); p != nil && p.Keyframe {
			r.begin(r.at, p)
			return true
		}
	}
	return false
}

// begin goes to a keyframe's first packet. If that was lost and came again, what follows it came before.
func (r *reading) begin(at uint64, p *media.Packet) {
	r.order = newReorder(r.layer.track.info.Kind)
	r.order.begin(p)
	r.at = at
	for i := at; i > 0 && at-i < mostReordered; i-- {
		q := r.layer.ring.At(i - 1)
		if q == nil || q.SSRC != p.SSRC {
			return
		}
		if q.Seq > p.Seq {
			r.at = i - 1
		}
	}
}

// askKeyframe asks for one every 2 s while there are readers, sooner while nothing can be shown.
func (u *unpacker) askKeyframe(now time.Duration) {
	if u.track.info.Kind != media.Video || u.current.layer == nil || !u.wanted.Load() || u.track.Muted() {
		return
	}
	l, due := u.current.layer, max(u.asked, u.current.key)+keyframeInterval
	if u.assemble.seeking || u.next.layer != nil {
		due = u.asked + keyframeRetry
	}
	if u.next.layer != nil {
		l = u.next.layer
	}
	if u.hurry.Swap(false) || now >= due {
		u.request(l, now)
	}
}

func (u *unpacker) request(l *Layer, now time.Duration) {
	u.asked = now
	if u.wanted.Load() && !u.track.Muted() {
		u.track.requestKeyframe(l)
	}
}
