// Package tally counts what operators want to know without slowing down what is counted: distributions of figures that come
// a few times a second, and how often rare things happened, by reason. What happens for each packet is counted in plain
// numbers where it happens. Nothing here knows how figures are published.
package tally

import (
	"maps"
	"math"
	"slices"
	"sync"
	"sync/atomic"
)

// Histogram is a distribution of values in buckets that do not change. It is safe for use by several goroutines; observing
// takes no lock.
type Histogram struct {
	bounds []float64
	counts []atomic.Uint64 // one more than bounds: the last has no end
	sum    atomic.Uint64   // float64 bits
}

// NewHistogram makes a histogram of buckets that reach up to, and include, each of the bounds, which ascend.
func NewHistogram(bounds ...float64) *Histogram {
	return &Histogram{bounds: bounds, counts: make([]atomic.Uint64, len(bounds)+1)}
}

// Observe counts a value.
func (h *Histogram) Observe(v float64) {
	i, _ := slices.BinarySearch(h.bounds, v)
	h.counts[i].Add(1)
	for {
		old := h.sum.Load()
		if h.sum.CompareAndSwap(old, math.Float64bits(math.Float64frombits(old)+v)) {
			return
		}
	}
}

// Distribution is what a histogram has counted.
type Distribution struct {
	Count uint64
	Sum   float64
	// Below has, for each bound, how many values were not above it.
	Below map[float64]uint64
}

// Read gives what was counted until now.
func (h *Histogram) Read() Distribution {
	d := Distribution{Sum: math.Float64frombits(h.sum.Load()), Below: make(map[float64]uint64, len(h.bounds))}
	for i, bound := range h.bounds {
		d.Count += h.counts[i].Load()
		d.Below[bound] = d.Count
	}
	d.Count += h.counts[len(h.bounds)].Load()
	return d
}

// Reasons counts rare things by why they happened. Reasons are constants of the program, never what a stranger said: each
// is kept for ever. The zero value is ready; it is safe for use by several goroutines.
type Reasons struct {
	mu     sync.Mutex
	counts map[string]uint64
}

// Begin has Read tell of reasons from the start: of what appears as something else than 0 nobody can say how much of it is new.
func (r *Reasons) Begin(reasons ...string) {
	for _, reason := range reasons {
		r.Add(reason, 0)
	}
}

// Count counts one more.
func (r *Reasons) Count(reason string) { r.Add(reason, 1) }

// Add counts n more.
func (r *Reasons) Add(reason string, n uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.counts == nil {
		r.counts = make(map[string]uint64)
	}
	r.counts[reason] += n
}

// Read gives the counts. The map is the caller's.
func (r *Reasons) Read() map[string]uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.counts)
}
