package bwe

import (
	"testing"
	"time"
)

func TestHistory(t *testing.T) {
	var h history
	seq := uint16(65000)
	const many = 3000
	for i := range many {
		h.add(seq, 1000, 0, time.Duration(i)*ms)
		seq++
	}
	if h.inFlight != many*1000 || len(h.ring) != 4096 {
		t.Errorf("%d bytes are in flight in a ring of %d", h.inFlight, len(h.ring))
	}
	first := seq - many
	if _, p := h.find(first); p == nil || p.at != 0 {
		t.Errorf("the first packet is %+v", p)
	}
	if _, p := h.find(seq); p != nil {
		t.Errorf("a packet that was not sent is %+v", p)
	}
	h.add(seq, 1000, 0, many*ms+keep)
	if _, p := h.find(seq - 2); p != nil {
		t.Errorf("a packet from %v ago is %+v", keep, p)
	}
	if h.inFlight > 3000 {
		t.Errorf("%d bytes of forgotten packets are in flight", h.inFlight)
	}
	// A counter that began anew.
	h.add(seq+20000, 500, 0, many*ms+keep)
	if _, p := h.find(seq + 20000); p == nil || h.inFlight != 500 {
		t.Errorf("after a leap: %+v, %d bytes in flight", p, h.inFlight)
	}
}

func TestHistoryIsBounded(t *testing.T) {
	var h history
	for i := range 3 * maxHistory {
		h.add(uint16(i), 100, 0, time.Duration(i)*time.Microsecond)
	}
	if len(h.ring) != maxHistory || h.inFlight != maxHistory*100 {
		t.Errorf("ring of %d, %d bytes in flight", len(h.ring), h.inFlight)
	}
}
