package sfu

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/sfu/netsim"
)

const ms = time.Millisecond

func TestLosses(t *testing.T) {
	type step struct {
		at         time.Duration
		first, end uint64 // a gap
		found      uint64
		want       []uint64
		lost       uint64
		tooMany    bool
	}
	const rtt = 40 * ms // asked again after 55 ms
	tests := []struct {
		name  string
		steps []step
	}{
		{"reordering is waited for", []step{
			{at: 0, first: 5, end: 6},
			{at: 4 * ms},
			{at: 6 * ms, found: 5},
			{at: 20 * ms},
		}},
		{"asked for, then again after a round trip", []step{
			{at: 0, first: 5, end: 7},
			{at: 8 * ms, want: []uint64{5, 6}},
			{at: 30 * ms, found: 6},
			{at: 62 * ms},
			{at: 63 * ms, want: []uint64{5}},
			{at: 70 * ms, found: 5},
			{at: 200 * ms},
		}},
		{"each on its own time", []step{
			{at: 0, first: 5, end: 6},
			{at: 8 * ms, want: []uint64{5}},
			{at: 20 * ms, first: 9, end: 11},
			{at: 28 * ms, want: []uint64{9, 10}},
			{at: 63 * ms, want: []uint64{5}},
			{at: 83 * ms, want: []uint64{9, 10}},
		}},
		{"a burst beyond the bound", []step{
			{at: 0, first: 5, end: 6},
			{at: 1 * ms, first: 10, end: 10 + maxMissing, tooMany: true},
			{at: 50 * ms},
		}},
		{"many small gaps beyond the bound", []step{
			{at: 0, first: 5, end: 5 + maxMissing},
			{at: 1 * ms, first: 1000, end: 1001, tooMany: true},
			{at: 50 * ms},
		}},
		{"given up when too old", []step{
			{at: 0, first: 5, end: 6},
			{at: 8 * ms, want: []uint64{5}},
			{at: 1600 * ms, lost: 5},
			{at: 1700 * ms},
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var l losses
			for i, step := range test.steps {
				if tooMany := l.gap(step.first, step.end, step.at); tooMany != step.tooMany {
					t.Fatalf("step %d: too many is %v", i, tooMany)
				}
				if step.found != 0 {
					l.found(step.found, false, step.at)
				}
				got, lost := l.due(nil, step.at, rtt)
				if !slices.Equal(got, step.want) || lost != step.lost {
					t.Fatalf("step %d at %v: asks for %v, lost %d; want %v, %d", i, step.at, got, lost, step.want, step.lost)
				}
			}
		})
	}
}

func TestLossesGivesUpAfterItsRequests(t *testing.T) {
	var l losses
	l.gap(7, 8, 0)
	requests, lost := 0, uint64(0)
	for now := time.Duration(0); lost == 0 && now < 10*time.Second; now += 5 * ms {
		var seqs []uint64
		seqs, lost = l.due(nil, now, 20*ms)
		requests += len(seqs)
	}
	if requests != maxRequests || lost != 7 || len(l.missing) != 0 {
		t.Fatalf("%d requests, lost %d, %d missing", requests, lost, len(l.missing))
	}
}

// TestLossesOnALossyLink runs ten minutes of a stream with loss in bursts, reordering and wrap-around, repaired by what
// is asked for after a round trip that is lossy itself.
func TestLossesOnALossyLink(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	const (
		interval = 5 * ms
		rtt      = 60 * ms
	)
	type flight struct {
		wire uint16
		seq  uint64
		at   time.Duration
	}
	var (
		s        sequence
		l        losses
		inFlight []flight
		came     = map[uint64]bool{}
		asked    int
		bad      bool
		sent     = 10 * int(time.Minute/interval)
	)
	first := uint64(1<<16 | 60000)
	for i, now := 0, time.Duration(0); i < sent+400; i, now = i+1, now+interval {
		if i < sent {
			if bad {
				bad = random.Float64() < 0.7
			} else {
				bad = random.Float64() < 0.01
			}
			if !bad {
				late := time.Duration(random.IntN(10)) * ms
				seq := first + uint64(i)
				inFlight = append(inFlight, flight{uint16(seq), seq, now + rtt/2 + late})
			}
		}
		inFlight = slices.DeleteFunc(inFlight, func(f flight) bool {
			if f.at > now {
				return false
			}
			before := s.highest
			seq, what := s.extend(f.wire)
			if what == rejected {
				return true
			}
			if seq != f.seq {
				t.Fatalf("packet %d came as %d", f.seq, seq)
			}
			came[seq] = true
			if what == newest && before != 0 {
				l.gap(before+1, seq, now)
			} else {
				l.found(seq, true, now)
			}
			return true
		})
		seqs, _ := l.due(nil, now, rtt)
		for _, seq := range seqs {
			asked++
			if random.Float64() < 0.9 {
				inFlight = append(inFlight, flight{s.wire(seq), seq, now + rtt})
			}
		}
	}
	if missing := sent - len(came); missing > 3 {
		t.Errorf("%d of %d packets missing in the end", missing, sent)
	}
	t.Logf("%d packets, %d requests, %d never came", sent, asked, sent-len(came))
}

