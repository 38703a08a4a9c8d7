package bwe

import "time"

const (
	// recentWindow is half of what recent looks back, or a whole of it.
	recentWindow = 100 * time.Millisecond
	// spreadBy is how much longer packets must take to arrive than they took to be sent for a link to have held them apart.
	spreadBy = 1.2
)

// recent is what arrived in the last 100 to 200 ms, as it is: while a queue stands before the link, that is what the link
// carries, whatever was sent before. The throughput, which is smoothed, says so only after a second.
type recent struct {
	begun           time.Duration
	before, current half
	sent, arrived   time.Duration // of the latest packet
}

// half is of half the time that recent looks back.
type half struct {
	bytes    int // all that arrived
	gaps     gap // between packets, all together
	greatest gap // the one by which packets fell back most
}

// gap is from one packet to the next: how long after it that was sent and arrived, and how large it is.
type gap struct {
	sent, arrived time.Duration
	bytes         int
}

func (r *recent) add(sent, arrived time.Duration, size int) {
	switch passed := arrived - r.begun; {
	case passed >= 2*recentWindow || passed < 0:
		*r = recent{begun: arrived, sent: sent, arrived: arrived}
	case passed >= recentWindow:
		r.begun += recentWindow
		r.before, r.current = r.current, half{}
	}
	r.current.add(gap{sent - r.sent, arrived - r.arrived, size})
	r.sent, r.arrived = sent, arrived
}

func (h *half) add(g gap) {
	h.bytes += g.bytes
	h.gaps = h.gaps.plus(g)
	if g.arrived-g.sent > h.greatest.arrived-h.greatest.sent {
		h.greatest = g
	}
}

func (g gap) plus(o gap) gap  { return gap{g.sent + o.sent, g.arrived + o.arrived, g.bytes + o.bytes} }
func (g gap) minus(o gap) gap { return gap{g.sent - o.sent, g.arrived - o.arrived, g.bytes - o.bytes} }

// rate is in bit/s, 0 while unknown; now is the latest arrival.
func (r *recent) rate(now time.Duration) float64 {
	if r.before.bytes == 0 {
		return 0
	}
	return float64((r.before.bytes+r.current.bytes)*8) / (now - r.begun + recentWindow).Seconds()
}

// carries is the rate, in bit/s, at which the link let through what was sent faster; 0 where it did not: then what arrived is only what was sent.
// A link that is full holds all packets apart, while a moment in which none arrived, for whatever reason, is a single gap, which does not count.
func (r *recent) carries() float64 {
	late := r.current.gaps.minus(r.current.greatest)
	all := r.before.gaps.minus(r.before.greatest).plus(late)
	if all.arrived < recentWindow/2 || all.arrived.Seconds() < spreadBy*all.sent.Seconds() {
		return 0
	}
	return max(all.rate(), late.rate()) // where little was sent until just now, all is less
}

func (g gap) rate() float64 {
	if g.arrived <= 0 {
		return 0
	}
	return float64(g.bytes*8) / g.arrived.Seconds()
}
