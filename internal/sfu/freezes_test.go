package sfu

import (
	"testing"
	"time"
)

func TestFreezes(t *testing.T) {
	const ms = time.Millisecond
	steady := func(every time.Duration, n int) (gaps []time.Duration) {
		for range n {
			gaps = append(gaps, every)
		}
		return gaps
	}
	for name, c := range map[string]struct {
		gaps   []time.Duration
		count  uint64
		frozen time.Duration
	}{
		"a steady picture":                      {steady(33*ms, 100), 0, 0},
		"one that jitters":                      {append(steady(33*ms, 30), 80*ms, 5*ms, 60*ms, 90*ms, 33*ms), 0, 0},
		"one that stops for half a second":      {append(steady(33*ms, 30), 500*ms, 33*ms, 33*ms), 1, 500 * ms},
		"a slow one is not frozen":              {steady(500*ms, 30), 0, 0},
		"a slow one stops":                      {append(steady(500*ms, 30), 2000*ms, 500*ms), 1, 2000 * ms},
		"a pause is none":                       {append(steady(33*ms, 30), 8*time.Second, 33*ms), 0, 0},
		"a picture becomes slower step by step": {append(append(append(steady(33*ms, 30), steady(80*ms, 60)...), steady(180*ms, 60)...), steady(300*ms, 20)...), 0, 0},
		"two freezes":                           {append(append(steady(33*ms, 30), 300*ms, 33*ms), 400*ms), 2, 700 * ms},
	} {
		t.Run(name, func(t *testing.T) {
			var f freezes
			var now time.Duration
			timestamp := uint32(1)
			f.picture(timestamp, now)
			for _, gap := range c.gaps {
				now += gap
				timestamp += 3000
				f.picture(timestamp, now)
				f.picture(timestamp, now+2*ms) // its second packet
			}
			if f.count != c.count || f.sum != c.frozen {
				t.Errorf("%d freezes of %v, not %d of %v", f.count, f.sum, c.count, c.frozen)
			}
		})
	}
}