func TestLossesMeasureTheRoundTrip(t *testing.T) {
	var l losses
	if l.rtt(0) != guessedRTT || l.rtt(10*ms) != 10*ms {
		t.Error("a round trip from nowhere")
	}
	ask := func(seq uint64, at time.Duration) {
		l.gap(seq, seq+1, at-minReorderWait)
		if seqs, _ := l.due(nil, at, 0); len(seqs) != 1 {
			t.Fatalf("asks for %v", seqs)
		}
	}
	ask(1, 100*ms)
	l.found(1, false, 101*ms) // merely late
	ask(2, 200*ms)
	l.due(nil, 600*ms, 0) // again
	l.found(2, true, 601*ms)
	if l.rtt(0) != 401*ms {
		t.Errorf("a round trip of %v from ambiguous answers, which are the longest that it can be", l.rtt(0))
	}
	ask(3, 700*ms)
	l.found(3, true, 850*ms)
	if l.rtt(0) != 150*ms {
		t.Errorf("a round trip of %v", l.rtt(0))
	}
	ask(4, 900*ms)
	l.found(4, true, 970*ms)
	if l.rtt(0) != 140*ms {
		t.Errorf("a round trip of %v", l.rtt(0))
	}
}

// askedInVain sends a stream over a link, and counts how many packets came, were asked for, and were asked for though they were not lost.
func askedInVain(link netsim.Config, rtt, from, d time.Duration) (came, asked, inVain int, l losses) {
	const interval = 3 * ms
	type packet struct {
		wire     uint16
		repaired bool
	}
	way := netsim.New[packet](link, 5)
	lost := make(map[uint64]bool)
	var s sequence
	type answer struct {
		at  time.Duration
		seq uint64
	}
	var answers []answer
	seq := uint64(1<<16 | 100)
	for now := time.Second; now < time.Second+d; now += ms {
		if now%interval == 0 {
			before := way.Lost
			way.Send(now, 1200, packet{wire: uint16(seq)})
			if way.Lost > before {
				lost[seq] = true
			}
			seq++
		}
		answers = slices.DeleteFunc(answers, func(a answer) bool {
			if a.at > now {
				return false
			}
			way.Send(now, 1200, packet{wire: s.wire(a.seq), repaired: true})
			return true
		})
		for {
			p, _, ok := way.Receive(now)
			if !ok {
				break
			}
			before := s.highest
			n, what := s.extend(p.wire)
			switch {
			case what == rejected:
				continue
			case what == newest && before != 0:
				l.gap(before+1, n, now)
			default:
				l.found(n, p.repaired, now)
			}
			came++
		}
		seqs, _ := l.due(nil, now, rtt)
		for _, n := range seqs {
			answers = append(answers, answer{now + 20*ms, n})
			if now > time.Second+from {
				asked++
				if !lost[n] {
					inVain++
				}
			}
		}
	}
	return came, asked, inVain, l
}

func TestDelayIsNoLoss(t *testing.T) {
	_, asked, _, _ := askedInVain(netsim.Config{Delay: 50 * ms, Jitter: 300 * ms}, 60*ms, 0, time.Minute)
	if asked > 0 {
		t.Errorf("%d packets were asked for that were only late", asked)
	}
}

func TestReorderingIsLearnt(t *testing.T) {
	for _, jitter := range []time.Duration{20 * ms, 60 * ms, 200 * ms, 300 * ms} {
		_, asked, inVain, l := askedInVain(netsim.Config{Delay: 30 * ms, Jitter: jitter, Reorder: true, Loss: netsim.Random(0.01)}, 80*ms, 10*time.Second, time.Minute)
		t.Logf("jitter %v: of %d requests %d in vain, waits %v", jitter, asked, inVain, l.reordering.wait(0))
		if inVain > 20 || asked < 100 {
			t.Errorf("jitter %v: of %d requests %d in vain", jitter, asked, inVain)
		}
		if len(l.missing) > 40 {
			t.Errorf("jitter %v: %d packets are missing", jitter, len(l.missing))
		}
	}
	if _, asked, _, l := askedInVain(netsim.Config{Delay: 30 * ms, Loss: netsim.Random(0.01)}, 80*ms, 0, time.Minute); asked < 150 || l.reordering.longest != 0 {
		t.Errorf("%d packets were asked for, waits %v", asked, l.reordering.longest)
	}
}

// The round trip of a long way is found although what was guessed at first is far too short.
func TestALongWayIsNotAskedAllTheTime(t *testing.T) {
	came, asked, _, l := askedInVain(netsim.Config{Delay: 300 * ms, Loss: netsim.Random(0.02)}, 0, 10*time.Second, time.Minute)
	if lost := came / 50; asked > 5*lost/4 || l.rtt(0) < 310*ms || l.rtt(0) > 450*ms {
		t.Errorf("%d requests for %d packets, a round trip of %v", asked, lost, l.rtt(0))
	}
}
