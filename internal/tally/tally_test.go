package tally

import (
	"maps"
	"sync"
	"testing"
)

func TestAHistogramCountsValuesInTheBucketThatReachesThem(t *testing.T) {
	h := NewHistogram(1, 10, 100)
	for _, v := range []float64{0, 1, 1.5, 10, 99, 1000} {
		h.Observe(v)
	}
	d := h.Read()
	if want := map[float64]uint64{1: 2, 10: 4, 100: 5}; !maps.Equal(d.Below, want) {
		t.Errorf("below the bounds are %v, not %v", d.Below, want)
	}
	if d.Count != 6 || d.Sum != 1111.5 {
		t.Errorf("%d values with the sum %v", d.Count, d.Sum)
	}
}

func TestReasonsAreToldFromTheStart(t *testing.T) {
	var r Reasons
	r.Begin("late", "lost")
	r.Count("late")
	if got, want := r.Read(), (map[string]uint64{"late": 1, "lost": 0}); !maps.Equal(got, want) {
		t.Errorf("%v, not %v", got, want)
	}
}

func TestManyMayCountAtOnce(t *testing.T) {
	h, r := NewHistogram(0.5), new(Reasons)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 1000 {
				h.Observe(1)
				r.Count("late")
			}
		})
	}
	all.Wait()
	if d := h.Read(); d.Count != 8000 || d.Sum != 8000 || d.Below[0.5] != 0 {
		t.Errorf("%+v", d)
	}
	if n := r.Read()["late"]; n != 8000 {
		t.Errorf("counted %d", n)
	}
}

func BenchmarkObserve(b *testing.B) {
	h := NewHistogram(.001, .01, .1, 1, 10)
	b.ReportAllocs()
	for range b.N {
		h.Observe(0.05)
	}
}
