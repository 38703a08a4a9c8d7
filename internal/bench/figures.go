package bench

import (
	"slices"
	"sync"
	"time"
)

// Latencies gathers durations of many clients and gives percentiles. It keeps at most a fixed number, every n-th.
type Latencies struct {
	mu   sync.Mutex
	list []time.Duration
	step int
	seen int
}

const keptLatencies = 1 << 20

// Add gathers one.
func (l *Latencies) Add(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.step = max(l.step, 1)
	l.seen++
	if l.seen%l.step != 0 {
		return
	}
	if len(l.list) == keptLatencies {
		for i := range keptLatencies / 2 {
			l.list[i] = l.list[2*i]
		}
		l.list, l.step = l.list[:keptLatencies/2], 2*l.step
	}
	l.list = append(l.list, d)
}

// Reset forgets what was gathered.
func (l *Latencies) Reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list, l.step, l.seen = l.list[:0], 1, 0
}

// Percentiles gives the values below which the given shares (0 to 1) lie; zeros when nothing was gathered.
func (l *Latencies) Percentiles(shares ...float64) []time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make([]time.Duration, len(shares))
	if len(l.list) == 0 {
		return out
	}
	slices.Sort(l.list)
	for i, s := range shares {
		out[i] = l.list[min(int(s*float64(len(l.list))), len(l.list)-1)]
	}
	return out
}
