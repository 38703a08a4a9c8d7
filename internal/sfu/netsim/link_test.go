package netsim

import (
	"slices"
	"testing"
	"time"
)

const ms = time.Millisecond

// through sends a packet of 1000 bytes each millisecond for a while and gives the arrivals by number.
func through(cfg Config, seed uint64, packets int) (order []int, at []time.Duration, l *Link[int]) {
	l = New[int](cfg, seed)
	for i := range packets {
		l.Send(time.Duration(i)*ms, 1000, i)
	}
	for {
		n, when, ok := l.Receive(time.Hour)
		if !ok {
			return order, at, l
		}
		order, at = append(order, n), append(at, when)
	}
}

func TestTheSameSeedGivesTheSameRun(t *testing.T) {
	cfg := Config{Rate: 6e6, Delay: 20 * ms, Jitter: 30 * ms, Reorder: true, Loss: Random(0.1)}
	a, at, _ := through(cfg, 1, 1000)
	b, bt, _ := through(cfg, 1, 1000)
	c, _, _ := through(cfg, 2, 1000)
	if !slices.Equal(a, b) || !slices.Equal(at, bt) || slices.Equal(a, c) {
		t.Error("runs do not follow from their seed")
	}
}

func TestRateAndQueue(t *testing.T) {
	order, at, l := through(Config{Rate: 4e6, Queue: 100 * ms, Delay: 10 * ms}, 1, 1000) // twice as much as it carries
	for i := range order[1:] {
		if gap := at[i+1] - at[i]; gap < 2*ms-time.Microsecond {
			t.Fatalf("packet %d comes %v after the one before", order[i+1], gap)
		}
	}
	if waited := at[len(at)-1] - time.Duration(order[len(order)-1])*ms; waited > 113*ms || waited < 100*ms {
		t.Errorf("the last waited for %v", waited)
	}
	if l.Dropped+len(order) != 1000 || l.Dropped < 400 {
		t.Errorf("%d of 1000 were dropped, %d came", l.Dropped, len(order))
	}
}

func TestJitterReordersOnlyWhenTold(t *testing.T) {
	if order, _, _ := through(Config{Jitter: 50 * ms}, 1, 1000); !slices.IsSorted(order) {
		t.Error("packets overtake each other")
	}
	if order, _, _ := through(Config{Jitter: 50 * ms, Reorder: true}, 1, 1000); slices.IsSorted(order) {
		t.Error("no packet overtakes another")
	}
}

func TestBurstsLoseInBursts(t *testing.T) {
	order, _, l := through(Config{Loss: &Bursts{Enter: 0.01, Leave: 0.2, InBad: 0.8}}, 1, 100_000)
	if share := float64(l.Lost) / 100_000; share < 0.03 || share > 0.05 {
		t.Errorf("%.3f were lost, want 0.8 of the 1/21 of the time that is bad", share)
	}
	again := 0
	for i := range order[1:] {
		if order[i+1]-order[i] > 2 {
			again++ // two in a row
		}
	}
	if again < l.Lost/8 {
		t.Errorf("%d losses follow another, of %d", again, l.Lost)
	}
}

// share runs flows over a link and says what part of it each got, and the longest that a packet had to wait in the second half.
func share(rate float64, d time.Duration, flows ...*Flow) (got []float64, queue time.Duration) {
	type packet struct {
		f *Flow
		n int
	}
	l := New[packet](Config{Rate: rate, Delay: 25 * ms}, 3)
	for now := time.Duration(0); now < d; now += ms {
		for _, f := range flows {
			for _, n := range f.Step(now) {
				l.Send(now, FlowSize, packet{f, n})
			}
		}
		for {
			p, at, ok := l.Receive(now)
			if !ok {
				break
			}
			p.f.Arrived(p.n, at)
		}
		if now > d/2 {
			queue = max(queue, l.Waiting(now))
		}
	}
	for _, f := range flows {
		got = append(got, float64(f.Delivered*FlowSize*8)/d.Seconds()/rate)
	}
	return got, queue
}

func TestFlows(t *testing.T) {
	if got, queue := share(3e6, time.Minute, NewFlow(25*ms, 0)); got[0] < 0.9 || queue < 250*ms {
		t.Errorf("one that does not give way alone has %.2f of the link and a queue of %v", got[0], queue)
	}
	if got, queue := share(3e6, time.Minute, NewFlow(25*ms, 60*ms)); got[0] < 0.9 || queue > 90*ms {
		t.Errorf("one that gives way alone has %.2f of the link and a queue of %v", got[0], queue)
	}
	if got, _ := share(3e6, 2*time.Minute, NewFlow(25*ms, 0), NewFlow(25*ms, 0)); got[0] < 0.3 || got[1] < 0.3 {
		t.Errorf("two that do not give way have %.2f and %.2f", got[0], got[1])
	}
	if got, _ := share(3e6, time.Minute, NewFlow(25*ms, 0), NewFlow(25*ms, 60*ms)); got[1] > 0.2 || got[0] < 0.7 {
		t.Errorf("beside one that does not, one that gives way has %.2f, the other %.2f", got[1], got[0])
	}
}
