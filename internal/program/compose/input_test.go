package compose

import (
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/media"
)

// TestWhoIsAheadOfTheTimeIsSeen: an encoder whose first frame took long to come sends all others before their time.
func TestWhoIsAheadOfTheTimeIsSeen(t *testing.T) {
	const pictures, step = 300, time.Second / 30
	for _, ahead := range []time.Duration{0, 300 * time.Millisecond, 450 * time.Millisecond, 2 * time.Second} {
		in := new(input)
		d := &decoder{in: in}
		in.taking = d
		now, last, shown := media.Now(), time.Duration(0), 0
		for range pictures {
			now += step
			p := in.buffer(16, 16)
			p.Width, p.Height, p.PTS, p.Past = 16, 16, now+ahead, false
			d.push(p)
			if in.pick(now-delayStart) != nil && in.shown.PTS != last {
				last = in.shown.PTS
				shown++
			}
		}
		if shown < pictures-2*queueMax {
			t.Errorf("%v ahead: %d of %d pictures are shown", ahead, shown, pictures)
		}
	}
}
