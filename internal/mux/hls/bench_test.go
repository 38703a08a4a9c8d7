package hls

import (
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/media"
)

// BenchmarkWrite muxes a program of 720p30 at 2 Mbit/s with sound. The figure is for one frame of either kind.
func BenchmarkWrite(b *testing.B) {
	b.ReportAllocs()
	payload := make([]byte, 2_000_000/8/30)
	tone := make([]byte, 128_000/8*1024/48000)
	s := New(Config{})
	var n [2]int
	var bytes int
	for b.Loop() {
		at := [2]time.Duration{time.Duration(n[0]) * time.Second / 30, time.Duration(n[1]) * 1024 * time.Second / 48000}
		if at[0] <= at[1] {
			s.Write(&media.Frame{Format: wide, Payload: payload, PTS: origin + at[0], DTS: origin + at[0], Keyframe: n[0]%60 == 0})
			n[0]++
			bytes += len(payload)
		} else {
			s.Write(&media.Frame{Format: stereo48, Payload: tone, PTS: origin + at[1], DTS: origin + at[1], Duration: 1024 * time.Second / 48000, Keyframe: true})
			n[1]++
			bytes += len(tone)
		}
	}
	b.SetBytes(int64(bytes / b.N))
	b.ReportMetric(float64(b.Elapsed().Microseconds())/(float64(bytes)*8/1e6), "µs/Mbit")
}
