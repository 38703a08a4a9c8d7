package bwe

import "time"

const (
	// At the start more is tried at once, and then on for as long as it is found to be there.
	firstProbe, secondProbe = 3.0, 6.0
	nextProbe               = 2.0
	furtherAbove            = 0.7 // of the last probe's rate must have arrived for another
	// After a sudden fall the old rate is tried again soon.
	recoverBelow, recoverShare, recoverWithin = 0.66, 0.85, 5 * time.Second
	// While the rate lies below what is wanted more is tried now and then: soon after it fell, and the later the less that
	// brings. Media that fills the rate finds out by itself whether there is a little more, so less is tried beside it.
	soonest, latest         = 1500 * time.Millisecond, 4 * time.Second
	limitedProbe, fullProbe = 2.0, 1.5
	worthAbove              = 1.1 // times the rate must a probe find to be worth the next
	// A probe that came in one bunch, because a machine on the way stood still, says nothing. It is made again soon, so often in a row.
	mostAgain = 2

	probePackets = 5
	// A probe is longer where packets bunch on the way, or it would measure the bunches.
	shortestProbe, longestProbe = 20 * time.Millisecond, 120 * time.Millisecond
	probeJitters                = 4
	probeTimeout                = time.Second
	probeClusters               = 8 // remembered for their reports
	// A probe's result counts when so much of it came.
	probeCameShare = 0.8
	// What came slower than it was sent has filled the link: this much of it is kept for certain.
	probeFull, probeKeep = 0.9, 0.95
)

// Probe asks the pacer to send at a rate for a short time: at least Packets packets and Bytes bytes, of media, repairs
// or padding, each noted with its ID.
type Probe struct {
	ID             uint8
	Rate           float64
	Bytes, Packets int
}

// prober decides when to try more, and reads from the reports what was found.
type prober struct {
	waiting  []Probe
	clusters [probeClusters]cluster
	id       uint8

	length    time.Duration // of the next probe
	last      float64       // rate of the latest probe
	lastAt    time.Duration
	outcome   bool // the latest has a result, or none is waited for
	started   bool
	fellFrom  float64
	fellAt    time.Duration
	recovered bool
	interval  time.Duration
	spoilt    bool // the latest came, and says nothing
	again     int  // how many in a row were made again for that
}

// cluster is what came of one probe.
type cluster struct {
	probe               Probe
	came                int
	bytes, lastBytes    int // all that came; those of the latest moment of sending
	firstSent, lastSent time.Duration
	firstCame, lastCame time.Duration
	firstCameSize       int
}

// begin is called once the way is up.
func (p *prober) begin(rate float64, now time.Duration) {
	p.started = true
	p.plan(firstProbe*rate, now)
	p.plan(secondProbe*rate, now)
}

func (p *prober) plan(rate float64, now time.Duration) {
	p.id = p.id%(1<<8-1) + 1 // 0 is no probe
	length := max(p.length, shortestProbe)
	probe := Probe{ID: p.id, Rate: rate, Packets: probePackets, Bytes: int(rate / 8 * length.Seconds())}
	p.clusters[p.id%probeClusters] = cluster{probe: probe}
	p.waiting = append(p.waiting, probe)
	p.last, p.lastAt, p.outcome, p.spoilt = rate, now, false, false
}

// setJitter fits the length of probes to how packets bunch on the way.
func (p *prober) setJitter(jitter time.Duration) {
	p.length = min(max(probeJitters*jitter, shortestProbe), longestProbe)
}

// next gives a probe that is to be sent now.
func (p *prober) next() (Probe, bool) {
	if len(p.waiting) == 0 {
		return Probe{}, false
	}
	probe := p.waiting[0]
	p.waiting = append(p.waiting[:0], p.waiting[1:]...)
	return probe, true
}

// fell notes that the rate has fallen at once by much.
func (p *prober) fell(from, to float64, now time.Duration) {
	if to < recoverBelow*from {
		p.fellFrom, p.fellAt, p.recovered = from, now, false
		p.interval = soonest
	}
}

// narrowed notes that the link has shown how little it carries now: what it carried before is not tried again.
func (p *prober) narrowed() { p.fellFrom, p.interval = 0, soonest }

// tick plans what is due. wanted is what would be sent if the way allowed it, limited since when less is sent than may be.
func (p *prober) tick(rate, wanted float64, limitedSince time.Duration, queue usage, now time.Duration) {
	if !p.started || len(p.waiting) > 0 || now-p.lastAt < probeTimeout && !p.outcome {
		return
	}
	switch {
	case queue == over:
	case p.fellFrom > 0 && !p.recovered && queue == normal && now-p.fellAt > probeTimeout/2:
		p.recovered = true
		if now-p.fellAt < recoverWithin {
			p.plan(recoverShare*p.fellFrom, now)
		}
	case rate < wanted:
		more, wait := fullProbe, max(p.interval, soonest)
		if limitedSince > 0 {
			more = limitedProbe
		}
		again := p.spoilt && p.again < mostAgain
		if again {
			wait = soonest
		}
		switch {
		case now-p.lastAt < wait:
			return
		case again:
			p.again++
		default:
			p.interval, p.again = min(2*max(p.interval, soonest), latest), 0 // unless it finds something
		}
		p.plan(min(more*rate, 2*wanted), now)
	}
}

// came takes a packet of a probe that arrived and gives the rate that the probe found, when it did.
func (p *prober) came(r result) (found float64, ok bool) {
	c := &p.clusters[r.cluster%probeClusters]
	if c.probe.ID != r.cluster || r.cluster == 0 {
		return 0, false
	}
	if c.came == 0 {
		c.firstSent, c.lastSent, c.firstCame, c.lastCame = r.sent, r.sent, r.arrived, r.arrived
		c.firstCameSize = r.size
	}
	c.came++
	c.bytes += r.size
	switch {
	case r.sent > c.lastSent:
		c.lastSent, c.lastBytes = r.sent, r.size
	case r.sent == c.lastSent:
		c.lastBytes += r.size
	}
	if r.arrived < c.firstCame {
		c.firstCame, c.firstCameSize = r.arrived, r.size
	}
	c.lastCame = max(c.lastCame, r.arrived)
	if c.came < int(probeCameShare*float64(c.probe.Packets)) || float64(c.bytes) < probeCameShare*float64(c.probe.Bytes) {
		return 0, false
	}
	sendTime, cameTime := c.lastSent-c.firstSent, c.lastCame-c.firstCame
	if sendTime <= 0 || sendTime > time.Second || cameTime > time.Second {
		return 0, false
	}
	// What was sent in the last moment takes no part in the sending time, the first that came none in the arriving time.
	sendRate := float64((c.bytes-c.lastBytes)*8) / sendTime.Seconds()
	cameRate := float64((c.bytes-c.firstCameSize)*8) / cameTime.Seconds()
	if cameTime <= 0 || cameRate > 2*sendRate {
		p.spoilt = p.spoilt || !p.outcome && c.probe.ID == p.id
		return 0, false // they bunched on the way
	}
	found = min(sendRate, cameRate)
	if cameRate < probeFull*sendRate {
		found = probeKeep * cameRate
	}
	return found, true
}

// found plans a further probe when the latest found that even more may be there.
func (p *prober) found(rate, before, wanted float64, now time.Duration) {
	p.outcome, p.spoilt, p.again = true, false, 0
	if rate > worthAbove*before {
		p.interval = soonest
	}
	if rate > furtherAbove*p.last && rate < wanted && len(p.waiting) == 0 {
		p.plan(min(nextProbe*rate, 2*wanted), now)
	}
}
