package main

import (
	"context"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	// collectAt is how much the heap may grow, in percent, until the runtime collects garbage. What is garbage here dies young
	// (reports, slabs of packets) and what lives is small: collecting twice as often as Go does by itself costs no CPU that could
	// be measured, and takes a quarter of the memory of a subscriber away.
	collectAt = 50
	// A crowd that comes leaves garbage behind, more than what its members need to stay. Afterwards little is allocated, so that the
	// runtime would keep it for a long time; we do not wait. leastRest is the least time between two looks, restFactor how much longer than
	// a collection took we rest at least, and worthwhile how much of the heap must be new for one.
	leastRest  = 3 * time.Second
	restFactor = 100
	worthwhile = 8
)

// The runtime's figures that tidy goes by.
const (
	heapLive    = "/gc/heap/live:bytes"                // what the last collection left
	heapNow     = "/memory/classes/heap/objects:bytes" // with what came since
	collections = "/gc/cycles/total:gc-cycles"
)

// tidy keeps the heap small until ctx ends. GOGC in the environment, if any, is left alone, and so is the runtime then.
func tidy(ctx context.Context) {
	if os.Getenv("GOGC") != "" {
		return
	}
	debug.SetGCPercent(collectAt)
	heap := []metrics.Sample{{Name: heapLive}, {Name: heapNow}, {Name: collections}}
	rest := time.NewTimer(leastRest)
	defer rest.Stop()
	var known uint64
	for {
		select {
		case <-ctx.Done():
			return
		case <-rest.C:
		}
		metrics.Read(heap)
		live, now, count := heap[0].Value.Uint64(), heap[1].Value.Uint64(), heap[2].Value.Uint64()
		var took time.Duration
		if count == known && isUntidy(live, now) { // else the runtime is at it by itself
			began := time.Now()
			runtime.GC()
			took = time.Since(began)
			count++
		}
		known = count
		rest.Reset(restAfter(took))
	}
}

// isUntidy tells whether to collect: live bytes were left by the last collection, now there are so many.
func isUntidy(live, now uint64) bool { return now > live+live/worthwhile }

// restAfter is the time until the next look, after a collection that took so long, 0 for none.
func restAfter(took time.Duration) time.Duration { return max(leastRest, restFactor*took) }
