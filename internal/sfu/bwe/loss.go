package bwe

import (
	"math"
	"time"
)

const (
	observationTime = 250 * time.Millisecond
	observations    = 20
	minObservations = 3
	// Older observations weigh less.
	temporalWeight, boundWeight = 0.9, 0.9
	// Above lossOffset mean loss the rate is bounded outright.
	boundBalance, lossOffset = 75e3, 0.05
	minInherent, maxInherent = 1e-3, 0.2
	// A link that always loses something is believed more readily at low rates than that it is full.
	inherentBase, inherentBalance = 0.05, 75e3
	firstInherent                 = 0.01
	newtonStep                    = 0.75
	// Of two explanations that fit alike the higher rate is taken.
	rateBias, logRateBias = 0.0002, 0.02
	biasedBelow           = 0.05 // mean loss from which on there is no such bias
	// How far above what arrives an estimate may go while losses bound it.
	lossHeadroom   = 1.3
	lossBackoff    = 0.9
	lossHoldBefore = 300 * time.Millisecond
)

var lossFactors = [...]float64{1.02, 1.0, 0.95}

// lossModel explains the losses of the last seconds by two things: a share that the way always loses, and a link that is
// full. It takes the rate, and the share, that make what was seen most likely.
type lossModel struct {
	seen     [observations]observation
	count    int
	current  observation
	started  bool
	rate     float64 // 0 while nothing is known
	inherent float64
	reduced  time.Duration
	limits   bool // the losses, rather than the delay, bound the rate
}

// observation is what became of the packets of a stretch of time.
type observation struct {
	begin, end  time.Duration
	came, lost  int
	bytes       int
	sendingRate float64
}

// note takes one packet's fate. Late means that it was counted as lost.
func (m *lossModel) note(r result, came bool) {
	c := &m.current
	if !m.started {
		m.started = true
		c.begin, c.end = r.sent, r.sent
	}
	c.end = max(c.end, r.sent)
	if r.late {
		if o := m.at(r.sent); o.lost > 0 {
			o.lost--
			o.came++
		}
		return
	}
	c.bytes += r.size
	if came {
		c.came++
	} else {
		c.lost++
	}
}

// at is the stretch in which a packet left, or the oldest there is.
func (m *lossModel) at(sent time.Duration) *observation {
	o := &m.current
	for i := m.count; sent <= o.begin && i > max(0, m.count-observations); i-- {
		o = &m.seen[(i-1)%observations]
	}
	return o
}

// update ends a stretch of time when it is long enough, and then estimates anew. delayRate is what the delay allows and
// arrives the throughput, both 0 while unknown.
func (m *lossModel) update(delayRate, arrives float64, now time.Duration) {
	c := &m.current
	if !m.started || c.end-c.begin < observationTime {
		return
	}
	c.sendingRate = float64(c.bytes*8) / (c.end - c.begin).Seconds()
	m.seen[m.count%observations] = *c
	m.count++
	m.current = observation{begin: c.end, end: c.end}
	if m.count < minObservations {
		return
	}
	if m.rate == 0 {
		m.rate, m.inherent = delayRate, firstInherent
		if m.rate == 0 {
			return
		}
	}
	m.estimate(delayRate, arrives, now)
}

func (m *lossModel) estimate(delayRate, arrives float64, now time.Duration) {
	if m.lossless() && !m.limits && delayRate > 0 {
		// The highest rate explains it best, and the least share: no need to compute how well others do.
		m.rate, m.inherent = delayRate, minInherent
		return
	}
	mean := m.meanLoss()
	best, bestInherent, bestFit := m.rate, m.inherent, math.Inf(-1)
	consider := func(rate float64) {
		inherent := m.refine(rate, m.inherent)
		fit := m.likelihood(rate, inherent) + m.bias(rate, mean)
		if fit > bestFit {
			best, bestInherent, bestFit = rate, inherent, fit
		}
	}
	for _, f := range lossFactors {
		consider(m.rate * f)
	}
	if arrives > 0 {
		consider(arrives * lossBackoff)
	}
	if delayRate > m.rate {
		consider(delayRate)
	}
	if mean > lossOffset {
		best = min(best, max(boundBalance/(mean-lossOffset), minRate))
	}
	if best < m.rate {
		m.reduced = now
	} else if m.limits && arrives > 0 {
		best = max(m.rate, min(best, lossHeadroom*arrives))
		if now-m.reduced < lossHoldBefore {
			best = m.rate
		}
	}
	m.inherent = bestInherent
	m.rate = best
	m.limits = delayRate > 0 && m.rate < delayRate*0.98
	if !m.limits && delayRate > 0 {
		m.rate = delayRate // or it would grow without an end for as long as nothing is lost
	}
}

// excuse forgets the losses of a queue that has overflowed: the delay has answered them.
func (m *lossModel) excuse() {
	m.count, m.started, m.current, m.limits = 0, false, observation{}, false
}

// found takes the rate that a probe came through at: what was lost before is no reason to stay below it.
func (m *lossModel) found(rate float64) {
	if m.rate > 0 && m.rate < rate {
		m.rate = rate
	}
}

// each visits the observations with their weights, the latest first.
func (m *lossModel) each(weight float64, f func(o *observation, w float64)) {
	w := 1.0
	for i := m.count - 1; i >= 0 && i >= m.count-observations; i-- {
		f(&m.seen[i%observations], w)
		w *= weight
	}
}

// lossless tells that nothing was lost in the observations that count.
func (m *lossModel) lossless() bool {
	for i := range m.seen[:min(m.count, observations)] {
		if m.seen[i].lost > 0 {
			return false
		}
	}
	return true
}

func (m *lossModel) meanLoss() float64 {
	var lost, all float64
	m.each(boundWeight, func(o *observation, w float64) {
		lost += w * float64(o.lost)
		all += w * float64(o.lost+o.came)
	})
	if all == 0 {
		return 0
	}
	return lost / all
}

// probability is how likely a packet is lost that was sent at a rate over a link that carries another.
func probability(inherent, carries, sending float64) float64 {
	p := inherent
	if sending > carries && sending > 0 {
		p = inherent + (1-inherent)*(sending-carries)/sending
	}
	return min(max(p, 1e-4), 1-1e-4)
}

func (m *lossModel) likelihood(rate, inherent float64) float64 {
	var sum float64
	m.each(temporalWeight, func(o *observation, w float64) {
		p := probability(inherent, rate, o.sendingRate)
		sum += w * (float64(o.lost)*math.Log(p) + float64(o.came)*math.Log(1-p))
	})
	return sum
}

func (m *lossModel) bias(rate, mean float64) float64 {
	if mean >= biasedBelow {
		return 0
	}
	var packets float64
	m.each(temporalWeight, func(o *observation, w float64) { packets += w * float64(o.lost+o.came) })
	kbps := rate / 1000
	return packets * (rateBias*kbps + logRateBias*math.Log(1+kbps)) * (1 - mean/biasedBelow)
}

// refine makes one step of Newton's method towards the inherent loss that fits a rate best.
func (m *lossModel) refine(rate, inherent float64) float64 {
	var first, second float64
	m.each(temporalWeight, func(o *observation, w float64) {
		p := probability(inherent, rate, o.sendingRate)
		first += w * (float64(o.lost)/p - float64(o.came)/(1-p))
		second -= w * (float64(o.lost)/(p*p) + float64(o.came)/((1-p)*(1-p)))
	})
	if second < 0 {
		inherent -= newtonStep * first / second
	}
	return min(max(inherent, minInherent), min(maxInherent, inherentBase+inherentBalance/max(rate, 1)))
}
