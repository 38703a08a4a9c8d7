package compose

import (
	"sync"
	"time"

	"github.com/tuttilive/tutti/internal/codec"
	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/program/compose/layout"
	"github.com/tuttilive/tutti/internal/program/compose/paint"
	"github.com/tuttilive/tutti/internal/track"
)

const (
	// decodeAhead is how far ahead of its time a picture is decoded at most. A source may send pictures seconds before, one by one or many at once.
	decodeAhead = 100 * time.Millisecond
	// queueMax is how many decoded pictures of a source may wait for their time: as many as there are within that and the greatest delay, at 60
	// in a second.
	queueMax = 32
	// resizeAfter is how long a source is shown in another size before it is decoded in that.
	resizeAfter = 400 * time.Millisecond
	// layerAfter is how long another layer of a source suits better before it is decoded, layerCheck how often that is looked at.
	layerAfter = 2 * time.Second
	layerCheck = 250 * time.Millisecond
	// openRetry is the pause between tries to read a track.
	openRetry = time.Second
)

// input is one picture on its way into the frame: the smallest layer that is large enough, decoded in a worker that scales it to the size
// in which it is shown. The composer's goroutine owns it; decoders put pictures into it.
type input struct {
	workers *codec.Workers
	track   *track.Track
	spare   *codec.Spare // for the first decoder, nil for none
	current *decoder
	next    *decoder // decodes to another size, until it has caught up
	retry   time.Duration
	err     error
	closing sync.WaitGroup

	// want is the size it is shown in, asked when it was seen first.
	want  target
	asked time.Duration
	// looked is when the layers were looked at.
	looked time.Duration
	// behind is what has come of the track, and of the decoder not yet.
	behind backlog

	mu     sync.Mutex // guards what follows
	queue  []*codec.Picture
	free   []*codec.Picture
	late   lateness
	newest time.Duration
	any    bool
	taking *decoder // whose pictures are taken

	shown *codec.Picture // the composer's own
	view  paint.Frame
}

// target is what a decoder scales to.
type target struct {
	w, h int
	fit  layout.Fit
	// layer is the size of what is decoded, zero for the largest there is.
	layer media.Size
}

// resized tells that it is not the same size, of whatever layer.
func (t target) resized(to target) bool { return t.w != to.w || t.h != to.h || t.fit != to.fit }

// decoder is a decoder and what it was made for.
type decoder struct {
	*codec.Decoder
	target
	in    *input
	lease *track.FrameLease
}

func (d *decoder) close() {
	d.Close()
	d.lease.Release()
}

// newInput owns the spare process for its first decoder, nil for none.
func newInput(w *codec.Workers, t *track.Track, spare *codec.Spare) *input {
	return &input{workers: w, track: t, spare: spare}
}

// show says in which size the picture is shown. It starts and changes the decoder, and is called for each tick.
func (in *input) show(want target, now time.Duration) {
	want.layer = in.want.layer
	resized := want.resized(in.want)
	if resized || now-in.looked >= layerCheck {
		in.looked, want.layer = now, in.layerFor(want)
	}
	if want != in.want {
		in.want, in.asked = want, now
	}
	patience := layerAfter
	if in.current != nil && in.current.resized(want) {
		patience = resizeAfter
	}
	switch {
	case in.current == nil:
		if now >= in.retry {
			in.retry = now + openRetry
			in.open(want)
		}
	case in.next != nil:
		in.change()
	case in.current.target != want && now-in.asked >= patience:
		in.next, in.err = in.decode(want)
	}
}

// change lets the next decoder take over once its pictures are as new as those of the current one.
func (in *input) change() {
	in.mu.Lock()
	taken := in.taking == in.next
	in.mu.Unlock()
	if !taken {
		return
	}
	old := in.current
	in.current, in.next = in.next, nil
	in.behind.follow(in.current.lease.Ring())
	in.closing.Go(old.close)
}

// layerFor is the size of the layer to decode for a target: the smallest that is at least as large.
func (in *input) layerFor(want target) media.Size {
	for _, size := range in.track.Sizes() {
		if size.AtLeast(media.Size{Width: want.w, Height: want.h}) {
			return size
		}
	}
	return media.Size{}
}

func (in *input) open(want target) {
	d, err := in.decode(want)
	if in.err = err; err != nil {
		return
	}
	in.current = d
	in.behind.follow(d.lease.Ring())
}

func (in *input) decode(want target) (_ *decoder, err error) {
	lease, err := in.track.ReadPictures(in.track.Info().Codec, want.layer)
	if err != nil {
		return nil, err
	}
	d := &decoder{target: want, in: in, lease: lease}
	in.mu.Lock()
	if in.taking == nil {
		in.taking = d
	}
	in.mu.Unlock()
	spare := in.spare
	in.spare = nil
	d.Decoder, err = in.workers.Decode(lease.Ring(), codec.DecoderConfig{
		Scaling: want.scaling(), Ahead: decodeAhead, Spare: spare, Buffer: in.buffer, Out: d.push, Keyframe: lease.AskKeyframe,
	})
	if err != nil {
		spare.Close()
		in.mu.Lock()
		if in.taking == d {
			in.taking = nil
		}
		in.mu.Unlock()
		lease.Release()
		return nil, err
	}
	return d, nil
}

