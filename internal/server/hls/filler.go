package hls

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"
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
)

// filler writes a program's frames to a stream: the picture and the sound, and the picture in each smaller size that it is seen in.
type filler struct {
	from  source
	video []media.Codec
	ended func() bool

	mu     sync.Mutex // held while a frame is written
	stream *mux.Stream

	running sync.WaitGroup
}

// run begins. stop ends it and waits.
func (f *filler) run(frames reader) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	f.running.Go(func() {
		defer frames.Close()
		f.fill(ctx, frames)
	})
	f.running.Go(func() { f.watchSizes(ctx) })
	return func() { cancel(); f.running.Wait() }
}

// fill writes frames until the program ends or ctx does.
func (f *filler) fill(ctx context.Context, frames reader) {
	for {
		frame, err := frames.Next(ctx)
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
	}
}

// watchSizes begins to read each size of the picture that appears, but the largest, which is read anyway. None is ever taken back: players
// have chosen it, and where there is none as large any more the program gives the next larger one.
func (f *filler) watchSizes(ctx context.Context) {
	tick := time.NewTicker(sizesCheck)
	defer tick.Stop()
	var known []media.Size
	for len(known)+1 < mux.MaxPictures {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		sizes := f.from.Sizes()
		for _, size := range smaller(sizes) {
			if len(known)+1 == mux.MaxPictures || slices.ContainsFunc(known, func(k media.Size) bool { return alike(k, size) }) {
				continue
			}
			frames, err := f.from.Read(program.Demand{Video: f.video, Size: size})
			if err != nil {
				return // it has ended
			}
			known = append(known, size)
			index := len(known)
			f.running.Go(func() {
				defer frames.Close()
				f.fillFurther(ctx, index, frames)
			})
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
