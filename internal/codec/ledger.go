package codec

import (
	"fmt"
	"sync"
	"time"
)

// ledgerMax is how many pictures may be inside a process.
const ledgerMax = 512

// ledger knows which pictures are inside a process, by their time on its clock in milliseconds. It is safe for use by several goroutines.
type ledger struct {
	mu      sync.Mutex
	times   map[int64]time.Duration
	waiting time.Time // since when a picture is owed
	patient bool      // none has come yet
}

// enter notes a picture that goes in, at the given time or a little later if there is one at that time already.
func (l *ledger) enter(at int64, pts time.Duration) (int64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.times == nil {
		l.times = map[int64]time.Duration{}
	}
	for range ledgerMax {
		if _, taken := l.times[at]; !taken {
			break
		}
		at++
	}
	if len(l.times) >= ledgerMax {
		return 0, fmt.Errorf("codec: worker keeps %d pictures", ledgerMax)
	}
	if len(l.times) == 0 {
		l.waiting = time.Now()
	}
	l.times[at] = pts
	return at, nil
}

// leave takes out the picture at a time, and with it those before it, which will not come any more.
func (l *ledger) leave(at int64) (pts time.Duration, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	pts, ok = l.times[at]
	for t := range l.times {
		if t <= at {
			delete(l.times, t)
		}
	}
	l.waiting, l.patient = time.Now(), false
	return pts, ok
}

// forgive does not count some time that has passed.
func (l *ledger) forgive(passed time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting = l.waiting.Add(passed)
}

// overdue tells that nothing has come for longer than it may take.
func (l *ledger) overdue(now time.Time, limit time.Duration) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.patient {
		limit += workerStart
	}
	return len(l.times) > 0 && now.Sub(l.waiting) > limit
}
