package bwe

import (
	"math"
	"time"
)

const (
	backoff  = 0.85 // of what arrived, when a queue grows
	draining = 0.7  // of what arrives, while a queue stands
	// drainingLeast is of what arrived when the queue was seen to stand.
	drainingLeast = 0.5
	// What arrives bounds the estimate from above: what was never tried is not known.
	headroom, headroomBase = 1.5, 10e3
	growth                 = 0.08 // a second, far from the capacity
	// assumedPacket and assumedRate are of a stream at 30 frames a second, for increases near the capacity: about one packet in
	// a response time.
	frameRate     = 30
	assumedPacket = 1200 * 8
	minResponse   = 100 * time.Millisecond
	minNearGrowth = 4e3 // bit/s a second
	// longestReduce is how long after a decrease the next one comes at the latest.
	longestReduce = 200 * time.Millisecond
)

// aimd is the delay-based rate: it grows while the way is free, and falls below what arrives when a queue grows.
type aimd struct {
	rate      float64
	link      capacity
	holding   bool    // until the queue has gone
	floor     float64 // of draining, since a queue stands; 0 while none does
	changed   time.Duration
	decreased time.Duration
	rtt       time.Duration
}

// update follows what the delay says. arrives is the throughput, 0 while unknown; limited tells that less was sent than the
// estimate allows, which then proves nothing.
func (a *aimd) update(state usage, arrives float64, limited bool, now time.Duration) {
	switch state {
	case over:
		a.decrease(arrives, limited, now)
		a.holding = true
	case under:
		a.holding = true // let the queue run empty first
	case normal:
		if a.holding {
			a.holding, a.changed = false, now
			return
		}
		a.increase(arrives, limited, now)
	}
}

func (a *aimd) increase(arrives float64, limited bool, now time.Duration) {
	passed := min(now-a.changed, time.Second)
	a.changed = now
	if arrives > 0 && a.link.known() && arrives > a.link.upper() {
		a.link.reset()
	}
	limit := math.Inf(1)
	if arrives > 0 {
		limit = headroom*arrives + headroomBase
	}
	if limited {
		return // nothing is learnt by growing what is not sent; probes do that
	}
	if a.rate >= limit {
		return
	}
	if a.link.known() {
		a.rate += a.near() * passed.Seconds()
	} else {
		a.rate += max(a.rate*(math.Pow(1+growth, passed.Seconds())-1), 1e3*passed.Seconds())
	}
	a.rate = min(a.rate, limit)
}

// near is by how much a second the rate grows near the capacity.
func (a *aimd) near() float64 {
	frame := a.rate / frameRate
	packets := math.Ceil(frame / assumedPacket)
	response := max(a.rtt+minResponse, minResponse)
	return max(minNearGrowth, frame/max(packets, 1)/response.Seconds())
}

// decrease comes at most once in a round trip, or the same queue would be answered twice. What arrives of a sender that sends less than
// it may is not what the link carries, so it goes down in steps then.
func (a *aimd) decrease(arrives float64, limited bool, now time.Duration) {
	switch passed := now - a.decreased; {
	case limited && passed < longestReduce:
		return // a delay that passes is gone before it has come to much
	case !limited && passed < a.reduceInterval() && !(arrives > 0 && arrives < 0.5*a.rate):
		return
	}
	if arrives == 0 {
		arrives = a.rate
	}
	target := backoff * arrives // above the rate the queue is of a burst, and goes by itself
	if a.link.known() && arrives < a.link.lower() {
		a.link.reset()
	}
	a.link.add(arrives, capacityWeight)
	if limited {
		target = max(target, draining*a.rate)
	}
	a.rate = min(a.rate, target)
	a.decreased, a.changed = now, now
}

// drain sends clearly less than what gets through, so that a queue that stands can run empty. A queue of our own leaves at the rate of
// the link meanwhile; where less and less of ours gets through it is somebody else's, who takes what we leave, and there is a floor.
func (a *aimd) drain(arrives float64, now time.Duration) {
	if arrives > 0 {
		if a.floor == 0 {
			a.floor = drainingLeast * arrives
		}
		a.rate = min(a.rate, max(draining*arrives, a.floor))
	} else if now-a.decreased >= a.reduceInterval() {
		a.rate *= backoff
	}
	a.decreased, a.changed, a.holding = now, now, true
}

// emptied notes that no queue stands.
func (a *aimd) emptied() { a.floor = 0 }

func (a *aimd) reduceInterval() time.Duration {
	return min(max(a.rtt, 10*time.Millisecond), longestReduce)
}

// jump sets the rate to what a probe has shown.
func (a *aimd) jump(rate float64, now time.Duration) {
	a.rate, a.changed = rate, now
	a.link.add(rate, capacityProbeWeight)
}
