package sfu

import (
	"slices"
	"testing"
	"time"
)

func TestAllocate(t *testing.T) {
	simulcast := []float64{150e3, 500e3, 1500e3}
	camera := func(now int) demand { return demand{rates: simulcast, wanted: 2, now: now, ceiling: unlimited} }
	held := func(now int) demand { d := camera(now); d.ceiling = now; return d }
	first := func(now int) demand { d := camera(now); d.rank = 1; return d }
	thumbnail := demand{rates: simulcast, wanted: 0, now: 0, ceiling: unlimited}
	screen := demand{rates: []float64{1200e3}, wanted: 0, now: -1, rank: 1 << 48, ceiling: unlimited}
	for _, c := range []struct {
		what    string
		rate    float64
		demands []demand
		want    []int
	}{
		{"all fits", 10e6, []demand{camera(2), camera(2)}, []int{2, 2}},
		{"one smaller each", 1.3e6, []demand{camera(2), camera(2)}, []int{1, 1}},
		{"small ones", 0.35e6, []demand{camera(2), camera(1)}, []int{0, 0}},
		{"the first of equals", 0.25e6, []demand{camera(0), camera(0)}, []int{0, suspended}},
		{"nothing", 30e3, []demand{camera(0), camera(0)}, []int{suspended, suspended}},
		{"what is not wanted is not given", 10e6, []demand{thumbnail, camera(2)}, []int{0, 2}},
		{"the screen before cameras", 1.6e6, []demand{camera(2), screen}, []int{0, 0}},
		{"not up without room", 1.6e6, []demand{camera(1)}, []int{1}},
		{"but what flows stays", 1.45e6, []demand{camera(2)}, []int{2}},
		{"more so when its keyframe has just come", 1.3e6, []demand{{rates: simulcast, wanted: 2, now: 2, fresh: true, ceiling: unlimited}}, []int{2}},
		{"a layer that is not sent is passed over", 2e6, []demand{{rates: []float64{150e3, 0, 1500e3}, wanted: 2, now: 0, ceiling: unlimited}}, []int{2}},
		{"a single layer goes on when it is a little too large", 0.9e6, []demand{{rates: []float64{1200e3}, now: 0}}, []int{0}},
		{"but not when it is far too large", 0.8e6, []demand{{rates: []float64{1200e3}, now: 0}}, []int{suspended}},
		{"the important one first, to the top", 1.9e6, []demand{camera(2), first(0)}, []int{0, 2}},
		{"but nobody goes without for that", 0.6e6, []demand{camera(0), first(2)}, []int{0, 0}},
		{"what was taken back is not given at once", 10e6, []demand{held(0), camera(0)}, []int{0, 2}},
		{"nor begun again", 10e6, []demand{held(-1), camera(0)}, []int{suspended, 2}},
		{"but may be taken away further", 0.3e6, []demand{held(2)}, []int{0}},
		{"nothing known of it", 1e6, []demand{{rates: []float64{0}, now: -1}}, []int{unlimited}},
	} {
		t.Run(c.what, func(t *testing.T) {
			limits := make([]int, len(c.demands))
			new(allocation).allocate(c.rate, c.demands, limits)
			if !slices.Equal(limits, c.want) {
				t.Errorf("got %v, want %v", limits, c.want)
			}
		})
	}
}

// Whatever the demands, what is given fits, but for what flows already.
func FuzzAllocate(f *testing.F) {
	f.Add(uint32(1000), []byte{10, 20, 30, 2, 1, 0, 40, 50, 60, 1, 0, 1})
	f.Fuzz(func(t *testing.T, kbps uint32, raw []byte) {
		var demands []demand
		for ; len(raw) >= 6 && len(demands) < 32; raw = raw[6:] {
			rates := []float64{float64(raw[0]) * 1e3, float64(raw[0])*1e3 + float64(raw[1])*4e3, 0}
			rates[2] = rates[1] + float64(raw[2])*10e3
			demands = append(demands, demand{rates: rates, wanted: int(raw[3]) % 3, now: int(raw[4])%4 - 1, rank: uint64(raw[5]) % 3, ceiling: int(raw[5]>>4)%5 - 1})
		}
		limits := make([]int, len(demands))
		new(allocation).allocate(float64(kbps)*1000, demands, limits)
		sum := 0.0
		for i, l := range limits {
			if l == unlimited || l == suspended {
				continue
			}
			if l < 0 || l > demands[i].wanted || demands[i].rates[l] == 0 || l > max(demands[i].now, demands[i].ceiling) && l != demands[i].above(suspended) {
				t.Fatalf("%+v got %d", demands[i], l)
			}
			sum += demands[i].rates[l]
		}
		if sum > keepingLast*float64(kbps)*1000*2 {
			t.Fatalf("%v bit/s are given of %v", sum, kbps*1000)
		}
	})
}

func TestImportance(t *testing.T) {
	order := []importance{
		{width: 160, height: 90},
		{width: 640, height: 360},
		{width: 1920, height: 1080},
		{speaking: true},
		{speaking: true, width: 1280, height: 720},
		{pinned: 1<<32 - 1},
		{pinned: 2, width: 160, height: 90},
		{pinned: 2, speaking: true},
		{pinned: 1},
		{screen: true},
		{screen: true, width: 1920, height: 1080},
		{screen: true, pinned: 1},
	}
	for i := range order[1:] {
		if order[i].rank() >= order[i+1].rank() {
			t.Errorf("%+v is not below %+v", order[i], order[i+1])
		}
	}
	if (importance{width: 640, height: 360}).rank() != (importance{width: 641, height: 360}).rank() {
		t.Error("a pixel matters")
	}
	if (importance{width: -5, height: 3}).rank() != 0 {
		t.Error("a size that cannot be is something")
	}
}

func TestCaution(t *testing.T) {
	var c caution
	at := time.Minute
	if c.ceiling(0, mbit, at) != unlimited {
		t.Error("holds before anything was taken")
	}
	c.change(2, 1, mbit, at)
	c.change(1, 0, mbit, at+500*ms)
	at += 500 * ms
	if c.ceiling(0, mbit, at+firstPatience-ms) != 0 || c.ceiling(0, mbit, at+firstPatience) != unlimited {
		t.Error("does not wait once")
	}
	var waits []time.Duration
	for range 5 { // given, and taken back after 2 s
		at += 2 * longestPatience
		c.change(1, 2, mbit, at)
		at += 2 * time.Second
		c.change(2, 1, mbit, at)
		wait := time.Duration(0)
		for c.ceiling(0, mbit, at+wait) != unlimited {
			if wait >= firstPatience && c.ceiling(0, mbit, at+wait) != 1 {
				t.Error("other layers are held back as long as the one that failed")
			}
			wait += 500 * ms
		}
		waits = append(waits, wait/time.Second)
	}
	if !slices.Equal(waits, []time.Duration{2, 4, 8, 8, 8}) {
		t.Errorf("waits %v s", waits)
	}
	at += time.Minute
	c.change(1, 2, mbit, at)
	c.change(2, 1, mbit, at+time.Minute)
	if c.wait != firstPatience {
		t.Error("remembers for ever")
	}
}
