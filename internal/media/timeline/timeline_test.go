package timeline

import (
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/media"
)

func TestTimeline(t *testing.T) {
	const v, a = media.Video, media.Audio
	ms := func(n int64) time.Duration { return time.Duration(n) * time.Millisecond }
	type step struct {
		kind      media.Kind
		timestamp uint32
		now       int64 // ms
		want      int64 // ms
		jumped    bool
	}
	tests := map[string][]step{
		"both kinds share the offset of the first timestamp": {
			{v, 1000, 50_000, 50_000, false}, {a, 1010, 50_300, 50_010, false}, {v, 1033, 50_310, 50_033, false},
		},
		"late sound lies where its timestamp says": {
			{v, 0, 50_000, 50_000, false}, {v, 2000, 52_000, 52_000, false}, {a, 1900, 52_100, 51_900, false},
		},
		"a first picture that takes long to come keeps in time with the sound": {
			{a, 0, 50_000, 50_000, false}, {v, 0, 54_500, 50_000, false}, {a, 23, 54_500, 50_023, false},
		},
		"sound on a time base of its own begins at the present": {
			{v, 100, 50_000, 50_000, false}, {a, 900_000, 50_020, 50_020, false}, {v, 133, 50_040, 50_033, false}, {a, 900_023, 50_050, 50_043, false},
		},
		"the counter wraps": {
			{v, 1<<32 - 20, 50_000, 50_000, false}, {a, 1<<32 - 10, 50_010, 50_010, false}, {v, 13, 50_033, 50_033, false}, {a, 11, 50_030, 50_031, false},
		},
		"the other kind comes after the wrap": {
			{v, 1<<32 - 20, 50_000, 50_000, false}, {a, 5, 50_030, 50_025, false},
		},
		"the first kind came before the wrap and the other first behind it": {
			{v, 3, 50_000, 50_000, false}, {a, 1<<32 - 4, 50_010, 49_993, false}, {a, 19, 50_020, 50_016, false},
		},
		"equal timestamps still increase": {
			{v, 40, 50_000, 50_000, false}, {v, 40, 50_001, 50_001, false}, {v, 40, 50_002, 50_002, false}, {v, 73, 50_033, 50_033, false},
		},
		"a small step back is held": {
			{v, 100, 50_000, 50_000, false}, {v, 133, 50_033, 50_033, false}, {v, 120, 50_040, 50_034, false}, {v, 166, 50_066, 50_066, false},
		},
		"a gap while the network stalls stays a gap": {
			{v, 0, 50_000, 50_000, false}, {v, 33, 58_000, 50_033, false}, {v, 8000, 58_010, 58_000, false},
		},
		"starting again at zero goes on at the present": {
			{v, 500_000, 50_000, 50_000, false}, {a, 500_010, 50_010, 50_010, false},
			{v, 0, 50_033, 50_033, true}, {a, 500_033, 50_040, 50_033, false}, {a, 20, 50_053, 50_053, true}, {v, 33, 50_066, 50_066, false},
		},
		"a jump ahead goes on at the present": {
			{v, 0, 50_000, 50_000, false}, {a, 0, 50_000, 50_000, false},
			{v, 3_600_000, 50_033, 50_033, true}, {a, 3_600_010, 50_043, 50_043, true}, {a, 3_600_033, 50_066, 50_066, false},
		},
		"a jump into the past of the track still increases": {
			{v, 0, 50_000, 50_000, false}, {v, 2000, 50_050, 52_000, false}, {v, 10, 50_060, 52_001, true}, {v, 43, 50_093, 52_034, false},
		},
		"a pause without a gap goes on at the present, both kinds together": {
			{v, 0, 50_000, 50_000, false}, {a, 10, 50_010, 50_010, false},
			{v, 40, 54_040, 50_040, false}, {a, 50, 54_050, 50_050, false}, {v, 2000, 56_000, 52_000, false}, {a, 2010, 56_010, 52_010, false},
			{v, 2040, 56_040, 56_040, true}, {a, 2050, 56_050, 56_050, true}, {v, 2080, 56_080, 56_080, false}, {a, 2090, 56_090, 56_090, false},
		},
		"what a network held up and lets go slowly stays where it was": {
			{v, 0, 50_000, 50_000, false}, {v, 40, 54_040, 50_040, false}, {v, 1500, 55_200, 51_500, false}, {v, 3000, 56_400, 53_000, false},
			{v, 4500, 57_600, 54_500, false}, {v, 6000, 58_800, 56_000, false}, {v, 8000, 60_100, 58_000, false}, {v, 9990, 60_000, 59_990, false},
		},
		"what a network held up for long and lets go at last is laid back": {
			{v, 0, 50_000, 50_000, false}, {a, 0, 50_000, 50_000, false}, {v, 40, 53_040, 50_040, false}, {v, 2040, 55_040, 55_040, true}, {a, 2040, 55_040, 55_040, true},
			{v, 3000, 56_000, 56_000, false}, {v, 4500, 56_010, 56_010, true}, {a, 4500, 56_010, 56_010, true}, {v, 5800, 56_020, 56_020, true},
			{v, 6000, 56_030, 56_220, false}, {v, 8000, 58_000, 58_220, false},
		},
		"sound far behind a picture that is not stays so": {
			{v, 0, 50_000, 50_000, false}, {a, 0, 52_900, 50_000, false}, {v, 3000, 53_000, 53_000, false}, {a, 3000, 55_900, 53_000, false},
			{v, 6000, 56_000, 56_000, false}, {a, 6000, 58_900, 56_000, false}, {v, 9000, 59_000, 59_000, false}, {a, 9000, 61_900, 59_000, false},
		},
		"a first picture that came early, and all that follows late": {
			{v, 0, 50_000, 50_000, false}, {v, 40, 54_000, 50_040, false}, {v, 1040, 55_000, 51_040, false}, {v, 2040, 56_000, 56_000, true},
		},
	}
	for name, steps := range tests {
		t.Run(name, func(t *testing.T) {
			var line Timeline
			for i, s := range steps {
				got, jumped := line.At(s.kind, s.timestamp, ms(s.now))
				if got != ms(s.want) || jumped != s.jumped {
					t.Fatalf("step %d: %v, jumped %v; want %v, %v", i, got, jumped, ms(s.want), s.jumped)
				}
			}
		})
	}
}

