package sfu

import (
	"testing"
	"time"
)

func TestRestraint(t *testing.T) {
	var r restraint
	now, fullAt := time.Minute, time.Duration(0)
	// until lets time pass while nothing is seen to be full, and tells for how long it held.
	until := func(on bool, rate float64) (passed time.Duration) {
		t.Helper()
		for begin := now; ; now += 100 * ms {
			if r.holds(fullAt, rate, now) == on {
				return now - begin
			}
			if now-begin > time.Hour {
				t.Fatal("it never ends")
			}
		}
	}
	if r.holds(fullAt, 1e6, now) || r.tries(now) != unlimited {
		t.Error("what was never full holds something back")
	}
	// Each try that fails makes the next one wait for twice as long.
	for _, want := range []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute, 16 * time.Minute, 16 * time.Minute} {
		fullAt = now
		if held := until(false, 1e6); held != want {
			t.Errorf("held for %v, want %v", held, want)
		}
		if n := r.tries(now); n != 1 {
			t.Errorf("it begins with %d layers", n)
		}
		now += tryEvery + ms
		if n := r.tries(now); n != 2 {
			t.Errorf("it goes on with %d layers", n)
		}
	}
	// What rises for real is no try that failed.
	fullAt = now
	until(true, 1e6)
	now += time.Minute
	if !r.holds(fullAt, 1.9e6, now) {
		t.Error("a little more is taken for much")
	}
	r.holds(fullAt, 2.1e6, now)
	if r.holds(fullAt, 2.1e6, now) {
		t.Error("it goes on though there is much more")
	}
	// A way that is full much later was not filled by the try.
	now += trying
	if n := r.tries(now); n != unlimited {
		t.Errorf("%d layers are tried in the end", n)
	}
	fullAt = now
	if held := until(false, 2.1e6); held != firstRestraint {
		t.Errorf("held for %v", held)
	}
}

func TestLeastLayers(t *testing.T) {
	for _, tt := range []struct {
		now, wanted, n, want int
	}{{-1, 2, 1, 0}, {-1, 2, 2, 2}, {-1, 2, 3, unlimited}, {2, 2, 1, 2}, {0, 0, 1, 0}, {0, 0, 2, unlimited}} {
		d := demand{rates: []float64{1, 0, 3}, now: tt.now, wanted: tt.wanted}
		if got := d.least(tt.n); got != tt.want {
			t.Errorf("%+v: %d", tt, got)
		}
	}
}
