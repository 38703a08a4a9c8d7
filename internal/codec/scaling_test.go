package codec

import (
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/media"
)

func TestPicturesFillARectangleOrFitIntoIt(t *testing.T) {
	for _, c := range []struct {
		scaling    Scaling
		in, become media.Size
	}{
		{Scaling{Width: 320, Height: 320}, media.Size{Width: 1280, Height: 720}, media.Size{Width: 568, Height: 320}},
		{Scaling{Width: 320, Height: 320}, media.Size{Width: 720, Height: 1280}, media.Size{Width: 320, Height: 568}},
		{Scaling{Width: 320, Height: 320, Within: true}, media.Size{Width: 1280, Height: 720}, media.Size{Width: 320, Height: 180}},
		{Scaling{Width: 320, Height: 320, Within: true}, media.Size{Width: 720, Height: 1280}, media.Size{Width: 180, Height: 320}},
		{Scaling{Width: 640, Height: 360}, media.Size{Width: 320, Height: 180}, media.Size{Width: 640, Height: 360}},
		{Scaling{Width: 640, Height: 360}, media.Size{}, media.Size{Width: 640, Height: 360}},
		{Scaling{Width: 640, Height: 640, Within: true, Shrink: true}, media.Size{Width: 1280, Height: 720}, media.Size{Width: 640, Height: 360}},
		{Scaling{Width: 640, Height: 640, Within: true, Shrink: true}, media.Size{Width: 720, Height: 1280}, media.Size{Width: 360, Height: 640}},
		{Scaling{Width: 640, Height: 640, Within: true, Shrink: true}, media.Size{Width: 320, Height: 180}, media.Size{Width: 320, Height: 180}},
		{Scaling{Width: 640, Height: 640, Within: true}, media.Size{Width: 4096, Height: 16}, media.Size{Width: 640, Height: smallestPicture}},
		{Scaling{Width: 1 << 20, Height: 1 << 20}, media.Size{Width: 320, Height: 180}, media.Size{Width: maxPictureSide, Height: maxPictureSide}},
	} {
		if w, h := c.scaling.size(&media.Format{Width: c.in.Width, Height: c.in.Height}); w != c.become.Width || h != c.become.Height {
			t.Errorf("%+v: %v becomes %dx%d, want %v", c.scaling, c.in, w, h, c.become)
		}
	}
}

// TestASpareProcessDecodesPicturesOfAnySize: it began before there was a picture, and works out the same size as we do.
func TestASpareProcessDecodesPicturesOfAnySize(t *testing.T) {
	w := needWorkers(t)
	frames := flvFrames(t, 4, time.Minute, "-bf", "0")
	for _, f := range frames {
		f.Format.Reordered = false // as browsers' are
	}
	for _, s := range []Scaling{
		{Width: 320, Height: 320}, {Width: 202, Height: 358}, {Width: 426, Height: 240}, {Width: 320, Height: 320, Within: true}, {Width: 358, Height: 640, Within: true},
		{Width: 64, Height: 64, Within: true}, {Width: 240, Height: 1000, Within: true, Shrink: true}, {Width: 2000, Height: 2000, Within: true, Shrink: true},
	} {
		spare, err := w.Spare(s)
		if err != nil {
			t.Fatal(err)
		}
		process := spare.process.cmd.Process.Pid
		got := make(chan *Picture, 10)
		d, err := w.Decode(ringOf(frames), DecoderConfig{
			Scaling: s, Spare: spare, Keyframe: func() {},
			Buffer: func(w, h int) *Picture { return &Picture{Pix: make([]byte, PictureBytes(w, h))} },
			Out:    func(p *Picture) { got <- p },
		})
		if err != nil {
			t.Fatal(err)
		}
		p := nextPicture(t, d, got)
		if w, h := s.size(frames[0].Format); p.Width != w || p.Height != h || d.Process() != process || d.Restarts() > 0 {
			t.Errorf("%+v: a picture of %dx%d, want %dx%d, from process %d, want %d", s, p.Width, p.Height, w, h, d.Process(), process)
		}
		d.Close()
	}
}

// TestASpareProcessEnds by its owner, with the decoder that does not want it, and with the server.
func TestASpareProcessEnds(t *testing.T) {
	w := needWorkers(t)
	spare := func() *Spare {
		t.Helper()
		s, err := w.Spare(Scaling{Width: 320, Height: 180})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	closed, unsuited, unused, left := spare(), spare(), spare(), spare()
	closed.Close()
	closed.Close()
	got := make(chan *Picture, 1000)
	config := DecoderConfig{
		Scaling: Scaling{Width: 426, Height: 240}, Spare: unsuited, Keyframe: func() {},
		Buffer: func(w, h int) *Picture { return &Picture{Pix: make([]byte, PictureBytes(w, h))} },
		Out:    func(p *Picture) { got <- p },
	}
	d, err := w.Decode(ringOf(flvFrames(t, 4, time.Minute, "-bf", "0")), config)
	if err != nil {
		t.Fatal(err)
	}
	if p := nextPicture(t, d, got); p.Width != 426 {
		t.Errorf("%d wide", p.Width)
	}
	d.Close()
	config.Spare = unused
	if d, err = w.Decode(ringOf(nil), config); err != nil {
		t.Fatal(err)
	}
	d.Close()
	if n := w.Running(); n != 1 {
		t.Errorf("%d run, want the one that is left", n)
	}
	w.Close()
	for name, s := range map[string]*Spare{"closed": closed, "unsuited": unsuited, "unused": unused, "left": left} {
		if s.process != nil {
			t.Errorf("%s: the process goes on", name)
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.running != 0 {
		t.Errorf("%d processes count as running", w.running)
	}
}
