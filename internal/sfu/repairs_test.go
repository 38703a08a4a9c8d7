package sfu

import (
	"testing"
	"time"
)

func TestRepairs(t *testing.T) {
	var r repairs
	for _, step := range []struct {
		seq  uint16
		at   time.Duration
		want bool
	}{
		{0, 0, true},
		{0, 0, false},
		{1, 10 * ms, true},
		{0, 49 * ms, false},
		{0, 50 * ms, true},
		{0, 60 * ms, false},
		{65535, 60 * ms, true},
		{1, 60 * ms, true},
	} {
		if got := r.allow(step.seq, step.at, 50*ms); got != step.want {
			t.Errorf("%d at %v: %v", step.seq, step.at, got)
		}
	}
}

func TestRepairsAreBounded(t *testing.T) {
	var r repairs
	allowed := 0
	for now := time.Duration(0); now < 10*time.Second; now += ms {
		for seq := range uint16(50) {
			if r.allow(uint16(now/ms)*50+seq, now, 0) {
				allowed++
			}
		}
	}
	if most := repairBurst + 10*repairRate; allowed > most || allowed < most-10 {
		t.Errorf("%d packets in 10 s, want %d", allowed, most)
	}
}
