package bwe

import (
	"testing"
	"time"
)

// What a report called lost, and a later one says has come, is no loss of the stretch in which it left, however long ago that was.
func TestALossIsTakenBackWhereItWas(t *testing.T) {
	const ms = time.Millisecond
	var m lossModel
	at := func(n int) time.Duration { return time.Duration(n) * 10 * ms }
	for n := range 100 {
		m.note(result{sent: at(n), size: 1000}, n%10 != 5)
		m.update(1e6, 1e6, at(n))
	}
	if m.count < minObservations || m.meanLoss() < 0.05 {
		t.Fatalf("a loss of one in ten is %v in %d stretches", m.meanLoss(), m.count)
	}
	for n := 5; n < 100; n += 10 {
		m.note(result{sent: at(n), size: 1000, late: true}, true)
	}
	for i, o := range append(m.seen[:m.count:m.count], m.current) {
		if o.lost != 0 {
			t.Errorf("%d are lost in stretch %d after all have come", o.lost, i)
		}
	}
}
