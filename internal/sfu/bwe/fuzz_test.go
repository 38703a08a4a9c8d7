package bwe

import (
	"math"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/rtc/twcc"
)

// FuzzReport gives an estimator reports of any content: it must neither fail nor leave its bounds.
func FuzzReport(f *testing.F) {
	var r twcc.Recorder
	for i := range 40 {
		if i%7 != 3 {
			r.Note(uint16(i), time.Second+time.Duration(i*i)*ms)
		}
	}
	f.Add(r.Append(nil, 1, 2), uint16(0), uint16(40))
	f.Add([]byte{0x8f, 205, 0, 5, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0xff, 0xff, 0, 0, 0, 0, 0x20, 0, 0, 0}, uint16(0), uint16(9))
	f.Fuzz(func(t *testing.T, raw []byte, first, count uint16) {
		report, ok := twcc.Read(raw)
		if !ok {
			return
		}
		e := New()
		now := time.Second
		for i := range min(count, 2000) {
			e.Sent(first+i, 1200, uint8(i/100), now)
			now += ms
		}
		for range 4 {
			now += 50 * ms
			e.Report(report, now)
			e.Tick(now)
			if rate := e.Rate(); math.IsNaN(rate) || rate < minRate || rate > maxRate {
				t.Fatalf("the estimate is %v", rate)
			}
			if e.InFlight() < 0 {
				t.Fatalf("%d bytes are in flight", e.InFlight())
			}
			raw[16] += 1 << 4 // the reference time
		}
	})
}

func BenchmarkSent(b *testing.B) {
	e := New()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		e.Sent(uint16(i), 1200, 0, time.Duration(i)*ms)
	}
}

// BenchmarkReport is one report on 100 packets, which is what a subscriber of 2 Mbit/s sends twice a second.
func BenchmarkReport(b *testing.B) {
	e := New()
	var r twcc.Recorder
	seq, now := uint16(0), time.Second
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		for range 100 {
			e.Sent(seq, 1200, 0, now)
			r.Note(seq, now+25*ms)
			seq++
			now += 5 * ms
		}
		raw := r.Append(nil, 1, 2)
		b.StartTimer()
		report, ok := twcc.Read(raw)
		if !ok {
			b.Fatal("no report")
		}
		e.Report(report, now)
	}
}
