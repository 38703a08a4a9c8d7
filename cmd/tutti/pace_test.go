package main

import (
	"fmt"
	"net"
	"strconv"
	"sync/atomic"
	"testing"
	"time"
)

// tooBusy is for how long a machine keeps a process from running that is too busy for judging what has to do with time: several goroutines have to
// run, one after the other, for a packet to get through, and each waits so long then.
const tooBusy = 100 * time.Millisecond

// demanding are tests that need much of the machine, or are about time: two at once.
var demanding = make(chan struct{}, 2)

// takeTurn waits until not too many demanding tests run beside this one, which is one until it ends.
func takeTurn(t *testing.T) {
	demanding <- struct{}{}
	t.Cleanup(func() { <-demanding })
}

// pace judges what has to do with time, and finds out beside that whether the machine lets it.
type pace struct {
	t       *testing.T
	longest atomic.Int64 // for how long the process was kept from running at most
	wrong   []string
}

// keepPace watches the machine from now on, until the test ends.
func keepPace(t *testing.T) *pace {
	p := &pace{t: t}
	go func() {
		const step = 10 * time.Millisecond
		for last := time.Now(); t.Context().Err() == nil; {
			time.Sleep(step)
			now := time.Now()
			p.longest.Store(max(p.longest.Load(), int64(now.Sub(last)-step)))
			last = now
		}
	}()
	return p
}

// wrongf notes what is not as it should be.
func (p *pace) wrongf(format string, args ...any) {
	p.wrong = append(p.wrong, fmt.Sprintf(format, args...))
}

// tries is how often is measured at most where the machine does not let it be judged.
const tries = 3

// repeat measures until the machine has let it, tries times at most, and judges what was measured last.
func (p *pace) repeat(measure func()) {
	p.t.Helper()
	for n := 1; ; n++ {
		p.wrong = nil
		p.longest.Store(0)
		measure()
		held := time.Duration(p.longest.Load())
		if len(p.wrong) == 0 || held <= tooBusy || n == tries {
			break
		}
		p.t.Logf("once more, as the machine held the process up for %v: %q", held, p.wrong)
	}
	p.judge()
}

// judge fails the test where something is wrong, and skips it where that may be the machine's fault.
func (p *pace) judge() {
	p.t.Helper()
	held := time.Duration(p.longest.Load())
	for _, wrong := range p.wrong {
		if held <= tooBusy {
			p.t.Errorf("%s (the machine held the process up for %v at most)", wrong, held)
		} else {
			p.t.Log(wrong)
		}
	}
	if len(p.wrong) > 0 && held > tooBusy {
		p.t.Skipf("this machine is too busy to tell: it held the process up for %v", held)
	}
}

func TestPaceRepeatsWhatABusyMachineSpoilt(t *testing.T) {
	for name, c := range map[string]struct {
		spoilt, measured int // how many are, one after the other, and how often is measured
		skipped          bool
	}{
		"not": {0, 1, false}, "once": {1, 2, false}, "always": {tries, tries, true},
	} {
		measured, skipped := 0, false
		t.Run(name, func(t *testing.T) {
			t.Cleanup(func() { skipped = t.Skipped() })
			p := &pace{t: t}
			p.repeat(func() {
				if measured++; measured <= c.spoilt {
					p.longest.Store(int64(tooBusy + 1))
					p.wrongf("late")
				}
			})
		})
		if measured != c.measured || skipped != c.skipped {
			t.Errorf("spoilt %s: measured %d times, skipped %v", name, measured, skipped)
		}
	}
}

// freePorts gives a port once, however many ask at the same time.
func TestFreePortsAreGivenOnce(t *testing.T) {
	given.Lock()
	before := given.ports
	given.ports = map[int]bool{}
	for port := firstPort; port < endPort; port++ {
		given.ports[port] = port%4 != 0 // of four ports one has not been given out
	}
	given.Unlock()
	defer func() {
		given.Lock()
		given.ports = before
		given.Unlock()
	}()
	for _, address := range freePorts(t, 20) {
		_, port, _ := net.SplitHostPort(address)
		if n, _ := strconv.Atoi(port); n%4 != 0 {
			t.Errorf("%s is given twice", address)
		}
	}
}
