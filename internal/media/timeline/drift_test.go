package timeline

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/media"
)

// publisher sends picture and sound.
type publisher struct {
	line   Timeline
	random *rand.Rand
	rate   float64 // of its clock
	ahead  time.Duration
	began  time.Duration
	last   [media.Video + 1]time.Duration
}

func newPublisher(rate float64) *publisher {
	return &publisher{random: rand.New(rand.NewPCG(1, 2)), rate: rate, began: time.Minute}
}

// send gives what is captured after a time by our clock, and comes so long after that, and how late it comes by its decode time.
func (p *publisher) send(t *testing.T, at, takes time.Duration) (late time.Duration) {
	t.Helper()
	theirs := uint32(1<<32-1000) + uint32(time.Duration(float64(at)*p.rate).Milliseconds())
	now := p.began + at + takes
	for _, kind := range []media.Kind{media.Video, media.Audio} {
		dts, jumped := p.line.At(kind, theirs, now)
		if dts <= p.last[kind] || jumped {
			t.Fatalf("after %v: %v follows %v, jumped: %v", at, dts, p.last[kind], jumped)
		}
		p.last[kind], late = dts, now-dts
	}
	if apart := p.last[media.Video] - p.last[media.Audio]; apart.Abs() > time.Millisecond {
		t.Fatalf("after %v picture and sound of one time are %v apart", at, apart)
	}
	return late
}

// TestClocksOfPublishersAreFollowed for half a day, on a way that is late now and then, for seconds too.
func TestClocksOfPublishersAreFollowed(t *testing.T) {
	const step, ms = 200 * time.Millisecond, time.Millisecond
	for name, rate := range map[string]float64{"as fast as ours": 1, "200 ppm fast": 1 + 200e-6, "200 ppm slow": 1 - 200e-6, "20 ppm fast": 1 + 20e-6} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPublisher(rate)
			var last time.Duration
			held := time.Duration(0) // for how long the way lets nothing through
			for at := time.Duration(0); at < 12*time.Hour; at += step {
				takes := 30*ms + time.Duration(p.random.IntN(40))*ms
				if at%time.Hour == 0 {
					takes = 30 * ms // the first of all, too
				}
				if at%(10*time.Minute) == 5*time.Minute {
					held = at + 8*time.Second
				}
				takes = max(takes, held-at)
				late := p.send(t, at, takes)
				if off := late - (takes - 30*ms); off < -40*ms || off > 40*ms {
					t.Fatalf("after %v what takes %v comes %v late", at, takes, late)
				}
				if moved := p.last[media.Video] - last - step; last > 0 && moved.Abs() > 2*ms {
					t.Fatalf("after %v a frame is %v after the one before", at, moved+step)
				}
				last = p.last[media.Video]
			}
		})
	}
}

// TestWhoIsAheadStaysSo: what comes before its time, because it is read from a file as fast as it is taken, is not taken for a clock
// that is wrong.
func TestWhoIsAheadStaysSo(t *testing.T) {
	const ahead = 2 * time.Second
	p := newPublisher(1)
	for at := time.Duration(0); at < 3*time.Hour; at += 200 * time.Millisecond {
		now := min(at, ahead) // that is read at once
		late := p.send(t, at, -now)
		if late != -now {
			t.Fatalf("after %v what comes %v early comes %v late", at, now, late)
		}
	}
}

// TestAnotherTimeBaseIsFollowedToo: what an earlier one was off by means nothing.
func TestAnotherTimeBaseIsFollowedToo(t *testing.T) {
	var line Timeline
	timestamp, now := uint32(0), time.Minute
	for i := range 1_500_000 { // of 40 ms, 17 hours
		if i == 500_000 {
			timestamp = 77
		}
		dts, jumped := line.At(media.Video, timestamp, now)
		if jumped != (i == 500_000) {
			t.Fatalf("frame %d jumps: %v", i, jumped)
		}
		if late := now - dts; late.Abs() > 40*time.Millisecond {
			t.Fatalf("frame %d comes %v late", i, late)
		}
		timestamp += 40
		now += 40*time.Millisecond - 4*time.Microsecond // 100 ppm less
	}
}
