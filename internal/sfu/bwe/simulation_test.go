package bwe

import (
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/rtc/twcc"
	"github.com/tuttilive/tutti/internal/sfu/netsim"
)

const (
	ms   = time.Millisecond
	mbit = 1e6
)

// datagram is a packet on the simulated way.
type datagram struct {
	seq  uint16
	size int
	sent time.Duration
	from *simulation
}

// simulation is a sender of a picture at 30 frames a second that fills what is estimated, up to what it wants; a link; and
// a peer that reports every 50 ms over a way back of its own.
type simulation struct {
	t        *testing.T
	now      time.Duration
	e        *Estimator
	out      *netsim.Link[datagram]
	back     *netsim.Link[[]byte]
	recorder twcc.Recorder
	seq      uint16

	wanted  float64
	offers  float64 // what there is to send, 0 as much as is wanted
	backlog int     // bytes waiting for the pacer
	budget  float64
	probe   Probe
	probed  int
	packets int
	begun   time.Duration

	// rival, when set, is a flow over the same link.
	rival *simulation
	count int // packets sent

	// What came, for figures.
	received int
	delays   []time.Duration
}

func simulate(t *testing.T, link netsim.Config, wanted float64) *simulation {
	s := &simulation{
		t: t, now: time.Second, e: New(), wanted: wanted,
		out:  netsim.New[datagram](link, 7),
		back: netsim.New[[]byte](netsim.Config{Delay: link.Delay, Jitter: link.Jitter}, 8),
	}
	s.e.SetWanted(wanted)
	s.e.SetRTT(2*link.Delay + link.Jitter)
	return s
}

// figures are of one stretch of a simulation.
type figures struct {
	rate       float64 // bit/s that arrived
	longest    time.Duration
	p95        time.Duration
	lossShare  float64
	estimate   float64
	congestion time.Duration // for how long packets waited for more than 250 ms
}

// run goes on for a while and says what it was like.
func (s *simulation) run(d time.Duration) figures {
	s.received, s.delays = 0, s.delays[:0]
	dropped, sent := s.out.Dropped+s.out.Lost, s.count
	var congestion time.Duration
	for end := s.now + d; s.now < end; {
		s.step()
		if s.out.Waiting(s.now) > 250*ms {
			congestion += ms
		}
	}
	f := figures{rate: float64(s.received*8) / d.Seconds(), estimate: s.e.Rate(), congestion: congestion}
	f.lossShare = float64(s.out.Dropped+s.out.Lost-dropped) / max(1, float64(s.count-sent))
	f.longest, f.p95 = longest(s.delays), percentile(s.delays, 0.95)
	s.t.Logf("%6.1fs..%6.1fs: %.2f Mbit/s came, estimate %.2f, delay p95 %v max %v, lost %.1f %%, queue above 250 ms for %v",
		(s.now - d).Seconds(), s.now.Seconds(), f.rate/mbit, f.estimate/mbit, f.p95.Round(ms), f.longest.Round(ms), 100*f.lossShare, f.congestion)
	return f
}

// pass lets time pass.
func (s *simulation) pass(d time.Duration) {
	for end := s.now + d; s.now < end; {
		s.step()
	}
}

// until goes on until the estimate is at least so much, for at most so long, and gives how long that took.
func (s *simulation) until(rate float64, most time.Duration) time.Duration {
	begun := s.now
	for s.e.Rate() < rate && s.now-begun < most {
		s.step()
	}
	return s.now - begun
}

// step is a millisecond.
func (s *simulation) step() {
	s.send()
	if s.rival != nil {
		s.rival.now = s.now
		s.rival.send()
	}
	s.receive()
	s.now += ms
}

// send does what a sender does in a millisecond.
func (s *simulation) send() {
	const frame = time.Second / 30
	rate := s.e.Rate()
	if s.now/frame != (s.now-ms)/frame {
		offers := min(rate, s.wanted)
		if s.offers > 0 {
			offers = min(offers, s.offers)
		}
		s.backlog += int(offers * 0.97 / 8 / 30)
	}
	if s.probed >= s.probe.Bytes && s.packets >= s.probe.Packets {
		s.probe, s.probed, s.packets = Probe{}, 0, 0
		if p, ok := s.e.Probe(); ok {
			s.probe, s.begun = p, s.now
			s.budget = 0
		}
	}
	// The pacer lets frames out at twice the rate, and probes at theirs with padding behind the media.
	pace := 2 * rate
	if s.probe.ID != 0 {
		pace = s.probe.Rate
	}
	s.budget = min(s.budget+pace/8*ms.Seconds(), pace/8*5*ms.Seconds())
	for s.budget > 0 && (s.backlog > 0 || s.probe.ID != 0) {
		size := 1200
		switch {
		case s.probe.ID == 0:
			size = min(size, s.backlog)
		case s.probe.Rate < mbit:
			size = 300 // padding
		}
		s.backlog = max(0, s.backlog-size)
		s.budget -= float64(size)
		s.seq++
		s.count++
		s.e.Sent(s.seq, size, s.probe.ID, s.now)
		s.out.Send(s.now, size, datagram{s.seq, size, s.now, s})
		if s.probe.ID != 0 {
			s.probed += size
			s.packets++
			if s.probed >= s.probe.Bytes && s.packets >= s.probe.Packets {
				break
			}
		}
	}
	s.follow()
}

// receive gives packets that came to the flows that they are of.
func (s *simulation) receive() {
	for {
		p, at, ok := s.out.Receive(s.now)
		if !ok {
			return
		}
		if p.from == nil { // another's
			continue
		}
		p.from.recorder.Note(p.seq, at)
		p.from.received += p.size
		p.from.delays = append(p.from.delays, at-p.sent)
	}
}

// follow exchanges reports.
func (s *simulation) follow() {
	if s.now%(50*ms) == 0 {
		for s.recorder.Pending() {
			report := s.recorder.Append(nil, 1, 2)
			if report == nil {
				break
			}
			s.back.Send(s.now, len(report), report)
		}
		s.e.Tick(s.now)
	}
	for {
		raw, _, ok := s.back.Receive(s.now)
		if !ok {
			break
		}
		report, ok := twcc.Read(raw)
		if !ok {
			s.t.Fatalf("%x is no report", raw)
		}
		s.e.Report(report, s.now)
	}
}

func longest(d []time.Duration) time.Duration {
	var l time.Duration
	for _, x := range d {
		l = max(l, x)
	}
	return l
}
