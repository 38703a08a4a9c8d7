package hls

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	mux "github.com/tuttilive/tutti/internal/mux/hls"
	"github.com/tuttilive/tutti/internal/program"
)

const (
	// sizesCheck is how often the sizes of the picture are looked at.
	sizesCheck = time.Second
	// unlike is how much larger than another a picture must be, by area, to be a variant of its own: cameras change a little by themselves.
	unlike = 1.5
	// ladderWait is how long the first multivariant playlist may wait, once it could be given out, for the sizes that there are: players read it
	// once, and would never know of a variant that comes after it.
	ladderWait = 2500 * time.Millisecond
	// lookBack is how old what a stream begins with may be, where the program still has that: three segments, so that players begin at once that do
	// not know low latency.
	lookBack = 10 * time.Second
	// lastingWait is how long such players may wait for three segments, once others could begin.
	lastingWait = 8 * time.Second
	// keyframeWait is how long a stream may wait to begin for the keyframe of a picture that is being sent, for the same reason: with the sound
	// alone, players would never know of the picture.
	keyframeWait = 65 * time.Second
)

// filler writes a program's frames to a stream: the picture and the sound, and the picture in each smaller size that it is seen in.
type filler struct {
	from  source
	all   program.Demand // for the picture and the sound
	ended func() bool

	mu     sync.Mutex // held while a frame is written
	stream *mux.Stream

	begun   chan struct{} // closed by the first picture
	looked  chan struct{} // closed when the sizes were looked at after that
	sizes   atomic.Int32  // of the picture that are read
	whole   chan struct{} // closed when the multivariant playlist has them all, or has waited for them
	lasting chan struct{} // closed when all playlists name enough segments for any player, or have waited for them

	running sync.WaitGroup
}

func newFiller(b *broadcast, stream *mux.Stream, from source, all program.Demand) *filler {
	return &filler{
		stream: stream, from: from, all: all, ended: b.ended,
		begun: make(chan struct{}), looked: make(chan struct{}), whole: make(chan struct{}), lasting: make(chan struct{}),
	}
}

// run begins. stop ends it and waits.
func (f *filler) run(frames reader) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	f.running.Go(func() {
		defer frames.Close()
		f.fill(ctx, frames)
	})
	f.running.Go(func() { f.watchSizes(ctx) })
	f.running.Go(func() {
		f.awaitSizes(ctx)
		close(f.whole)
		f.awaitSegments(ctx)
		close(f.lasting)
	})
	return func() { cancel(); f.running.Wait() }
}

// fill writes frames until the program ends or ctx does. It begins with the picture where one is being sent.
func (f *filler) fill(ctx context.Context, frames reader) {
	opened, waits := time.Now(), true
	for begun := false; ; {
		frame, err := frames.Next(ctx)
		if waits = waits && err == nil && frame.Kind() == media.Audio && time.Since(opened) < keyframeWait && f.from.SendsPicture(f.all); waits {
			continue
		}
		f.mu.Lock()
		switch {
		case err == nil:
			f.stream.Write(frame)
		case errors.Is(err, io.EOF) || f.ended():
			f.stream.End()
		}
		f.mu.Unlock()
		if err != nil {
			return
		}
		if !begun && frame.Kind() == media.Video {
			close(f.begun)
			begun = true
		}
	}
}

// awaitSizes returns when the multivariant playlist has all sizes, or has waited for them.
func (f *filler) awaitSizes(ctx context.Context) {
	var patience <-chan time.Time
	unknown := f.looked
	for {
		f.mu.Lock()
		now := f.stream.Snapshot()
		f.mu.Unlock()
		switch {
		case now.Ended(), now.Ready() && (unknown == nil || now.Pictures() == 0) && now.Pictures() >= int(f.sizes.Load()):
			return
		case now.Ready() && patience == nil:
			patience = time.After(ladderWait)
		}
		select {
		case <-now.Changed():
		case <-unknown:
			unknown = nil
		case <-patience:
			return
		case <-ctx.Done():
			return
		}
	}
}

// awaitSegments returns when all playlists name enough segments for any player, or have waited for them.
func (f *filler) awaitSegments(ctx context.Context) {
	patience := time.After(lastingWait)
	for short := f.stream.Snapshot().Short(); short != nil; short = f.stream.Snapshot().Short() {
		select {
		case <-short.Changed():
		case <-patience:
			return
		case <-ctx.Done():
			return
		}
	}
}

// watchSizes begins to read each size of the picture that appears, but the largest, which is read anyway. None is ever taken back: players
// have chosen it, and where there is none as large any more the program gives the next larger one.
func (f *filler) watchSizes(ctx context.Context) {
	select {
	case <-f.begun:
	case <-ctx.Done():
		return
	}
	tick := time.NewTicker(sizesCheck)
	defer tick.Stop()
	var known []media.Size
	looked := sync.OnceFunc(func() { close(f.looked) })
	defer looked()
	for {
		sizes := f.from.Sizes()
		for _, size := range smaller(sizes) {
			if len(known)+1 == mux.MaxPictures || slices.ContainsFunc(known, func(k media.Size) bool { return alike(k, size) }) {
				continue
			}
			frames, err := f.from.Read(program.Demand{Video: f.all.Video, Size: size})
			if err != nil {
				return // it has ended
			}
			known = append(known, size)
			index := len(known)
			f.sizes.Store(int32(index + 1))
			f.running.Go(func() {
				defer frames.Close()
				f.fillFurther(ctx, index, frames)
			})
		}
		if looked(); len(known)+1 == mux.MaxPictures {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// fillFurther writes the frames of a smaller size.
func (f *filler) fillFurther(ctx context.Context, index int, frames reader) {
	for {
		frame, err := frames.Next(ctx)
		if err != nil {
			return
		}
		f.mu.Lock()
		f.stream.WriteFurther(index, frame)
		f.mu.Unlock()
	}
}

// smaller are the sizes that are less than the largest, from large to small.
func smaller(sizes []media.Size) (less []media.Size) {
	for _, s := range slices.Backward(sizes) {
		if !alike(s, sizes[len(sizes)-1]) {
			less = append(less, s)
		}
	}
	return less
}

func alike(a, b media.Size) bool {
	return float64(max(a.Area(), b.Area())) < unlike*float64(min(a.Area(), b.Area()))
}
