package program

import (
	"context"
	"fmt"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/codec"
	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/program/compose"
	"github.com/tuttilive/tutti/internal/program/compose/paint"
)

// flashing are two sources that flash at each full second of media time, which is when that is captured. In the composed picture each must
// flash at that time by PTS, which is what sound is laid by.
type flashing struct {
	*Program
	flashes chan flash
}

// flash is one of a source, in the composed picture.
type flash struct {
	source int
	second time.Duration // that it is for
	late   time.Duration
}

func newFlashing(t *testing.T) *flashing {
	w := needWorkers(t)
	p := &flashing{Program: newComposed(t, w), flashes: make(chan flash, 100)}
	s := bare()
	draw := func(f *paint.Frame, at time.Duration) {
		c := paint.Black
		if at%time.Second < 200*time.Millisecond {
			c = paint.White
		}
		f.Fill(paint.Rect{W: f.Width, H: f.Height}, c)
	}
	a, b := publishPainted(t, w, "TR_A", draw), publishPainted(t, w, "TR_B", draw)
	p.Add(a.Track, 0)
	p.Add(b.Track, 0)
	p.Stage([]compose.Source{{ID: "a", Identity: "a", Picture: a.Track}, {ID: "b", Identity: "b", Picture: b.Track}}, s)
	width, height := s.Size()
	two := tiles(2, s)
	reader, err := p.Read(Demand{Video: []media.Codec{media.H264}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(reader.Close)
	ring := media.NewRing[*media.Frame](media.Limits{Items: 4096, Bytes: 32 << 20, Span: time.Minute})
	go func() {
		for {
			f, err := reader.Next(context.Background())
			if err != nil {
				return
			}
			ring.Append(f, media.Mark{Bytes: len(f.Payload), Time: f.DTS, Key: f.Keyframe})
			ring.Flush()
		}
	}()
	var dark [2]bool
	d, err := w.Decode(ring, codec.DecoderConfig{
		Scaling:  codec.Scaling{Width: width, Height: height},
		Buffer:   func(w, h int) *codec.Picture { return &codec.Picture{Pix: make([]byte, codec.PictureBytes(w, h))} },
		Keyframe: func() {},
		Out: func(q *codec.Picture) {
			for k := range two {
				r := two[k].Rect
				luma := q.Pix[(r.Y+r.H/2)*width+r.X+r.W/2]
				if luma > 180 && dark[k] {
					second := q.PTS.Round(time.Second)
					p.flashes <- flash{k, second, q.PTS - second}
				}
				dark[k] = luma < 60
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return p
}

// A source's picture is the first that was captured after the full second, and the tick the first after that: a thirtieth each at most.
const (
	flashEarly = -5 * time.Millisecond
	flashLate  = 70 * time.Millisecond
)

func (f flash) inTime() bool { return f.late >= flashEarly && f.late <= flashLate }

// next waits for a flash.
func (p *flashing) next(t *testing.T) flash {
	t.Helper()
	select {
	case f := <-p.flashes:
		return f
	case <-time.After(30 * time.Second):
		p.mayShed(t, compose.Stats{})
		t.Fatal("no flashes come")
		return flash{}
	}
}

// both waits for the flash of each source that is for a second; what comes later instead is not in time.
func (p *flashing) both(t *testing.T, second time.Duration) (two [2]flash) {
	t.Helper()
	for seen := [2]bool{}; seen != [2]bool{true, true}; {
		f := p.next(t)
		if f.second < second || seen[f.source] {
			continue
		}
		f.late, f.second = f.late+f.second-second, second
		two[f.source], seen[f.source] = f, true
	}
	return two
}

// mayShed skips the test where the machine was too slow for all frames since.
func (p *flashing) mayShed(t *testing.T, since compose.Stats) compose.Stats {
	t.Helper()
	stats, _ := p.Composed()
	if stats.Shed > 0 || stats.Skipped > since.Skipped+5 {
		t.Skipf("this machine is too busy to tell: %+v", stats)
	}
	return stats
}

func TestFlashesKeepTheirTimeInAComposedPicture(t *testing.T) {
	p := newFlashing(t)
	var offs [2][]time.Duration
	for len(offs[0]) < 6 || len(offs[1]) < 6 {
		f := p.next(t)
		offs[f.source] = append(offs[f.source], f.late)
	}
	if stats := p.mayShed(t, compose.Stats{}); stats.Restarts > 0 {
		t.Skipf("this machine is too busy to tell: %+v", stats)
	}
	for k := range offs {
		slices.Sort(offs[k])
		if median := offs[k][len(offs[k])/2]; median < flashEarly || median > flashLate {
			t.Errorf("flashes of source %d are late by %v", k, offs[k])
		}
	}
	t.Log(offs)
}

// TestFlashesKeepTheirTimeWhileADecoderIsReplaced has a decoder hang a moment before a flash, and then kills it: frames wait for its successor, as long as
// that needs no more than the greatest delay. Where it needs more nothing is to be learned, and another one is killed; that all do is a failure.
func TestFlashesKeepTheirTimeWhileADecoderIsReplaced(t *testing.T) {
	judged, shed := false, false
	for try := 1; try <= 3 && !judged; try++ {
		if !t.Run(fmt.Sprint("try ", try), func(t *testing.T) {
			defer func() { shed = t.Skipped() }()
			judged = replaceDecoder(t)
		}) {
			return
		}
	}
	switch {
	case judged:
	case shed:
		t.Skip("this machine is too busy to tell")
	default:
		t.Error("no decoder was replaced within the greatest delay")
	}
}

// replaceDecoder tells whether a decoder was replaced within the greatest delay, or at least unseen.
func replaceDecoder(t *testing.T) (judged bool) {
	const (
		before = 20 * time.Millisecond
		// hangs makes it longer than what the picture is behind the present, also where a decoder starts at once.
		hangs = 150 * time.Millisecond
		// greatest is less than 400 ms as far as it may have shrunk until it is asked for.
		greatest = 370 * time.Millisecond
	)
	p := newFlashing(t)
	p.both(t, 0)
	stats, _ := p.Composed()
	if len(stats.Processes) != 3 {
		t.Fatalf("processes %v", stats.Processes)
	}
	decoder := stats.Processes[1]
	second := (media.Now() + before).Truncate(time.Second) + time.Second
	time.Sleep(second - before - media.Now()) // it is the time of the flash that matters
	if err := syscall.Kill(decoder, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	time.Sleep(hangs)
	if err := syscall.Kill(decoder, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	two := p.both(t, second)
	now, _ := p.Composed()
	t.Logf("late by %v and %v; %v behind the present, then %v", two[0].late, two[1].late, stats.Delay, now.Delay)
	if two[0].inTime() && two[1].inTime() {
		return true
	}
	if p.mayShed(t, stats).Delay < greatest {
		t.Error("the picture that was held is out of step")
	}
	return false
}
