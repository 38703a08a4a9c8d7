package main

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"testing"
	"time"
)

func TestTidyingPays(t *testing.T) {
	if isUntidy(16<<20, 17<<20) || !isUntidy(16<<20, 19<<20) {
		t.Error("what little is new was collected, or what much is was not")
	}
	if got := restAfter(0); got != leastRest {
		t.Errorf("looks again after %v", got)
	}
	if got := restAfter(200 * time.Millisecond); got < 20*time.Second {
		t.Errorf("a large heap is collected again after %v", got)
	}
}

// The figures that tidy goes by are there, and tell of garbage.
func TestGarbageIsSeen(t *testing.T) {
	heap := []metrics.Sample{{Name: heapLive}, {Name: heapNow}, {Name: collections}}
	runtime.GC()
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	kept := make([]byte, 64<<20)
	metrics.Read(heap)
	for _, h := range heap {
		if h.Value.Kind() != metrics.KindUint64 {
			t.Fatalf("the runtime does not tell %s", h.Name)
		}
	}
	if live, now := heap[0].Value.Uint64(), heap[1].Value.Uint64(); !isUntidy(live, now) {
		t.Errorf("64 MB new beside %d: %d", live, now)
	}
	runtime.KeepAlive(kept)
}
