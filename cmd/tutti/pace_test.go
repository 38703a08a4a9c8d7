package main

import (
	"fmt"
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