// scaling is the size in which a picture fills the target, or fits into it. What the target crops is scaled all the same.
func (t target) scaling() codec.Scaling {
	return codec.Scaling{Width: t.w, Height: t.h, Within: t.fit == layout.Contain}
}

func even(n int) int { return n &^ 1 }

// buffer gives a picture to fill. Where all wait to be shown, the oldest is given up.
func (in *input) buffer(w, h int) *codec.Picture {
	in.mu.Lock()
	defer in.mu.Unlock()
	size := codec.PictureBytes(w, h)
	for i, p := range in.free {
		if cap(p.Pix) >= size {
			last := len(in.free) - 1
			in.free[i], in.free[last] = in.free[last], nil
			in.free = in.free[:last]
			p.Pix = p.Pix[:size]
			return p
		}
	}
	if len(in.free) > 2 {
		in.free = in.free[:0] // of a size that is over
	}
	if len(in.queue) >= queueMax {
		p := in.queue[0]
		in.queue = in.queue[:copy(in.queue, in.queue[1:])]
		if cap(p.Pix) >= size {
			p.Pix = p.Pix[:size]
			return p
		}
	}
	return &codec.Picture{Pix: make([]byte, size)}
}

// push takes a decoded picture, on the decoder's goroutine.
func (d *decoder) push(p *codec.Picture) {
	in, now := d.in, media.Now()
	in.mu.Lock()
	defer in.mu.Unlock()
	if d != in.taking && in.any && p.PTS >= in.newest {
		in.taking = d // it has caught up
	}
	known := in.any && p.PTS <= in.newest
	if d != in.taking || known && (p.Past || now-p.PTS < replayed) {
		in.free = append(in.free, p)
		return
	}
	if !p.Past {
		in.late.observe(now-p.PTS, now)
	}
	if known { // the source's time was set back: what waits is of another time
		in.free = append(in.free, in.queue...)
		in.queue = in.queue[:0]
	}
	in.newest, in.any = p.PTS, true
	if len(in.queue) >= queueMax {
		in.free = append(in.free, in.queue[0])
		in.queue = in.queue[:copy(in.queue, in.queue[1:])]
	}
	in.queue = append(in.queue, p)
}

// pick gives the picture of a time: the newest that was captured until then. It stays what it is until the next call; nil before the
// first. A source that gives nothing more keeps its last.
func (in *input) pick(at time.Duration) *paint.Frame {
	in.mu.Lock()
	defer in.mu.Unlock()
	n := in.due(at)
	if n > 0 {
		if in.shown != nil {
			in.free = append(in.free, in.shown)
		}
		in.free = append(in.free, in.queue[:n-1]...)
		in.shown = in.queue[n-1]
		rest := copy(in.queue, in.queue[n:])
		clear(in.queue[rest:])
		in.queue = in.queue[:rest]
	}
	if in.shown == nil {
		return nil
	}
	in.view = paint.Frame{Width: in.shown.Width, Height: in.shown.Height, Pix: in.shown.Pix}
	return &in.view
}

// due counts the pictures whose time has come. Where all wait that can, the source is too far ahead of the time, and the first of them is
// shown, or none ever would be. The caller holds the lock.
func (in *input) due(at time.Duration) (n int) {
	for n < len(in.queue) && in.queue[n].PTS <= at {
		n++
	}
	if n == 0 && len(in.queue) >= queueMax {
		return 1
	}
	return n
}

// worst is how late the pictures come: those that came, and the one that should have come by now, once the first decoder has caught up.
func (in *input) worst(now time.Duration) (late time.Duration, ok bool) {
	in.mu.Lock()
	newest, caughtUp := in.newest, in.late.heard
	late, ok = in.late.worst(now)
	in.mu.Unlock()
	if owed, any := in.behind.oldest(newest, now); any && caughtUp {
		if by := now - owed; by > late && by < delayMax {
			return by, true
		}
	}
	return late, ok
}

// ready tells that there is a picture to show at a time, or will not be one soon.
func (in *input) ready(at time.Duration) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.err != nil || in.shown != nil || in.due(at) > 0
}

// problem is why there are no pictures.
func (in *input) problem() error {
	if in.err != nil {
		return in.err
	}
	if in.current != nil {
		return in.current.Err()
	}
	return nil
}

// close ends the decoders and waits for them.
func (in *input) close() {
	in.spare.Close()
	for _, d := range []*decoder{in.current, in.next} {
		if d != nil {
			d.close()
		}
	}
	in.closing.Wait()
}

// restarts is how many workers were replaced because they died or hung.
func (in *input) restarts() int {
	n := 0
	for _, d := range []*decoder{in.current, in.next} {
		if d != nil {
			n += d.Restarts()
		}
	}
	return n
}
