package rtcload

import (
	"testing"

	"github.com/tuttilive/tutti/internal/bench"
)

func TestASoakFindsWhatDidNotReturn(t *testing.T) {
	s := Soak{Before: bench.Idle{Goroutines: 40, Descriptors: 17, Heap: 10e6}}
	s.After, s.Restarted = s.Before, s.Before
	s.After.Goroutines++ // by chance
	if s.judge(); len(s.Problems) != 0 {
		t.Errorf("%q", s.Problems)
	}
	s.After.Goroutines, s.Restarted.Descriptors, s.Restarted.Heap, s.Restarted.Left = 60, 30, 20e6, 1
	if s.judge(); len(s.Problems) != 4 {
		t.Errorf("%q", s.Problems)
	}
}
