package rtc

import (
	"strconv"
	"testing"
	"time"
)

// TestAReaderRestsWhenManySendAtATime and only then, and never for longer than a rest after it has read.
func TestAReaderRestsWhenManySendAtATime(t *testing.T) {
	for _, c := range []struct {
		name        string
		every, work time.Duration // between two who count, and what a batch takes
		least, most time.Duration // of rest after a batch
	}{
		{"a few people", 4 * time.Millisecond, 50 * time.Microsecond, 0, 0},
		{"one camera for many, at a full core", 12 * time.Millisecond, 10 * time.Millisecond, 0, 0},
		{"ten people", time.Millisecond, 100 * time.Microsecond, restTime - 100*time.Microsecond, restTime - 100*time.Microsecond},
		{"a crowd", 100 * time.Microsecond, time.Millisecond, restTime - time.Millisecond, restTime - time.Millisecond},
		{"a crowd that keeps a shard busy", 100 * time.Microsecond, 2 * time.Millisecond, 0, 0},
		{"more than there is time for", 100 * time.Microsecond, 4 * time.Millisecond, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := restWith(socketBuffer)
			came, now, busy := time.Duration(0), 5*time.Second, time.Duration(0)
			for now < 6*time.Second {
				brought := 1
				if came < now { // what came meanwhile is read together
					brought = max(1, int((now-came)/c.every))
				}
				came = now
				r.note(brought, brought, busy, now)
				read := now
				now += c.work
				busy += c.work
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

// TestWhoMakesACrowd has people send pictures and sound: how many packets those are is no matter, nor in how many layers.
func TestWhoMakesACrowd(t *testing.T) {
	for _, c := range []struct {
		name          string
		people        int
		pieces, every int // of a picture, and ms between them
		crowd         bool
	}{
		{"one camera for many", 1, 8, 1, false},
		{"one whose packets never end", 1, 33, 1, false},
		{"two people", 2, 3, 5, false},
		{"three people, each picture at once", 3, 1, 0, false},
		{"six people, paced as browsers do", 6, 3, 5, true},
		{"eight people, each picture at once", 8, 1, 0, true},
		{"a meeting of ten", 10, 1, 0, true},
		{"a meeting of ten, paced", 10, 3, 5, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := restWith(socketBuffer)
			people := make([]presence, c.people)
			sent := func(i int, ms int) bool {
				at := ms + i*13 // none begins with another
				picture := at % 33
				return (at+5)%20 == 0 || picture == 0 || c.every > 0 && picture%c.every == 0 && picture/c.every < c.pieces
			}
			waits := make([]bool, c.people)
			for ms := 1000; ms < 3000; ms++ {
				comes := false
				for i := range people {
					waits[i] = waits[i] || sent(i, ms)
					comes = comes || waits[i]
				}
				now := time.Duration(ms) * time.Millisecond
				if !comes || !r.over(now) {
					continue
				}
				brought := 0
				for i := range people {
					if waits[i] && people[i].counts(now) {
						brought++
					}
					waits[i] = false
				}
				r.note(brought, brought, 0, now)
				if d := r.begin(now, now); ms > 2000 && (d > 0) != c.crowd {
					t.Fatalf("rests for %v at %v", d, now)
				}
			}
		})
	}
}

// noteAll reads what waits, from ten people.
func (r *rest) noteAll(datagrams int, read time.Duration) {
	for ; datagrams > 0; datagrams -= batchSize {
		r.note(min(datagrams, batchSize), 10, 0, read)
	}
}

// TestAReaderDoesNotRestWhereTheBufferWouldFill has a crowd send at several rates to a small buffer, whatever a reading makes of them.
func TestAReaderDoesNotRestWhereTheBufferWouldFill(t *testing.T) {
	const buffer = 200 << 10 // what many systems give
	for _, c := range []struct {
		rate  int // datagrams a second
		rests bool
	}{{3_000, true}, {6_000, true}, {7_000, false}, {60_000, false}} {
		t.Run(strconv.Itoa(c.rate), func(t *testing.T) {
			r := restWith(buffer)
			now, came := time.Second, time.Second
			for now < 3*time.Second {
				now = max(now, came) + 100*time.Microsecond
				waiting := int((now - came) * time.Duration(c.rate) / time.Second)
				if waiting == 0 {
					continue
				}
				came += time.Duration(waiting) * time.Second / time.Duration(c.rate)
				if now > 2*time.Second && waiting > buffer/datagramRoom {
					t.Fatalf("%d datagrams wait at %v", waiting, now)
				}
				r.noteAll(waiting, now)
				d := r.begin(now, now)
				if now > 2*time.Second && (d > 0) != c.rests {
					t.Fatalf("rests for %v at %v", d, now)
				}
				now += d
			}
		})
	}
}

// TestAFloodEndsRestsAtOnce and what comes in the one that is under way finds room.
func TestAFloodEndsRestsAtOnce(t *testing.T) {
	const buffer = 400 << 10
	r := restWith(buffer)
	now := time.Second
	for range 100 {
		r.note(20, 10, 0, now)
		now += max(r.begin(now, now), restTime)
	}
	r.note(20, 10, 0, now)
	if r.begin(now, now) == 0 {
		t.Fatal("no rest while many send")
	}
	now += restTime
	r.noteAll(buffer/datagramRoom-1, now)
	if d := r.begin(now, now); d != 0 {
		t.Errorf("rests for %v although the buffer was full", d)
	}
}

// TestAReaderThatWasAloneDoesNotRest lets many send, and then nobody for a while.
func TestAReaderThatWasAloneDoesNotRest(t *testing.T) {
	r := restWith(socketBuffer)
	now := time.Second
	for range 100 {
		r.note(10, 10, 0, now)
		now += restTime
	}
	if r.begin(now, now) != restTime {
		t.Fatal("no rest while many send")
	}
	now += 10 * time.Second
	r.note(10, 10, 0, now)
	if d := r.begin(now, now); d != 0 {
		t.Fatalf("rests for %v when nothing came for 10 s", d)
	}
}
