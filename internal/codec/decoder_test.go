package codec

import (
	"os"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/media"
)

func ringOf(frames []*media.Frame) *media.Ring[*media.Frame] {
	r := media.NewRing[*media.Frame](media.Limits{Items: 4096, Bytes: 32 << 20, Span: time.Minute})
	for _, f := range frames {
		r.Append(f, media.Mark{Bytes: len(f.Payload), Time: f.DTS, Key: f.Keyframe})
	}
	r.Flush()
	return r
}

// decode decodes what is in a ring into pictures of a size.
func decode(t *testing.T, ring *media.Ring[*media.Frame], width, height int) (*Decoder, <-chan *Picture) {
	t.Helper()
	return decodeWith(t, needWorkers(t), ring, Scaling{Width: width, Height: height}, nil)
}

// decodeWith begins with a spare process, unless that is nil.
func decodeWith(t *testing.T, w *Workers, ring *media.Ring[*media.Frame], s Scaling, spare *Spare) (*Decoder, <-chan *Picture) {
	t.Helper()
	got := make(chan *Picture, 1000)
	d, err := w.Decode(ring, DecoderConfig{
		Scaling: s, Spare: spare, Keyframe: func() {},
		Buffer: func(w, h int) *Picture { return &Picture{Pix: make([]byte, PictureBytes(w, h))} },
		Out:    func(p *Picture) { got <- p },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d, got
}

func nextPicture(t *testing.T, d *Decoder, got <-chan *Picture) *Picture {
	t.Helper()
	select {
	case p := <-got:
		return p
	case <-time.After(time.Minute):
		t.Fatalf("no picture comes: %v", d.Err())
		return nil
	}
}

func TestDecoderGivesPicturesOfTheSizeAskedForWithTheirTimes(t *testing.T) {
	needWorkers(t)
	for name, frames := range map[string][]*media.Frame{
		"H.264":               flvFrames(t, 28, time.Minute, "-bf", "0"),
		"H.264 with B-frames": flvFrames(t, 28, time.Minute, "-bf", "2"),
		"VP8":                 ivfFrames(t, media.VP8, 640, 360, 28, time.Minute),
		"VP9":                 ivfFrames(t, media.VP9, 320, 180, 28, time.Minute),
	} {
		t.Run(name, func(t *testing.T) {
			known := map[time.Duration]bool{}
			for _, f := range frames {
				known[f.PTS] = true
			}
			d, got := decode(t, ringOf(frames), 426, 240)
			last := time.Duration(0)
			for range 20 {
				p := nextPicture(t, d, got)
				if p.Width != 426 || p.Height != 240 || !known[p.PTS] || p.PTS <= last {
					t.Fatalf("a picture of %dx%d at %v after %v", p.Width, p.Height, p.PTS, last)
				}
				last = p.PTS
			}
		})
	}
}

// TestWhatComesEarlyIsDecodedNearItsTime, from the last keyframe whose time has come: a source may send seconds before.
func TestWhatComesEarlyIsDecodedNearItsTime(t *testing.T) {
	const ahead = 100 * time.Millisecond
	w := needWorkers(t)
	frames := flvFrames(t, 70, 0, "-bf", "0", "-g", "60")
	from := media.Now() - 100*time.Millisecond // the first keyframe is due, and the second not for long
	for _, f := range frames {
		f.DTS, f.PTS = f.DTS+from, f.PTS+from
	}
	type come struct{ at, pts time.Duration }
	got := make(chan come, len(frames))
	d, err := w.Decode(ringOf(frames), DecoderConfig{
		Scaling: Scaling{Width: 320, Height: 180}, Ahead: ahead, Keyframe: func() {},
		Buffer: func(w, h int) *Picture { return &Picture{Pix: make([]byte, PictureBytes(w, h))} },
		Out:    func(p *Picture) { got <- come{media.Now(), p.PTS} },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	for i := range 15 {
		select {
		case c := <-got:
			if c.pts != frames[i].PTS || c.at < c.pts-ahead {
				t.Fatalf("picture %d comes %v before its time, %v after the first", i, c.pts-c.at, c.pts-from)
			}
		case <-time.After(time.Minute):
			t.Fatalf("no picture comes: %v", d.Err())
		}
	}
}

func TestDecoderThatDiesOrHangsIsReplaced(t *testing.T) {
	for name, signal := range map[string]syscall.Signal{"dies": syscall.SIGKILL, "hangs": syscall.SIGSTOP} {
		t.Run(name, func(t *testing.T) {
			frames := flvFrames(t, 300, time.Minute, "-bf", "0")
			ring := ringOf(frames[:1])
			d, got := decode(t, ring, 320, 180)
			nextPicture(t, d, got)
			process, err := os.FindProcess(d.Process())
			if err != nil {
				t.Fatal(err)
			}
			if err := process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			begin, tick := time.Now(), time.NewTicker(33*time.Millisecond)
			defer tick.Stop()
			for i := 1; d.Restarts() == 0 || len(got) == 0; i++ {
				<-tick.C
				switch {
				case i < len(frames):
					f := frames[i]
					ring.Append(f, media.Mark{Bytes: len(f.Payload), Time: f.DTS, Key: f.Keyframe})
					ring.Flush()
				case time.Since(begin) > time.Minute: // a second where nobody else wants the processors
					t.Fatal("not replaced")
				}
			}
			t.Logf("a picture again after %v", time.Since(begin))
		})
	}
}

func TestEncoderGivesEachPictureWithItsTime(t *testing.T) {
	const width, height, n = 640, 360, 90
	out := make(chan *media.Frame, 2*n)
	e, err := needWorkers(t).Encode(EncoderConfig{
		Width: width, Height: height, OutWidth: 320, OutHeight: 180, FPS: 30, Out: func(f *media.Frame) { out <- f },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	pix := make([]byte, PictureBytes(width, height))
	at := func(i int) time.Duration { return time.Hour + time.Duration(i)*time.Second/30 }
	for i := range n {
		for j := range pix {
			pix[j] = byte(i + j)
		}
		if err := e.Write(pix, at(i)); err != nil {
			t.Fatal(err)
		}
		select {
		case f := <-out:
			if f.PTS != at(i) || f.Format.Width != 320 || f.Format.Height != 180 || f.Keyframe != (i%60 == 0) {
				t.Fatalf("picture %d: %dx%d at %v, keyframe %v", i, f.Format.Width, f.Format.Height, f.PTS-time.Hour, f.Keyframe)
			}
		case <-time.After(time.Minute):
			t.Fatalf("picture %d does not come out while no other goes in", i)
		}
	}
}

func TestEncoderBeginsBeforeTheFirstPictureAndKeepsItsKeyframesAtAnyRate(t *testing.T) {
	const width, height = 320, 180
	out := make(chan *media.Frame, 300)
	e, err := needWorkers(t).Encode(EncoderConfig{Width: width, Height: height, FPS: 30, Out: func(f *media.Frame) { out <- f }})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if e.Beginning() == 0 {
		t.Error("it has begun before it was told to")
	}
	if err := e.Begin(); err != nil {
		t.Fatal(err)
	}
	for e.Beginning() > 0 {
		time.Sleep(10 * time.Millisecond)
	}
	if len(out) > 0 {
		t.Fatal("a picture that nobody wrote")
	}
	pix := make([]byte, PictureBytes(width, height))
	at := media.Now().Truncate(encoderGOP) + 2*encoderGOP - 3*time.Second/30
	var sent []time.Duration
	for _, rate := range []struct{ n, fps int }{{13, 30}, {40, 15}, {35, 10}} {
		for range rate.n {
			if err := e.Write(pix, at); err != nil {
				t.Fatal(err)
			}
			sent = append(sent, at)
			at += time.Second / time.Duration(rate.fps)
		}
	}
	e.Finish()
	close(out)
	var got []time.Duration
	gop := time.Duration(-1)
	for f := range out {
		now := f.PTS / encoderGOP
		if f.Keyframe != (now != gop) || f.Discontinuity != (gop < 0) {
			t.Errorf("picture %d, %v into its two seconds: keyframe %v, discontinuity %v", len(got), f.PTS%encoderGOP, f.Keyframe, f.Discontinuity)
		}
		gop = now
		got = append(got, f.PTS)
	}
	if !slices.Equal(got, sent) {
		t.Errorf("%d pictures came out of %d", len(got), len(sent))
	}
}

func TestEncoderThatDiesIsReplaced(t *testing.T) {
	const width, height = 320, 180
	out := make(chan *media.Frame, 1000)
	e, err := needWorkers(t).Encode(EncoderConfig{Width: width, Height: height, FPS: 30, Out: func(f *media.Frame) { out <- f }})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	pix := make([]byte, PictureBytes(width, height))
	tick := time.NewTicker(33 * time.Millisecond)
	defer tick.Stop()
	killed, last := time.Time{}, time.Duration(0)
	for i := 1; i < 600; i++ {
		_ = e.Write(pix, time.Duration(i)*time.Second/30) // it is lost while the process is being replaced
		select {
		case f := <-out:
			if f.PTS <= last {
				t.Fatalf("%v after %v", f.PTS, last)
			}
			last = f.PTS
			switch {
			case killed.IsZero():
				killed = time.Now()
				if err := syscall.Kill(e.Process(), syscall.SIGKILL); err != nil {
					t.Fatal(err)
				}
			case e.Restarts() > 0 && f.Discontinuity:
				if !f.Keyframe {
					t.Error("it does not begin with a keyframe")
				}
				t.Logf("a picture again after %v", time.Since(killed))
				return
			}
		default:
		}
		<-tick.C
	}
	t.Fatal("not replaced")
}

func TestProcessesHaveALimit(t *testing.T) {
	w := needWorkers(t)
	w.SetLimit(1)
	first, err := w.Encode(EncoderConfig{Width: 64, Height: 64, FPS: 30, Out: func(*media.Frame) {}})
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	second, err := w.Encode(EncoderConfig{Width: 64, Height: 64, FPS: 30, Out: func(*media.Frame) {}})
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	pix := make([]byte, PictureBytes(64, 64))
	if err := first.Write(pix, 0); err != nil {
		t.Fatal(err)
	}
	if err := second.Write(pix, 0); err != ErrNoRoom {
		t.Errorf("%v, want %v", err, ErrNoRoom)
	}
}

// TestWhatWasCapturedBeforeTheFirstPictureIsPast: what a process is late by because it begins says nothing of how long it takes.
func TestWhatWasCapturedBeforeTheFirstPictureIsPast(t *testing.T) {
	w := needWorkers(t)
	frames := flvFrames(t, 10, time.Minute, "-bf", "0")
	frames = frames[:10]
	now := media.Now()
	for i, f := range frames { // while the process begins, but for the last
		f.PTS = now + time.Duration(10+i)*time.Millisecond
	}
	frames[9].PTS = now + time.Hour
	got := make(chan *Picture, len(frames))
	first := time.Duration(0)
	d, err := w.Decode(ringOf(frames), DecoderConfig{
		Scaling: Scaling{Width: 320, Height: 180}, Keyframe: func() {},
		Buffer: func(w, h int) *Picture { return &Picture{Pix: make([]byte, PictureBytes(w, h))} },
		Out: func(p *Picture) {
			if first == 0 {
				first = media.Now()
			}
			if p.Past != (p.PTS < first) {
				t.Errorf("a picture of %v is past: %v, where the first came at %v", p.PTS-now, p.Past, first-now)
			}
			got <- p
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	for range frames {
		nextPicture(t, d, got)
	}
}
