package bwe

import (
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/sfu/netsim"
)

// TestASpikeWhileLittleIsSent: what arrives of sound alone is what was sent, not what the link carries, so a moment of more delay, with a burst
// in it or without, is no sign of a link that has become narrow.
func TestASpikeWhileLittleIsSent(t *testing.T) {
	const carries = 3 * mbit
	for _, jitter := range []time.Duration{0, 10 * ms} {
		for _, spike := range []time.Duration{60 * ms, 80 * ms, 110 * ms, 200 * ms, 300 * ms} {
			for _, lasts := range []time.Duration{100 * ms, 300 * ms} {
				for _, burst := range []int{0, 15_000, 100_000} {
					for phase := range time.Duration(5) {
						link := netsim.Config{Rate: carries, Delay: 25 * ms, Jitter: jitter}
						s := simulate(t, link, 4*mbit)
						s.run(20 * time.Second)
						s.offers = 40e3
						s.run(10*time.Second + phase*11*ms)
						link.Delay += spike
						s.out.Change(link)
						s.backlog += burst
						low := s.lowest(lasts)
						link.Delay -= spike
						s.out.Change(link)
						if low = min(low, s.lowest(3*time.Second)); low < carries/3 {
							t.Errorf("jitter %v, +%v for %v, burst of %d bytes, phase %d: down to %.3f Mbit/s", jitter, spike, lasts, burst, phase, low/mbit)
						}
					}
				}
			}
		}
	}
}

// lowest goes on for a while and gives the lowest estimate.
func (s *simulation) lowest(d time.Duration) float64 {
	low := s.e.Rate()
	for end := s.now + d; s.now < end; {
		s.step()
		low = min(low, s.e.Rate())
	}
	return low
}
