package bwe

import (
	"math"
	"time"

	"github.com/tuttilive/tutti/internal/rtc/twcc"
)

const (
	// minRate is the least that is ever estimated: sound must go through.
	minRate = 30e3
	maxRate = 100e6
	// firstRate is assumed before anything is known.
	firstRate = 300e3
	// silence is how long reports may be missing, while something is sent, before the rate is halved.
	silence = 1500 * time.Millisecond
	// capSilence is the same of bounds from outside, which come once in 0.5 to 1.5 s: two of them may be lost.
	capSilence = 5 * time.Second
	// fullQueue is how long packets must wait for an overuse to mean that the way is full: where threads wait for
	// processors, delays grow for a moment too.
	fullQueue = 25 * time.Millisecond
	// quiet is how long after the last report nothing is known of queues any more.
	quiet = 500 * time.Millisecond
	// restartAbove is by how much a probe must raise the rate for what arrived until then to be forgotten.
	restartAbove = 1.2
)

// Estimator estimates what the way to one peer carries. It belongs to one goroutine.
type Estimator struct {
	history   history
	clock     clock
	groups    groups
	trend     trendline
	queue     standing
	arrives   throughput
	recent    recent
	delivered delivery
	delay     aimd
	loss      lossModel
	probes    prober
	limited   limited

	started    bool
	lastReport time.Duration
	lastSent   time.Duration
	lastCap    time.Duration
	wanted     float64
	needed     float64
	carried    float64 // what is sent and arrives, 0 while less arrives than is sent
	cap        float64
	rtt        time.Duration
	state      usage
	lossShare  float64
	least      time.Duration // for how long each packet of the last report waited at least
	fullAt     time.Duration // when the way was last seen to be full; 0 never

	// Scratch space for one report.
	*space
	reference time.Duration
}

// New makes an estimator that has seen nothing yet.
func New() *Estimator {
	return &Estimator{delay: aimd{rate: firstRate}, wanted: firstRate, cap: math.Inf(1)}
}

// Sent notes a packet that leaves now, with its transport-wide sequence number; probe is the ID of the probe that it is
// part of, 0 for none.
func (e *Estimator) Sent(sequence uint16, size int, probe uint8, now time.Duration) {
	if !e.started {
		e.started, e.lastReport = true, now
		e.delay.changed = now
	}
	if now-e.lastSent > silence {
		e.lastReport, e.lastCap = now, now // nothing was to be heard of nothing
	}
	e.history.add(sequence, size, probe, now)
	if now == e.lastSent {
		e.limited.more(size) // of the same burst
	} else {
		e.limited.note(size, e.Rate(), now)
	}
	e.lastSent = now
}

// Warm reads a little of what Sent needs, so that it is in the caches then. What it gives means nothing.
func (e *Estimator) Warm() int {
	if !e.started {
		return 0
	}
	return int(e.lastSent) + int(e.history.at(e.history.next).size) + int(e.history.at(e.history.oldest).size)
}

// SetRTT tells the round-trip time.
func (e *Estimator) SetRTT(rtt time.Duration) { e.rtt, e.delay.rtt = rtt, rtt }

// SetWanted tells how much would be sent if the way carried anything: more than twice that is not looked for.
func (e *Estimator) SetWanted(rate float64) { e.wanted = rate }

// SetNeeded tells the least that is of any use: as long as so much is sent and arrives, queues and losses do not bring the estimate
// below it. They are of others then, and stay whatever is left to them.
func (e *Estimator) SetNeeded(rate float64) { e.needed = rate }

// SetCap bounds the estimate from outside, as a peer does with REMB; 0 is no bound. Of a peer that makes no reports it is the estimate.
func (e *Estimator) SetCap(rate float64, now time.Duration) {
	if rate <= 0 {
		rate = math.Inf(1)
	}
	e.lastCap = now
	if e.cap = rate; rate < e.wanted {
		e.fullAt = now
	}
}

// Rate is what may be sent, in bit/s.
func (e *Estimator) Rate() float64 {
	rate := e.delay.rate
	if !e.probes.started && !math.IsInf(e.cap, 1) {
		rate = e.cap // nothing else is known of a peer without reports
	}
	if e.loss.rate > 0 && e.loss.limits {
		rate = min(rate, e.loss.rate)
	}
	return min(max(min(max(rate, e.floor()), e.cap), minRate), maxRate)
}

// floor is what the estimate does not fall below.
func (e *Estimator) floor() float64 { return min(e.carried, e.needed) }

// Loss is the mean share of packets lost of late, 0 to 1.
func (e *Estimator) Loss() float64 { return e.lossShare }

// Congested tells that a queue was growing at the latest report.
func (e *Estimator) Congested() bool { return e.state == over }

// FullAt is when the way was last seen to be full, by queues or losses, 0 never. Where it was not of late, the estimate is only
// what was sent so far, and no reason to send less.
func (e *Estimator) FullAt() time.Duration { return e.fullAt }