// TestAStockThatRunsOutIsBegunAnew, as that of an origin does whose clock is slower than ours, once in hours. There are three segments at first.
func TestAStockThatRunsOutIsBegunAnew(t *testing.T) {
	const segment, step, ahead, slower = 6 * time.Second, 200 * time.Millisecond, 2 * time.Second, 200e-6
	line := Timeline{Stock: ahead}
	now, moves, last := time.Minute, 0, time.Duration(0)
	for i := range int(60 * time.Hour / segment) {
		now = max(now, time.Minute+time.Duration(float64(i-2)*float64(segment)*(1+slower)))
		for at := time.Duration(i) * segment; at < time.Duration(i+1)*segment; at += step {
			dts, jumped := line.At(media.Video, uint32(at/time.Millisecond), now)
			if late := now - dts; late > ranOut || dts <= last || !jumped && i > 0 && dts-last != step {
				t.Fatalf("after %v: %v late, %v after the one before", at, late, dts-last)
			}
			if jumped {
				moves++
			}
			now, last = max(now, dts-ahead), dts
		}
	}
	// It is slower by 43 s, of which there were 12 at first.
	if moves < 10 || moves > 16 {
		t.Errorf("laid later %d times", moves)
	}
}

func FuzzTimeline(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0, 0, 1, 255, 255, 255, 255, 10, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		line := Timeline{Stock: time.Duration(len(b)%2) * time.Second}
		now := time.Duration(0)
		var last [media.Video + 1]time.Duration
		var seen [media.Video + 1]bool
		for ; len(b) >= 6; b = b[6:] {
			kind := media.Audio + media.Kind(b[0]&1)
			now += time.Duration(b[5]) * time.Millisecond
			dts, _ := line.At(kind, uint32(b[1])<<24|uint32(b[2])<<16|uint32(b[3])<<8|uint32(b[4]), now)
			if seen[kind] && dts <= last[kind] {
				t.Fatalf("%v after %v", dts, last[kind])
			}
			last[kind], seen[kind] = dts, true
		}
	})
}
