package bwe

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/rtc/twcc"
)

func TestHistory(t *testing.T) {
	h := history{heard: true}
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
	if _, p := h.find(first); p == nil || h.left(p) != 0 {
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
	h := history{heard: true}
	for i := range 3 * maxHistory {
		h.add(uint16(i), 100, 0, time.Duration(i)*time.Microsecond)
	}
	if len(h.ring) != maxHistory || h.inFlight != maxHistory*100 {
		t.Errorf("ring of %d, %d bytes in flight", len(h.ring), h.inFlight)
	}
}

func TestUnknownNumbers(t *testing.T) {
	var empty, h history
	if n := empty.unknown(7); n < 1<<15 {
		t.Errorf("%d numbers are unknown to an empty history", n)
	}
	for i := range 100 {
		h.add(uint16(65500+i), 1000, 0, time.Duration(i)*ms)
	}
	for _, from := range []uint16{65300, 65499, 65500, 65535, 0, 63, 64, 500, 30000, 40000} {
		skipped := h.unknown(from)
		for i := range skipped {
			if _, p := h.find(from + uint16(i)); p != nil {
				t.Fatalf("from %d on, %d numbers are unknown, but the one after %d is not", from, skipped, i)
			}
		}
		if _, p := h.find(from + uint16(skipped)); p == nil {
			t.Errorf("from %d on, the one after %d numbers is unknown too", from, skipped)
		}
	}
}

// BenchmarkEmptyReport is the dearest report for its length: of packets that nobody sent.
func BenchmarkEmptyReport(b *testing.B) {
	e := New()
	for i := range 200 {
		e.Sent(uint16(i), 1200, 0, time.Duration(i)*ms)
	}
	raw := make([]byte, 20, 32)
	raw[0], raw[1] = 0x8f, 205
	binary.BigEndian.PutUint16(raw[12:], 1000)
	binary.BigEndian.PutUint16(raw[14:], 1<<15)
	for range 5 {
		raw = binary.BigEndian.AppendUint16(raw, 8191) // not received, so many times
	}
	report, ok := twcc.Read(raw)
	if !ok {
		b.Fatal("no report")
	}
	b.ReportAllocs()
	for b.Loop() {
		e.Report(report, time.Second)
	}
}

func TestHistoryOfASilentPeer(t *testing.T) {
	var h history
	for i := range 3 * minHistory {
		h.add(uint16(i), 100, 0, time.Duration(i)*ms)
	}
	if len(h.ring) != minHistory || h.inFlight != minHistory*100 {
		t.Errorf("ring of %d, %d bytes in flight", len(h.ring), h.inFlight)
	}
}
