package sfu

import (
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/rtc"
	"github.com/tuttilive/tutti/internal/rtc/twcc"
	"github.com/tuttilive/tutti/internal/sfu/bwe"
)

const (
	// maxReports bounds how many reports of one peer wait for its shard.
	maxReports = 16
	// repairShare is how much of a full way may be taken by repairs, beside as much as the way loses anyhow, up to twice that.
	// A remote that asks for more is not helped by it: what it misses was dropped where the way is full.
	repairShare  = 0.2
	repairBursts = 200 * time.Millisecond // of that share
	// overhead is what headers and encryption add to payloads.
	overhead = 1.05
)

// Downlink is the way to one peer: it estimates how much the way carries, from the peer's reports on the packets that came,
// and shares that among the senders to the peer, by layers. Give it to the peer as its congestion observer; senders find it
// there.
type Downlink struct {
	mu      sync.Mutex
	reports pending
	remb    uint64
	posted  bool
	shard   queue // nil until the first sender is ready

	rate     atomic.Int64  // bit/s; what Rate tells
	limit    atomic.Int64  // bit/s; set by hand, 0 for none
	full     atomic.Bool   // what Full tells
	urgent   atomic.Bool   // what the peer says is looked at at once; else with the next packets, or the tick
	estimate atomic.Int64  // what Estimate tells
	loss     atomic.Uint64 // float64 bits; what Loss tells

	// What follows is owned by the shard's sender goroutine.

	estimator *bwe.Estimator
	restraint restraint
	forwarder *forwarder
	senders   []*Sender
	probing   probing
	pace      pace
	// hurried tells that the forwarder steps it; turn is the sender that is served first.
	hurried bool
	turn    int
	// repairs is what may be repaired now, in bytes, as of repairsAt.
	repairs   float64
	repairsAt time.Duration
	taken     pending

	allocation allocation
	accounted  time.Duration // when figures were last looked at

	// Scratch space.
	demands []demand
	asking  []*Sender
	limits  []int
}

// pending is reports on their way from the reader to the sender goroutine, one behind the other.
type pending struct {
	bytes []byte
	ends  []int
}

func (p *pending) add(report twcc.Report) {
	if len(p.ends) < maxReports {
		p.bytes = append(p.bytes, report.Raw()...)
		p.ends = append(p.ends, len(p.bytes))
	}
}

func (p *pending) each(take func(twcc.Report)) {
	begin := 0
	for _, end := range p.ends {
		if report, ok := twcc.Read(p.bytes[begin:end]); ok {
			take(report)
		}
		begin = end
	}
}

// emptied is the same space for the next ones.
func (p *pending) emptied() pending { return pending{p.bytes[:0], p.ends[:0]} }

// NewDownlink makes the congestion observer for one peer.
func NewDownlink() *Downlink { return &Downlink{estimator: bwe.New()} }

// Rate is what the way is estimated to carry, in bit/s; 0 while it has never been seen to be full.
func (d *Downlink) Rate() int { return int(d.rate.Load()) }

// Limit makes the way pass for one that carries no more than so many bit/s, so that developers of clients can try how
// theirs cope; 0 ends that.
func (d *Downlink) Limit(rate int64) { d.limit.Store(rate) }

// Full tells whether the way was seen to be full of late, for half a minute at least.
func (d *Downlink) Full() bool { return d.full.Load() }

// Estimate is what the way is thought to carry, in bit/s. While it is not full this says no more than what was tried.
func (d *Downlink) Estimate() int { return int(d.estimate.Load()) }

// Loss is the share of packets that the last reports tell not to have come, 0 to 1.
func (d *Downlink) Loss() float64 { return math.Float64frombits(d.loss.Load()) }

// Sent is called on the shard's sender goroutine.
func (d *Downlink) Sent(sequence uint16, size int, now time.Duration) {
	d.estimator.Sent(sequence, size, d.probing.count(size), now)
}

// TransportFeedback is called on the shard's reader goroutine.
func (d *Downlink) TransportFeedback(report twcc.Report, _ time.Duration) {
	d.hear(func() { d.reports.add(report) })
}

