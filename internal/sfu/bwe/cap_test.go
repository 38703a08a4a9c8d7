package bwe

import (
	"testing"
	"time"
)

// TestWhatAPeerWithoutReportsSaysIsTheEstimate: nothing else is known of its way, which is full where it carries less than is wanted.
func TestWhatAPeerWithoutReportsSaysIsTheEstimate(t *testing.T) {
	const mbit = 1e6
	e := New()
	e.SetWanted(2 * mbit)
	if e.FullAt() != 0 {
		t.Fatal("a way counts as full of which nothing is known")
	}
	e.SetCap(5*mbit, time.Second)
	if e.Rate() != 5*mbit || e.FullAt() != 0 {
		t.Errorf("%.1f Mbit/s, full at %v: more than is wanted", e.Rate()/mbit, e.FullAt())
	}
	e.SetCap(mbit, 2*time.Second)
	if e.Rate() != mbit || e.FullAt() != 2*time.Second {
		t.Errorf("%.1f Mbit/s, full at %v: less than is wanted", e.Rate()/mbit, e.FullAt())
	}
	e.SetCap(1000, 3*time.Second)
	if e.Rate() != minRate {
		t.Errorf("%.3f Mbit/s: sound must go through", e.Rate()/mbit)
	}
	e.SetCap(0, 4*time.Second)
	if e.Rate() != firstRate {
		t.Errorf("%.1f Mbit/s without a bound", e.Rate()/mbit)
	}
}
