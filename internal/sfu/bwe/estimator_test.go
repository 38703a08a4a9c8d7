package bwe

import (
	"slices"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/sfu/netsim"
)

func percentile(d []time.Duration, p float64) time.Duration {
	if len(d) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(d))
	return sorted[int(p*float64(len(sorted)-1))]
}

func TestSteady(t *testing.T) {
	s := simulate(t, netsim.Config{Rate: 3 * mbit, Delay: 25 * ms}, 10*mbit)
	s.run(10 * time.Second)
	f := s.run(30 * time.Second)
	if f.rate < 0.85*3*mbit {
		t.Errorf("%.0f %% of the link are used", f.rate/3/mbit*100)
	}
	if f.congestion > 0 {
		t.Errorf("packets waited for more than 250 ms for %v", f.congestion)
	}
}

func TestStep(t *testing.T) {
	link := netsim.Config{Rate: 3 * mbit, Delay: 25 * ms}
	s := simulate(t, link, 10*mbit)
	s.run(15 * time.Second)
	link.Rate = 0.5 * mbit
	s.out.Change(link)
	s.run(1 * time.Second)
	s.run(2 * time.Second)
	low := s.run(17 * time.Second)
	if low.congestion > 0 || low.rate < 0.8*0.5*mbit {
		t.Errorf("at 0.5 Mbit/s: %+v", low)
	}
	link.Rate = 3 * mbit
	s.out.Change(link)
	s.run(8 * time.Second)
	high := s.run(15 * time.Second)
	if high.rate < 0.85*3*mbit {
		t.Errorf("back at 3 Mbit/s: %+v", high)
	}
}

// Whenever a link becomes wide again, it is found out within 8 s, though media fills what is estimated and leaves nothing to be seen.
func TestAWiderWayIsFoundSoon(t *testing.T) {
	for _, delay := range []time.Duration{25 * ms, 200 * ms} {
		var mean, latest time.Duration
		const moments = 32
		for moment := range moments {
			link := netsim.Config{Rate: 3 * mbit, Delay: delay}
			s := simulate(t, link, 10*mbit)
			s.pass(15 * time.Second)
			link.Rate = 0.5 * mbit
			s.out.Change(link)
			s.pass(20*time.Second + time.Duration(moment)*270*ms)
			link.Rate = 3 * mbit
			s.out.Change(link)
			took := s.until(0.85*link.Rate, 10*time.Second)
			mean, latest = mean+took/moments, max(latest, took)
		}
		t.Logf("over %v after %v, at the latest %v", delay, mean.Round(10*ms), latest)
		if latest > 8*time.Second {
			t.Errorf("over %v 85 %% of the link are estimated only after %v", delay, latest)
		}
	}
}

func TestRandomLoss(t *testing.T) {
	link := netsim.Config{Rate: 3 * mbit, Delay: 25 * ms, Loss: netsim.Random(0.05)}
	const runs = 12
	var mean float64
	for seed := range runs {
		s := simulate(t, link, 10*mbit)
		s.out = netsim.New[datagram](link, uint64(seed))
		s.pass(10 * time.Second)
		f := s.run(30 * time.Second)
		if f.rate < 0.8*0.95*link.Rate || f.congestion > 0 {
			t.Errorf("%+v", f)
		}
		mean += f.rate / runs
	}
	if mean < 0.85*0.95*link.Rate {
		t.Errorf("%.2f Mbit/s in the mean", mean/mbit)
	}
}

func TestLossBurst(t *testing.T) {
	link := netsim.Config{Rate: 3 * mbit, Delay: 25 * ms}
	s := simulate(t, link, 10*mbit)
	s.run(15 * time.Second)
	link.Loss = netsim.Random(0.2)
	s.out.Change(link)
	s.run(3 * time.Second)
	link.Loss = nil
	s.out.Change(link)
	s.run(8 * time.Second)
	if f := s.run(10 * time.Second); f.rate < 0.85*3*mbit {
		t.Errorf("%+v", f)
	}
}

func TestDelayAndJitter(t *testing.T) {
	s := simulate(t, netsim.Config{Rate: 3 * mbit, Delay: 200 * ms, Jitter: 30 * ms}, 10*mbit)
	s.run(15 * time.Second)
	if f := s.run(30 * time.Second); f.rate < 0.8*3*mbit || f.congestion > 0 {
		t.Errorf("%+v", f)
	}
}

func TestTwoFlowsShare(t *testing.T) {
	s := simulate(t, netsim.Config{Rate: 4 * mbit, Delay: 25 * ms}, 10*mbit)
	s.run(15 * time.Second)
	s.rival = simulate(t, netsim.Config{Delay: 25 * ms}, 10*mbit)
	s.rival.out = s.out
	s.run(30 * time.Second)
	s.rival.received = 0
	f := s.run(60 * time.Second)
	theirs := float64(s.rival.received*8) / 60
	t.Logf("the other flow: %.2f Mbit/s", theirs/mbit)
	if f.rate+theirs < 0.8*4*mbit || f.rate < 0.2*4*mbit || theirs < 0.2*4*mbit || f.congestion > 2*time.Second {
		t.Errorf("ours %+v, theirs %.2f Mbit/s", f, theirs/mbit)
	}
}

