package program

import (
	"context"
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
	// late tells of each flash which source's it is, and how late it begins.
	late chan [2]time.Duration
}

func newFlashing(t *testing.T) *flashing {
	w := needWorkers(t)
	p := &flashing{Program: newComposed(t, w), late: make(chan [2]time.Duration, 100)}
	s := bare()
	flash := func(f *paint.Frame, at time.Duration) {
		c := paint.Black
		if at%time.Second < 200*time.Millisecond {
			c = paint.White
		}
		f.Fill(paint.Rect{W: f.Width, H: f.Height}, c)
	}
	a, b := publishPainted(t, w, "TR_A", flash), publishPainted(t, w, "TR_B", flash)
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
		Size:     func(int, int) (int, int) { return width, height },
		Buffer:   func(w, h int) *codec.Picture { return &codec.Picture{Pix: make([]byte, codec.PictureBytes(w, h))} },
		Keyframe: func() {},
		Out: func(q *codec.Picture) {
			for k := range two {
				r := two[k].Rect
				luma := q.Pix[(r.Y+r.H/2)*width+r.X+r.W/2]
				if luma > 180 && dark[k] {
					p.late <- [2]time.Duration{time.Duration(k), fromSecond(q.PTS)}
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

// fromSecond is how far a time lies behind the next full second, or before it.
func fromSecond(at time.Duration) time.Duration { return at - at.Round(time.Second) }

// A source's picture is the first that was captured after the full second, and the tick the first after that: a thirtieth each at most.
const (
	flashEarly = -5 * time.Millisecond
	flashLate  = 70 * time.Millisecond
)

// next waits for a flash.
func (p *flashing) next(t *testing.T) (source int, late time.Duration) {
	t.Helper()
	select {
	case f := <-p.late:
		return int(f[0]), f[1]
	case <-time.After(30 * time.Second):
		t.Skip("this machine is too busy to tell: no flashes come")
		return 0, 0
	}
}

func TestFlashesKeepTheirTimeInAComposedPicture(t *testing.T) {
	p := newFlashing(t)
	var offs [2][]time.Duration
	for len(offs[0]) < 6 || len(offs[1]) < 6 {
		k, late := p.next(t)
		offs[k] = append(offs[k], late)
	}
	if stats, _ := p.Composed(); stats.Shed > 0 || stats.Skipped > 5 || stats.Restarts > 0 {
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

// TestFlashesKeepTheirTimeWhileADecoderIsReplaced kills a decoder a moment before the flash, again and again: frames wait for its successor, as
// long as that needs no more than the greatest delay.
func TestFlashesKeepTheirTimeWhileADecoderIsReplaced(t *testing.T) {
	p := newFlashing(t)
	p.next(t)
	p.next(t)
	for range 4 {
		const before = 20 * time.Millisecond
		time.Sleep((time.Second - before - fromSecond(media.Now())) % time.Second) // it is the time of the flash that matters
		stats, _ := p.Composed()
		if len(stats.Processes) != 3 {
			t.Fatalf("processes %v", stats.Processes)
		}
		killed := stats.Processes[1]
		if err := syscall.Kill(killed, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		first, late := p.next(t)
		second, later := p.next(t)
		stats, _ = p.Composed()
		t.Logf("flashes of %d and %d are late by %v and %v, %v behind the present", first, second, late, later, stats.Delay)
		switch fits := late >= flashEarly && max(late, later) <= flashLate; {
		case fits:
		case stats.Shed > 0 || stats.Skipped > 5 || stats.Delay > 390*time.Millisecond:
			t.Skipf("this machine is too busy to tell: %+v", stats)
		default:
			t.Error("the picture that was held is out of step")
		}
	}
}
