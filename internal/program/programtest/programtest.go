// Package programtest is what tests show to a program, and what they see of it: pictures of one colour, coded by real encoders and
// decoded again.
package programtest

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/codec"
	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/program/compose/layout"
	"github.com/tuttilive/tutti/internal/program/compose/paint"
)

// Colours that are not taken for each other.
var (
	Red   = paint.Color{Y: 82, U: 90, V: 240}
	Green = paint.Color{Y: 145, U: 54, V: 34}
	Blue  = paint.Color{Y: 41, U: 240, V: 110}
	Gold  = paint.Color{Y: 180, U: 44, V: 150}
)

// Workers skips a test where there is no ffmpeg.
func Workers(t *testing.T) *codec.Workers {
	t.Helper()
	w := codec.FindWorkers("")
	if err := w.Available(); err != nil {
		t.Skip(err)
	}
	t.Cleanup(w.Close)
	return w
}

// Paint gives write a picture of one colour 30 times a second, in H.264, until stop is called or the test ends.
func Paint(t *testing.T, w *codec.Workers, width, height int, c paint.Color, write func(*media.Frame) error) (stop func()) {
	t.Helper()
	return Draw(t, w, width, height, func(f *paint.Frame, _ time.Duration) { f.Fill(paint.Rect{W: f.Width, H: f.Height}, c) }, write)
}

// Draw is Paint for pictures that are drawn each time; at is when they are captured. An error of write is the end.
func Draw(t *testing.T, w *codec.Workers, width, height int, draw func(f *paint.Frame, at time.Duration), write func(*media.Frame) error) (stop func()) {
	t.Helper()
	quit := make(chan struct{})
	end := sync.OnceFunc(func() { close(quit) })
	e, err := w.Encode(codec.EncoderConfig{Width: width, Height: height, FPS: 30, Out: func(f *media.Frame) {
		if write(f) != nil {
			end()
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	var work sync.WaitGroup
	work.Go(func() {
		defer e.Close()
		f := paint.NewFrame(width, height)
		tick := time.NewTicker(time.Second / 30)
		defer tick.Stop()
		for {
			select {
			case <-quit:
				return
			case <-tick.C:
			}
			now := media.Now()
			draw(f, now)
			if err := e.Write(f.Pix, now); err != nil {
				t.Log(err)
			}
		}
	})
	stop = func() { end(); work.Wait() }
	t.Cleanup(stop)
	return stop
}

// Reader gives a program's frames.
type Reader interface {
	Next(context.Context) (*media.Frame, error)
	Close()
}

// Viewer decodes the pictures of a program in one size, and keeps the newest.
type Viewer struct {
	mu     sync.Mutex
	newest *codec.Picture
}

// View reads until the program or the test ends.
func View(t *testing.T, w *codec.Workers, r Reader, width, height int) *Viewer {
	t.Helper()
	v := &Viewer{}
	ring := media.NewRing[*media.Frame](media.Limits{Items: 4096, Bytes: 32 << 20, Span: time.Minute})
	d, err := w.Decode(ring, codec.DecoderConfig{
		Scaling:  codec.Scaling{Width: width, Height: height},
		Buffer:   func(w, h int) *codec.Picture { return &codec.Picture{Pix: make([]byte, codec.PictureBytes(w, h))} },
		Keyframe: func() {},
		Out: func(p *codec.Picture) {
			v.mu.Lock()
			defer v.mu.Unlock()
			v.newest = p
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			f, err := r.Next(context.Background())
			if err != nil {
				return
			}
			if f.Kind() == media.Video {
				ring.Append(f, media.Mark{Bytes: len(f.Payload), Time: f.DTS, Key: f.Keyframe})
				ring.Flush()
			}
		}
	}()
	t.Cleanup(func() {
		r.Close()
		<-done
		d.Close()
	})
	return v
}

// Sees tells whether the newest picture has a colour all over the middle of a rectangle.
func (v *Viewer) Sees(r layout.Rect, c paint.Color) bool {
	v.mu.Lock()
	p := v.newest
	v.mu.Unlock()
	return p != nil && HasColour(&paint.Frame{Width: p.Width, Height: p.Height, Pix: p.Pix}, r, c)
}

// HasColour tells whether a frame has a colour all over the middle of a rectangle, but for what codecs do to it.
func HasColour(f *paint.Frame, r layout.Rect, c paint.Color) bool {
	for i := 1; i < 8; i++ {
		for j := 1; j < 8; j++ {
			x, y := r.X+r.W*i/8, r.Y+r.H*j/8
			at := y/2*(f.Width/2) + x/2
			if !near(f.Y()[y*f.Width+x], c.Y) || !near(f.U()[at], c.U) || !near(f.V()[at], c.V) {
				return false
			}
		}
	}
	return true
}

func near(a, b byte) bool { return max(a, b)-min(a, b) <= 16 }

// Await waits until something holds.
func Await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(60 * time.Second); !holds(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("not in time: %s", what)
		}
	}
}
