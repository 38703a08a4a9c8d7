package sfu

import (
	"time"

	"github.com/tuttilive/tutti/internal/media"
)

const (
	// paceFactor is by how much faster than the estimate a full way is sent to: what was held back must catch up, and what
	// waits here lets sound pass, which it does not in the network.
	paceFactor = 1.5
	// A way that was never seen to be full is sent to at openPace, or so many times what is wanted.
	openPace, openFactor = 8e6, 4
	// paceBurst is how much of the rate may leave at once: a frame and a half at 30 a second.
	paceBurst = 50 * time.Millisecond
	// shortestBurst is in bytes: two packets.
	shortestBurst = 3000
	// paceStep is the time between two looks at those that have something left to be sent.
	paceStep = 5 * time.Millisecond
	// headers is what a packet takes beside its payload, in bytes.
	headers = 44
)

// pace is a token bucket of bytes: what fits leaves in one burst, as networks and machines like it best, and what does not
// waits where it lies, in the layer's ring. It is pure: time is an argument.
type pace struct {
	rate, burst float64 // bytes a second, bytes
	budget      float64
	at          time.Duration // when budget was last refilled
}

// set changes the rate, in bit/s, and the burst to go with it, as parts of what the way carries.
func (p *pace) set(rate, carries float64, now time.Duration) {
	first := p.rate == 0
	p.refill(now)
	p.rate, p.burst = rate/8, max(carries/8*paceBurst.Seconds(), shortestBurst)
	if p.budget > p.burst || first {
		p.budget = p.burst
	}
}

// probe has bytes leave evenly at a rate, in bit/s, until the next set.
func (p *pace) probe(rate float64, now time.Duration) {
	p.rate, p.burst = rate/8, max(rate/8*4*paceStep.Seconds(), 1)
	p.budget, p.at = min(p.budget, 0), now
}

// admits tells whether size bytes may leave at once. It refills only when they might not.
func (p *pace) admits(size int, now time.Duration) bool {
	if float64(size) <= p.budget {
		return true
	}
	p.refill(now)
	return float64(size) <= p.budget
}

// more tells whether anything may leave.
func (p *pace) more(now time.Duration) bool {
	p.refill(now)
	return p.budget > 0
}

// spend takes what leaves, allowed or not: sound never waits, but what follows it does.
func (p *pace) spend(size int) { p.budget = max(p.budget-float64(size), -p.burst) }

func (p *pace) refill(now time.Duration) {
	if now > p.at {
		p.budget = min(p.budget+p.rate*(now-p.at).Seconds(), p.burst)
		p.at = now
	}
}

// fitting is how many of the packets may leave now: the last may be too large for what is left of the budget, or a
// large packet would wait for ever.
func (p *pace) fitting(packets []*media.Packet, now time.Duration) int {
	p.refill(now)
	left := p.budget
	for i, packet := range packets {
		if left <= 0 {
			return i
		}
		left -= float64(len(packet.Payload) + headers)
	}
	return len(packets)
}

// wireSize is what packets take on the way.
func wireSize(packets []*media.Packet) int {
	size := headers * len(packets)
	for _, p := range packets {
		size += len(p.Payload)
	}
	return size
}