// RemoteEstimate is called on the shard's reader goroutine.
func (d *Downlink) RemoteEstimate(bitrate uint64, _ time.Duration) {
	d.hear(func() { d.remb = bitrate })
}

// hear notes something that the peer said, and posts the downlink to look at it.
func (d *Downlink) hear(note func()) {
	d.mu.Lock()
	note()
	shard := d.shard
	post := shard != nil && !d.posted
	d.posted = d.posted || post
	d.mu.Unlock()
	switch {
	case !post:
	case d.urgent.Load():
		shard.Post(d)
	default:
		shard.PostLater(d)
	}
}

// Run follows what the peer said.
func (d *Downlink) Run(tx *rtc.Tx) { d.run(tx) }

func (d *Downlink) run(tx exit) {
	d.mu.Lock()
	d.taken, d.reports = d.reports, d.taken.emptied()
	remb := d.remb
	if len(d.senders) > 0 {
		d.remb = 0 // what is said once does not hold for ever
	}
	d.posted = false
	d.mu.Unlock()
	if len(d.senders) == 0 {
		return
	}
	now := tx.Now()
	d.estimator.SetRTT(d.senders[0].peer.RTT())
	if remb > 0 && len(d.taken.ends) == 0 {
		d.estimator.SetCap(float64(remb), now) // from peers that send no transport-wide reports
	}
	d.taken.each(func(report twcc.Report) { d.estimator.Report(report, now) })
	full := d.full.Load() || d.limited(now)
	d.urgent.Store(full || d.estimator.Congested())
	if full {
		d.share(tx) // else there is nothing to share out that could not wait for the tick
	}
}

// join adds a sender whose outbound is ready.
func (d *Downlink) join(s *Sender, now time.Duration) {
	if len(d.senders) == 0 {
		d.forwarder = s.forwarder
		d.pace.set(openPace, openPace, now)
		d.forwarder.downlinks = append(d.forwarder.downlinks, d)
		totals.downlinks.Add(1)
		d.mu.Lock()
		d.shard = d.forwarder.shard
		d.mu.Unlock()
	}
	d.senders = append(d.senders, s)
}

func (d *Downlink) leave(s *Sender) {
	d.senders = without(d.senders, s)
	if len(d.senders) > 0 {
		return
	}
	d.mu.Lock()
	d.shard = nil
	d.reports = d.reports.emptied()
	d.mu.Unlock()
	d.probing = probing{}
	d.forwarder.forgetDownlink(d)
	d.restraint = restraint{}
	d.noteFull(false)
	totals.downlinks.Add(-1)
}

// tick does what time brings, with the forwarder's tick.
func (d *Downlink) tick(tx exit) {
	now := tx.Now()
	d.estimator.Tick(now)
	d.share(tx)
	d.probe(now)
	if now-d.accounted >= accountInterval {
		d.account(now)
	}
}

// limited tells whether no more than the estimate may be sent.
func (d *Downlink) limited(now time.Duration) bool {
	return d.restraint.holds(d.estimator.FullAt(), d.estimator.Rate(), now)
}

// hopes is what the way may carry, in bit/s: as estimated, but no more than was set by hand.
func (d *Downlink) hopes() float64 {
	if limit := d.limit.Load(); limit > 0 {
		return min(float64(limit), d.estimator.Rate())
	}
	return d.estimator.Rate()
}

// mayRepair tells whether there is room for repairing size bytes, and takes it.
func (d *Downlink) mayRepair(size int, now time.Duration) bool {
	if !d.limited(now) {
		return true
	}
	share := min(repairShare+d.estimator.Loss(), 2*repairShare) * d.estimator.Rate() / 8
	limit := max(share*repairBursts.Seconds(), 1500)
	d.repairs = min(d.repairs+share*(now-d.repairsAt).Seconds(), limit)
	d.repairsAt = now
	if d.repairs < float64(size) {
		return false
	}
	d.repairs -= float64(size)
	return true
}

