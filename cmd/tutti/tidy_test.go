package main

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"testing"
	"time"
)

func TestTidyingPays(t *testing.T) {
	if (heapFigures{live: 16 << 20, now: 17 << 20}).untidy() || !(heapFigures{live: 16 << 20, now: 19 << 20}).untidy() {
		t.Error("what little is new was collected, or what much is was not")
	}
	if got := restAfter(0); got != leastRest {
		t.Errorf("looks again after %v", got)
	}
	if got := restAfter(200 * time.Millisecond); got < 20*time.Second {
		t.Errorf("a large heap is collected again after %v", got)
	}
}

func TestCollectingTakesLittleOfTheTime(t *testing.T) {
	before := heapFigures{live: 240 << 20, collections: 7, marking: 1, available: 50}
	after := func(live uint64, collections uint64, marking, seconds float64) heapFigures {
		return heapFigures{live: live, collections: collections, marking: before.marking + marking, available: before.available + seconds}
	}
	for name, c := range map[string]struct {
		heap    heapFigures
		percent int
		want    int
	}{
		"none since the last look":              {after(240<<20, 7, 0, 0), 120, 120},
		"seldom":                                {after(240<<20, 8, 0.01, 10), 50, 50},
		"more than it may":                      {after(240<<20, 9, 0.04, 10), 50, 80},
		"about as much as it may":               {after(240<<20, 8, 0.026, 10), 90, 90},
		"all the time":                          {after(240<<20, 20, 2, 10), 100, collectAtMost},
		"less than it may, as many have gone":   {after(80<<20, 8, 0.02, 10), 100, 80},
		"much, while a crowd comes":             {after(300<<20, 12, 1, 10), 50, collectAt},
		"much, while a crowd comes to a few":    {after(300<<20, 12, 1, 10), 100, collectAt},
		"hardly at all, where much was allowed": {after(240<<20, 8, 0.001, 10), 100, collectAt},
	} {
		if got := c.heap.percent(before, c.percent); got != c.want {
			t.Errorf("%s: %d after %d, not %d", name, got, c.percent, c.want)
		}
	}
	if got := after(240<<20, 9, 1, 10).percent(heapFigures{}, collectAt); got != collectAt {
		t.Errorf("%d by what came before the first look", got)
	}
}

// The figures that tidy goes by are there, and tell of garbage and of collections.
func TestGarbageIsSeen(t *testing.T) {
	runtime.GC()
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	kept := make([]byte, 64<<20)
	h := readHeap()
	for _, f := range runtimeFigures {
		if f.Value.Kind() == metrics.KindBad {
			t.Fatalf("the runtime does not tell %s", f.Name)
		}
	}
	if !h.untidy() {
		t.Errorf("64 MB new beside %d: %d", h.live, h.now)
	}
	runtime.GC()
	after := readHeap()
	if after.collections != h.collections+1 || after.marking <= h.marking || after.available <= h.available {
		t.Errorf("a collection did not count: %+v, then %+v", h, after)
	}
	runtime.KeepAlive(kept)
}
