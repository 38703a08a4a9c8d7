package remb

import (
	"math/rand/v2"
	"testing"
	"time"
)

// TestStaysWithinBounds has publishers with clocks that leap, SSRCs without end and silences: the bound must stay one.
func TestStaysWithinBounds(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var e Estimator
	now, timestamp := time.Second, uint32(0)
	for range 200_000 {
		now += time.Duration(random.IntN(8)) * time.Millisecond
		timestamp += uint32(random.IntN(700))
		switch random.IntN(2000) {
		case 0:
			timestamp = random.Uint32()
		case 1:
			now += time.Duration(random.IntN(20)) * time.Second
		}
		e.Note(uint32(random.IntN(40)), timestamp, 90000, random.IntN(1500), now)
		if rate, ok := e.Due(now); ok && (rate < minRate || rate > maxRate) {
			t.Fatalf("the bound is %v", rate)
		}
		if len(e.streams) > maxStreams {
			t.Fatalf("%d streams are followed", len(e.streams))
		}
	}
}

func TestSaysNothingBeforeItKnows(t *testing.T) {
	var e Estimator
	e.Note(1, 0, 90000, 1000, time.Second)
	if rate, ok := e.Due(time.Second); ok {
		t.Errorf("says %v after one packet", rate)
	}
}

func BenchmarkNote(b *testing.B) {
	var e Estimator
	now := time.Second
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		now += 3 * time.Millisecond
		e.Note(1, uint32(270*i), 90000, 1200, now)
	}
}
