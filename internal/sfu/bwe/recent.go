package bwe

import "time"

// recentWindow is half of what recent looks back, or a whole of it.
const recentWindow = 100 * time.Millisecond

// recent is what arrived in the last 100 to 200 ms, as it is: while a queue stands before the link, that is what the link
// carries, whatever was sent before. The throughput, which is smoothed, says so only after a second.
type recent struct {
	begun         time.Duration
	before, bytes int
}

func (r *recent) add(arrived time.Duration, size int) {
	switch passed := arrived - r.begun; {
	case passed >= 2*recentWindow || passed < 0:
		*r = recent{begun: arrived}
	case passed >= recentWindow:
		*r = recent{begun: r.begun + recentWindow, before: r.bytes}
	}
	r.bytes += size
}

// rate is in bit/s, 0 while unknown; now is the latest arrival.
func (r *recent) rate(now time.Duration) float64 {
	if r.before == 0 {
		return 0
	}
	return float64((r.before+r.bytes)*8) / (now - r.begun + recentWindow).Seconds()
}
