package main

import (
	"context"
	"math"
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
	// While it marks, the runtime gives a quarter of the processors to that, before all other work: at 80 % of a core, what comes
	// meanwhile waits. It may be at it for mostMarking of the time; where many publish, whose packets are the garbage, the heap may
	// grow up to collectAtMost for that, as much as Go lets it by itself.
	markingTakes  = 0.25
	mostMarking   = 0.01
	collectAtMost = 100
	// A crowd that comes leaves garbage behind, more than what its members need to stay. Afterwards little is allocated, so that the
	// runtime would keep it for a long time; we do not wait. leastRest is the least time between two looks, restFactor how much longer than
	// a collection took we rest at least, and worthwhile how much of the heap must be new for one.
	leastRest  = 3 * time.Second
	restFactor = 100
	worthwhile = 8
)

// heapFigures is the runtime's figures that tidy goes by.
type heapFigures struct {
	live, now          uint64  // bytes: what the last collection left, and with what came since
	collections        uint64  // so far
	marking, available float64 // so far, in seconds of processors; as of the last collection
}

var runtimeFigures = []metrics.Sample{
	{Name: "/gc/heap/live:bytes"},
	{Name: "/memory/classes/heap/objects:bytes"},
	{Name: "/gc/cycles/total:gc-cycles"},
	{Name: "/cpu/classes/gc/mark/dedicated:cpu-seconds"}, // of a single processor too, which is lent for parts of the time
	{Name: "/cpu/classes/total:cpu-seconds"},
}

// readHeap must not be called from two goroutines at a time.
func readHeap() heapFigures {
	f := runtimeFigures
	metrics.Read(f)
	return heapFigures{f[0].Value.Uint64(), f[1].Value.Uint64(), f[2].Value.Uint64(), f[3].Value.Float64(), f[4].Value.Float64()}
}

// tidy keeps the heap small until ctx ends. GOGC in the environment, if any, is left alone, and so is the runtime then.
func tidy(ctx context.Context) {
	if os.Getenv("GOGC") != "" {
		return
	}
	percent := collectAt
	debug.SetGCPercent(percent)
	rest := time.NewTimer(leastRest)
	defer rest.Stop()
	var known heapFigures
	for {
		select {
		case <-ctx.Done():
			return
		case <-rest.C:
		}
		h := readHeap()
		var took time.Duration
		if h.collections == known.collections && h.untidy() { // else the runtime is at it by itself
			began := time.Now()
			runtime.GC()
			took = time.Since(began)
			h = readHeap()
		}
		if p := h.percent(known, percent); p != percent {
			percent = p
			debug.SetGCPercent(percent)
		}
		known = h
		rest.Reset(restAfter(took))
	}
}

// untidy tells whether to collect.
func (h heapFigures) untidy() bool { return h.now > h.live+h.live/worthwhile }

// percent is how much the heap may grow from now on, after so much until now, by how long the collections since a former look took.
func (h heapFigures) percent(before heapFigures, percent int) int {
	if h.collections == before.collections || before.collections == 0 {
		return percent
	}
	if h.live > before.live+before.live/worthwhile {
		return collectAt // a crowd comes: its garbage does not come again
	}
	marking := (h.marking - before.marking) / (h.available - before.available) / markingTakes
	needed := float64(percent) * marking / mostMarking
	if math.Abs(needed-float64(percent)) < float64(percent)/worthwhile {
		return percent
	}
	return int(math.Round(min(max(needed, collectAt), collectAtMost)))
}

// restAfter is the time until the next look, after a collection that took so long, 0 for none.
func restAfter(took time.Duration) time.Duration { return max(leastRest, restFactor*took) }