// share gives each picture the largest layer that there is room for.
func (d *Downlink) share(tx exit) {
	now := tx.Now()
	sound, wanted, needed := d.survey(now)
	d.estimator.SetWanted(upwards * (sound + wanted)) // or the largest layers would never be given
	d.estimator.SetNeeded(needed)
	rate, full := d.estimator.Rate(), d.limited(now)
	if limit := float64(d.limit.Load()); limit > 0 && (!full || rate > limit) {
		rate, full = limit, true
	}
	if !full {
		d.rate.Store(0)
		d.try(tx, rate, sound, wanted)
		return
	}
	d.setPace(paceFactor*rate, rate, now)
	d.rate.Store(int64(rate))
	d.allocation.allocate(rate-sound, d.demands, d.limits)
	for i, s := range d.asking {
		s.allow(tx, d.limits[i], rate)
	}
}

// try gives pictures what they want, where the way may carry it: at once, or, where it was full before, what fits and one layer after the other beyond that.
func (d *Downlink) try(tx exit, rate, sound, wanted float64) {
	now := tx.Now()
	tries := d.restraint.tries(now)
	if tries == unlimited {
		open := max(openPace, openFactor*(sound+wanted))
		d.setPace(open, open, now)
		for _, s := range d.asking {
			s.allow(tx, unlimited, rate)
		}
		return
	}
	d.allocation.allocate(rate-sound, d.demands, d.limits)
	given := sound
	for i, s := range d.asking {
		m := &d.demands[i]
		l := max(d.limits[i], m.least(tries))
		if top := min(l, m.wanted); top >= 0 && top < len(m.rates) {
			given += m.rates[top]
		}
		s.allow(tx, l, rate)
	}
	rate = max(rate, given)
	d.setPace(paceFactor*rate, rate, now)
}

// setPace fits the pace to what the way carries.
func (d *Downlink) setPace(rate, burst float64, now time.Duration) {
	if d.probing.probe.ID == 0 { // which has a pace of its own
		d.pace.set(rate, burst, now)
	}
}

// hurry has the forwarder step the downlink until nothing is left to be sent.
func (d *Downlink) hurry() {
	if !d.hurried {
		d.hurried = true
		d.forwarder.hurry(d)
	}
}

// step sends what the pace allows since the last step, in the order of how much it hurts when it comes late: repairs,
// pictures, padding. Sound does not come here, as it never waits. It tells whether there is more to come.
func (d *Downlink) step(tx exit) bool {
	for _, s := range d.senders {
		if len(s.nacks.due) > 0 {
			s.repair(tx)
		}
	}
	d.turn++ // each step another picture is the first
	for i := range d.senders {
		s := d.senders[(d.turn+i)%len(d.senders)]
		if s.behind != nil {
			s.behind.advance(tx, s)
		}
	}
	d.fillProbe(tx)
	return d.probing.probe.ID != 0 || slices.ContainsFunc(d.senders, func(s *Sender) bool {
		return s.behind != nil || len(s.nacks.due) > 0
	})
}

// survey gathers what all pictures would take, and adds up the rates of sound, of pictures as they are wanted, and of what is needed
// for sound and the smallest layer of the most important picture.
func (d *Downlink) survey(now time.Duration) (sound, wanted, needed float64) {
	var rank uint64
	d.demands, d.asking, d.limits = d.demands[:0], d.asking[:0], d.limits[:0]
	for _, s := range d.senders {
		if s.now.paused || s.audience == nil {
			continue
		}
		if s.codec.Kind() == media.Audio {
			for _, l := range s.audience.layers {
				if !l.Track().Withheld() {
					sound += overhead * float64(l.BitrateAt(now))
				}
			}
			continue
		}
		n := len(d.demands)
		if n < cap(d.demands) {
			d.demands = d.demands[:n+1]
		} else {
			d.demands = append(d.demands, demand{})
		}
		m := &d.demands[n]
		s.describe(m, now)
		d.asking, d.limits = append(d.asking, s), append(d.limits, 0)
		if m.wanted >= 0 && m.wanted < len(m.rates) {
			wanted += m.rates[m.wanted]
		}
		if smallest := m.above(suspended); smallest >= 0 && (needed == 0 || m.rank > rank) {
			needed, rank = m.rates[smallest], m.rank
		}
	}
	return sound, wanted, sound + needed
}
