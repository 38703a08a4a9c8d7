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
		d, got := decodeWith(t, w, ringOf(frames), s, spare)
		p := nextPicture(t, d, got)
		if w, h := s.size(frames[0].Format); p.Width != w || p.Height != h || d.Process() != process || d.Restarts() > 0 {
			t.Errorf("%+v: a picture of %dx%d, want %dx%d, from process %d, want %d", s, p.Width, p.Height, w, h, d.Process(), process)
		}
		d.Close()
	}
}

// TestPicturesWhoseSizeADecoderTellsOtherwise are decoded all the same: ffmpeg leaves what is cropped at the left.
func TestPicturesWhoseSizeADecoderTellsOtherwise(t *testing.T) {
	w := needWorkers(t)
	frames := flvFrames(t, 120, time.Minute, "-bf", "0", "-bsf:v", "h264_metadata=crop_left=4")
	if width := frames[0].Format.Width; width != 636 {
		t.Fatalf("the format tells of %d, want 636", width)
	}
	for _, f := range frames {
		f.Format.Reordered = false
	}
	s := Scaling{Width: 320, Height: 320}
	spare, err := w.Spare(s)
	if err != nil {
		t.Fatal(err)
	}
	for restarts, spare := range []*Spare{nil, spare} {
		d, got := decodeWith(t, w, ringOf(frames), s, spare)
		p := nextPicture(t, d, got)
		if w, h := s.size(frames[0].Format); p.Width != w || p.Height != h || d.Restarts() > restarts {
			t.Errorf("a picture of %dx%d, want %dx%d, after %d restarts", p.Width, p.Height, w, h, d.Restarts())
		}
		d.Close()
	}
}

// TestASpareProcessGivesItsPlace to another, and is not begun where it would take the last.
func TestASpareProcessGivesItsPlace(t *testing.T) {
	w := needWorkers(t)
	w.SetLimit(1)
	spare, err := w.Spare(Scaling{Width: 320, Height: 180})
	if err != nil {
		t.Fatal(err)
	}
	defer spare.Close()
	if room := w.Room(); room != 1 {
		t.Errorf("room for %d beside a spare one, want 1", room)
	}
	if _, err := w.Spare(Scaling{Width: 320, Height: 180}); err != ErrNoRoom {
		t.Errorf("a second one: %v, want %v", err, ErrNoRoom)
	}
	e, err := w.Encode(EncoderConfig{Width: 64, Height: 64, FPS: 30, Out: func(*media.Frame) {}})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if err := e.Write(make([]byte, PictureBytes(64, 64)), 0); err != nil || w.Running() != 1 || spare.process != nil {
		t.Errorf("%v, %d run", err, w.Running())
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