// InFlight is how many bytes no report has said anything about.
func (e *Estimator) InFlight() int { return e.history.inFlight }

// Probe gives a probe that is to be sent now.
func (e *Estimator) Probe() (Probe, bool) { return e.probes.next() }

// Report takes what the peer says of packets' arrival.
func (e *Estimator) Report(report twcc.Report, now time.Duration) {
	e.space = spaces.Get().(*space)
	defer func() {
		spaces.Put(e.space)
		e.space = nil
	}()
	came, lost := e.read(report)
	if len(came)+len(lost) == 0 {
		return
	}
	e.probes.setJitter(e.trend.jitter)
	if !e.probes.started {
		e.probes.begin(e.Rate(), now)
	}
	e.lastReport = now
	before := e.Rate()
	state, found := e.follow(came)
	through := e.through(came)
	for _, r := range lost {
		e.loss.note(r, false)
		e.delivered.note(r, false)
	}
	e.carried = e.delivered.rate()
	standing := e.queue.is()
	carries, swelling := e.swelling(came)
	if swelling && !standing {
		standing, through = true, carries
	}
	if !standing {
		e.delay.emptied()
	}
	switch {
	case standing:
		state = over
		e.delay.drain(through, now)
	case found > 0 && state != over:
		e.take(found, now)
	case state == over && e.least < fullQueue:
		// A burst, as of a keyframe, that had to wait for itself: some of it did not wait at all.
		e.delay.changed = now
	case state == over:
		e.delay.update(state, through, e.limited.was(came), now)
	default:
		e.delay.update(state, e.arrives.estimate, e.limited.is(), now)
	}
	e.state = state
	if standing {
		e.loss.excuse()
	}
	e.loss.update(e.delay.rate, e.arrives.estimate, now)
	e.lossShare = e.loss.meanLoss()
	if state == over && e.least > fullQueue || e.loss.limits && e.loss.rate < e.wanted || e.cap < e.wanted {
		e.fullAt = now
	}
	e.delay.rate = min(max(e.delay.rate, minRate, e.floor()), maxRate)
	switch after := e.Rate(); {
	case after >= before:
	case swelling:
		e.probes.narrowed()
	default:
		e.probes.fell(before, after, now)
	}
	if found > 0 {
		e.probes.found(found, before, e.wanted, now)
	}
}

// follow takes packets that came, by arrival, and gives the worst that the delay said and the best that a probe found.
func (e *Estimator) follow(came []result) (state usage, found float64) {
	state = e.trend.state
	if state == over {
		state = normal // it was answered; a new one will say so
	}
	if len(came) > 0 {
		e.least = math.MaxInt64
	}
	for _, r := range came {
		e.loss.note(r, true)
		e.delivered.note(r, true)
		e.arrives.add(r.arrived, r.size, e.limited.is())
		e.recent.add(r.sent, r.arrived, r.size)
		e.least = min(e.least, e.queue.note(r.sent, r.arrived))
		if r.cluster != 0 {
			if rate, ok := e.probes.came(r); ok {
				found = rate
			}
		}
		departed, arrived, ok := e.groups.add(r.sent, r.arrived)
		if !ok {
			continue
		}
		if now := e.trend.add(departed, arrived, r.arrived); now == over || state != over {
			state = now
		}
	}
	return state, found
}

// through is what gets through a full way: what arrived of late where that differs much from the mean, which is slower.
func (e *Estimator) through(came []result) float64 {
	mean := e.arrives.estimate
	if len(came) == 0 {
		return mean
	}
	switch late := e.recent.rate(came[len(came)-1].arrived); {
	case late > 1.2*mean:
		return late
	case late > 0 && late < 0.8*mean && e.state == over:
		return late // not at once: a machine that stood still for a moment looks the same
	}
	return mean
}

// take follows what a probe found: upwards at once, downwards not, since a probe is short.
func (e *Estimator) take(found float64, now time.Duration) {
	e.loss.found(found)
	if found > e.delay.rate {
		if found > restartAbove*e.delay.rate {
			e.arrives.restart()
		}
		e.delay.jump(found, now)
	}
}

// Tick does what time alone brings; call it about every 50 ms.
func (e *Estimator) Tick(now time.Duration) {
	if !e.started {
		return
	}
	if e.probes.started && now-e.lastReport > silence && e.history.inFlight > 0 && e.lastSent > e.lastReport {
		// Nothing comes back: the way is broken or full to the brim.
		e.delivered, e.carried = delivery{}, 0
		e.delay.rate = max(e.delay.rate/2, minRate)
		e.lastReport, e.fullAt = now, now
	}
	if !e.probes.started && !math.IsInf(e.cap, 1) && e.lastSent-e.lastCap > capSilence {
		e.SetCap(max(min(e.cap, e.wanted)/2, minRate), now)
	}
	if now-e.lastReport > quiet {
		e.state = normal // whatever queue there was has gone
	}
	e.limited.note(0, e.Rate(), now)
	e.probes.tick(e.Rate(), e.wanted, e.limited.since, e.state, now)
}
