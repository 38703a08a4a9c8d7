package sfu

import (
	"testing"
	"time"
)

// TestCautionCountsStepsWithinAStream: what is taken back of a picture with layers in its stream is one of its steps, of which
// there are more than streams.
func TestCautionCountsStepsWithinAStream(t *testing.T) {
	inWorld(t, func(w *world) {
		steps := make([]candidate, 6)
		s := &Sender{limit: 5, audience: &audience{candidates: steps}}
		s.now.paused = true // it is about the limit alone
		w.pass(time.Second)
		s.allow(w, 4, mbit)
		if got := s.caution.ceiling(4, mbit, w.Now()); got != 4 {
			t.Errorf("right after the fall up to %d may be given", got)
		}
		w.pass(firstPatience - time.Millisecond)
		if got := s.caution.ceiling(3, mbit, w.Now()); got != 3 {
			t.Errorf("before its time up to %d may be given", got)
		}
		w.pass(time.Millisecond)
		s.allow(w, 5, mbit)
		w.pass(time.Second)
		s.allow(w, 4, mbit) // given hastily: now it takes longer
		w.pass(firstPatience)
		if got := s.caution.ceiling(2, mbit, w.Now()); got != 4 {
			t.Errorf("after a hasty gift up to %d may be given", got)
		}
		if got := s.caution.ceiling(2, 2.1*mbit, w.Now()); got != unlimited {
			t.Errorf("with far more than what was tried up to %d may be given", got)
		}
		s.allow(w, 5, 2.1*mbit)
		if got := s.caution.ceiling(2, 2.1*mbit, w.Now()); got != unlimited {
			t.Errorf("what is given of far more is taken back at once: up to %d", got)
		}
	})
}
