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

// BenchmarkMinute is a minute of a subscriber's stream: pictures of five packets at 30 a second, sound at 50, and a report
// each 50 ms. It tells what a packet costs in all.
func BenchmarkMinute(b *testing.B) {
	const minute = 60 * time.Second
	sent := func(now time.Duration, send func(size int)) {
		if now%(33*ms) == 0 {
			for range 5 {
				send(1100)
			}
		}
		if now%(20*ms) == 0 {
			send(120)
		}
	}
	var recorder twcc.Recorder
	var reports [][]byte
	packets := 0
	for now := time.Second; now < minute; now += ms {
		sent(now, func(int) {
			recorder.Note(uint16(packets), now+25*ms)
			packets++
		})
		if now%(50*ms) == 0 && recorder.Pending() {
			reports = append(reports, recorder.Append(nil, 1, 2))
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		e := New()
		e.SetWanted(2 * mbit)
		seq, next := uint16(0), 0
		for now := time.Second; now < minute; now += ms {
			sent(now, func(size int) {
				e.Sent(seq, size, 0, now)
				seq++
			})
			if now%(50*ms) == 0 && next < len(reports) {
				report, _ := twcc.Read(reports[next])
				e.Report(report, now)
				next++
			}
			if now%(100*ms) == 0 {
				e.Tick(now)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*packets), "ns/packet")
}