// With nothing to send but a wish to, probes alone must find out that the way carries again.
func TestRecoveryFromZero(t *testing.T) {
	link := netsim.Config{Rate: 50e3, Delay: 25 * ms}
	s := simulate(t, link, 2*mbit)
	s.run(20 * time.Second)
	s.wanted = 0 // everything is paused
	s.run(5 * time.Second)
	link.Rate = 5 * mbit
	s.out.Change(link)
	s.run(8 * time.Second)
	if rate := s.e.Rate(); rate < 1*mbit {
		t.Errorf("8 s after the link is free the estimate is %.2f Mbit/s", rate/mbit)
	}
}

func TestSilence(t *testing.T) {
	s := simulate(t, netsim.Config{Rate: 3 * mbit, Delay: 25 * ms}, 10*mbit)
	s.run(10 * time.Second)
	s.back.Change(netsim.Config{Loss: netsim.Random(1)})
	s.run(8 * time.Second)
	if rate := s.e.Rate(); rate > 0.2*mbit {
		t.Errorf("8 s without a report the estimate is %.2f Mbit/s", rate/mbit)
	}
	s.back.Change(netsim.Config{Delay: 25 * ms})
	s.run(8 * time.Second)
	if f := s.run(5 * time.Second); f.rate < 0.8*3*mbit {
		t.Errorf("after the silence: %+v", f)
	}
}

// While there is little to send the estimate neither sinks nor runs away, also where some is lost, and what comes then has room.
func TestApplicationLimited(t *testing.T) {
	for _, loss := range []float64{0, 0.03} {
		s := simulate(t, netsim.Config{Rate: 3 * mbit, Delay: 25 * ms, Loss: netsim.Random(loss)}, 2.5*mbit)
		s.run(15 * time.Second)
		s.offers = 0.3 * mbit
		for range 6 {
			s.run(20 * time.Second)
			if rate := s.e.Rate(); rate < 1.5*mbit || rate > 4*mbit {
				t.Errorf("loss %.2f: the estimate is %.2f Mbit/s", loss, rate/mbit)
			}
		}
		s.offers = 0
		s.run(2 * time.Second)
		if f := s.run(10 * time.Second); f.rate < 0.85*2.5*mbit*(1-loss) || f.congestion > 0 {
			t.Errorf("loss %.2f: afterwards %+v", loss, f)
		}
	}
}

// A way that breaks lets no REMB through either.
func TestSilenceOfAPeerWithoutReports(t *testing.T) {
	e := New()
	e.SetWanted(2 * mbit)
	now, seq := time.Duration(0), uint16(0)
	send := func(d time.Duration, remb bool) {
		for end := now + d; now < end; now += 50 * ms {
			if remb && now%time.Second == 0 {
				e.SetCap(100*mbit, now)
			}
			seq++
			e.Sent(seq, 1200, 0, now)
			e.Tick(now)
		}
	}
	send(20*time.Second, true)
	send(4*time.Second, false) // some are lost
	if e.Rate() != 100*mbit || e.FullAt() != 0 {
		t.Errorf("%.1f Mbit/s after two that were lost", e.Rate()/mbit)
	}
	send(3*time.Second, false)
	if e.Rate() > mbit || e.FullAt() == 0 {
		t.Errorf("%.1f Mbit/s after 7 s without a word", e.Rate()/mbit)
	}
	send(40*time.Second, false)
	if e.Rate() > 0.05*mbit {
		t.Errorf("%.2f Mbit/s after 47 s without a word", e.Rate()/mbit)
	}
	send(time.Second, true)
	if e.Rate() != 100*mbit {
		t.Errorf("%.1f Mbit/s when it speaks again", e.Rate()/mbit)
	}
	for end := now + time.Minute; now < end; now += 50 * ms {
		e.Tick(now) // nothing is sent, so nothing is to be heard
	}
	send(time.Second, false)
	if e.Rate() != 100*mbit {
		t.Errorf("%.1f Mbit/s after a pause", e.Rate()/mbit)
	}
}

// After a pause it takes a round trip until something can be heard of what is sent.
func TestAPauseIsNoSilence(t *testing.T) {
	s := simulate(t, netsim.Config{Rate: 3 * mbit, Delay: 200 * ms}, 2*mbit)
	s.run(10 * time.Second)
	before := s.e.Rate()
	s.wanted = 0
	s.run(10 * time.Second)
	s.wanted = 2 * mbit
	if low := s.lowest(2 * time.Second); low < 0.9*before {
		t.Errorf("%.2f Mbit/s after a pause, %.2f before", low/mbit, before/mbit)
	}
}
