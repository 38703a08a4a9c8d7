package showload

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/codec"
	"github.com/tuttilive/tutti/internal/program/compose/paint"
)

// TestWhatHasBegunBeforeItIsWatchedIsNoOnset: a viewer that comes in the middle of a flash and its beep does not know when they began.
func TestWhatHasBegunBeforeItIsWatchedIsNoOnset(t *testing.T) {
	var seen []int
	var f flashes
	picture := func(on bool) {
		p := paint.NewFrame(64, 64)
		p.Fill(paint.Rect{W: 64, H: 64}, paint.Black)
		if on {
			p.Fill(paint.Rect{W: 64, H: 32}, marks[1].colour)
		}
		n := 0
		for _, begins := range f.look(&codec.Picture{Width: 64, Height: 64, Pix: p.Pix}) {
			if begins {
				n++
			}
		}
		seen = append(seen, n)
	}
	for _, on := range []bool{true, true, false, true, true} {
		picture(on)
	}
	if want := []int{0, 0, 0, 1, 0}; !slices.Equal(seen, want) {
		t.Errorf("onsets %v, want %v", seen, want)
	}

	var heard []time.Duration
	var b beeps
	const block = codec.SampleRate / 10
	for i := range 10 { // tenths of a second, of which the first two and the sixth and seventh sound
		pcm := make([]float32, 2*block)
		for k := range block {
			if on := i < 2 || i == 5 || i == 6; on {
				v := float32(0.12 * math.Sin(2*math.Pi*marks[1].tone*float64(k)/codec.SampleRate))
				pcm[2*k], pcm[2*k+1] = v, v
			}
		}
		b.hear(pcm, time.Duration(i)*100*time.Millisecond, func(mark int, at time.Duration) {
			if mark == 1 {
				heard = append(heard, at)
			}
		})
	}
	if len(heard) != 1 || (heard[0]-500*time.Millisecond).Abs() > 10*time.Millisecond {
		t.Errorf("beeps at %v, want one at 500ms", heard)
	}
}
