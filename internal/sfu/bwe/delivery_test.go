package bwe

import (
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/sfu/netsim"
)

func TestDeliveryTellsWhetherTheWayCarriesWhatIsSent(t *testing.T) {
	// 50 packets of 500 bytes a second: 0.2 Mbit/s.
	const rate = 0.2 * mbit
	for _, c := range []struct {
		name  string
		fate  func(i int) (delay time.Duration, came bool)
		gap   time.Duration // after half of them
		wants bool
	}{
		{"all comes at once", func(int) (time.Duration, bool) { return 0, true }, 0, true},
		{"all comes late", func(int) (time.Duration, bool) { return 2 * time.Second, true }, 0, true},
		{"a queue comes and goes", func(i int) (time.Duration, bool) { return time.Duration(min(i%50, 50-i%50)) * 5 * ms, true }, 0, true},
		{"one in twenty is lost", func(i int) (time.Duration, bool) { return 0, i%20 != 0 }, 0, true},
		{"one in five is lost", func(i int) (time.Duration, bool) { return 0, i%5 != 0 }, 0, false},
		{"each waits longer than the one before", func(i int) (time.Duration, bool) { return time.Duration(i) * 5 * ms, true }, 0, false},
		{"each waits a little longer, until it is much", func(i int) (time.Duration, bool) { return time.Duration(i) * ms, true }, 0, true},
		{"nothing comes", func(int) (time.Duration, bool) { return 0, false }, 0, false},
		{"nothing was sent for a while", func(int) (time.Duration, bool) { return 0, true }, 5 * time.Second, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var d delivery
			for i := range 100 + 20 {
				sent := time.Minute + time.Duration(i)*20*ms
				if i >= 80 {
					sent += c.gap
				}
				delay, came := c.fate(i)
				d.note(result{sent: sent, arrived: sent + delay, size: 500}, came)
			}
			if got := d.rate(); c.wants && (got < 0.85*rate || got > 1.1*rate) || !c.wants && got != 0 {
				t.Errorf("%.0f bit/s are sent and carried", got)
			}
		})
	}
}

// A queue that grows by less than the rates can tell is noticed by what has become of it.
func TestDeliveryNoticesAQueueThatGrowsSlowly(t *testing.T) {
	var d delivery
	for i := range 2000 {
		sent := time.Minute + time.Duration(i)*20*ms
		delay := 25*ms + time.Duration(i)*ms
		d.note(result{sent: sent, arrived: sent + delay, size: 500}, true)
		if got := d.rate(); i == 400 && got == 0 || i == 700 && got != 0 {
			t.Errorf("after a wait of %v: %.0f bit/s", delay, got)
		}
	}
}

func TestDeliveryCountsWhatWasOvertaken(t *testing.T) {
	var d delivery
	for i := range 110 {
		r := result{sent: time.Minute + time.Duration(i)*20*ms, size: 500}
		r.arrived = r.sent
		if i%4 == 0 {
			d.note(r, false)
			r.late = true
		}
		d.note(r, true)
	}
	if d.rate() == 0 {
		t.Error("what came after it had been missing counts as lost")
	}
}

// Beside somebody who keeps the queue full a sender keeps what it needs, since that arrives, and goes down to nothing where it needs nothing.
func TestWhatIsNeededIsKeptWhileItArrives(t *testing.T) {
	for _, needed := range []float64{0, 0.2 * mbit} {
		s := simulate(t, netsim.Config{Rate: mbit, Delay: 25 * ms}, mbit)
		s.offers = 0.2 * mbit
		s.e.SetNeeded(needed)
		s.run(10 * time.Second)
		least := s.e.Rate()
		for end, queue := s.now+30*time.Second, 0*ms; s.now < end; s.now += ms {
			if s.now%(20*ms) == 0 {
				queue = min(queue+ms, 280*ms) // which grows for 6 s, and stays
			}
			for s.out.Waiting(s.now) < queue {
				s.out.Send(s.now, 1200, datagram{})
			}
			s.send()
			s.receive()
			least = min(least, s.e.Rate())
		}
		t.Logf("needs %.1f Mbit/s: the least was %.2f", needed/mbit, least/mbit)
		switch {
		case needed > 0 && least < 0.75*needed: // what is sent here is 3 % less than may be, again and again
			t.Errorf("the estimate fell to %.2f Mbit/s", least/mbit)
		case needed == 0 && least > 0.15*mbit:
			t.Errorf("the estimate stayed at %.2f Mbit/s: nothing shows that what is needed is kept", least/mbit)
		}
		s.e.SetCap(0.1*mbit, s.now)
		if s.e.Rate() > 0.1*mbit {
			t.Errorf("%.2f Mbit/s, more than the peer allows", s.e.Rate()/mbit)
		}
	}
}
