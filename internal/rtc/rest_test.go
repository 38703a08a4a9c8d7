package rtc

import (
	"testing"
	"time"
)

// TestAReaderRestsWhenManySendAtATime and only then, and never for longer than a rest after it has read.
func TestAReaderRestsWhenManySendAtATime(t *testing.T) {
	for _, c := range []struct {
		name        string
		every, work time.Duration // between two streams' packets, and what a batch takes
		least, most time.Duration // of rest after a batch
	}{
		{"two people", 5 * time.Millisecond, 50 * time.Microsecond, 0, 0},
		{"one camera for many, at a full core", 12 * time.Millisecond, 10 * time.Millisecond, 0, 0},
		{"ten people", time.Millisecond, 100 * time.Microsecond, restTime - 100*time.Microsecond, restTime - 100*time.Microsecond},
		{"a crowd", 100 * time.Microsecond, 2 * time.Millisecond, restTime - 2*time.Millisecond, restTime - 2*time.Millisecond},
		{"more than there is time for", 100 * time.Microsecond, 4 * time.Millisecond, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			var r rest
			came, now := time.Duration(0), 5*time.Second
			for now < 6*time.Second {
				brought := 1
				if came < now { // what came meanwhile is read together
					brought = max(1, int((now-came)/c.every))
				}
				came = now
				r.note(brought, now)
				read := now
				now += c.work
				d := r.begin(read, now)
				if now > 5500*time.Millisecond && (d < c.least || d > c.most) {
					t.Fatalf("rests for %v", d)
				}
				if r.over(now) != (d == 0) {
					t.Fatalf("a rest of %v is over: %v", d, r.over(now))
				}
				now = max(now+d, came+c.every)
			}
		})
	}
}

// TestAReaderThatWasAloneDoesNotRest lets many send, and then nobody for a while.
func TestAReaderThatWasAloneDoesNotRest(t *testing.T) {
	var r rest
	now := time.Second
	for range 100 {
		r.note(10, now)
		now += restTime
	}
	if r.begin(now, now) != restTime {
		t.Fatal("no rest while many send")
	}
	now += 10 * time.Second
	r.note(10, now)
	if d := r.begin(now, now); d != 0 {
		t.Fatalf("rests for %v when nothing came for 10 s", d)
	}
}
