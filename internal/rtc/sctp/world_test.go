package sctp

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// world is two associations and the way between them, in virtual time.
type world struct {
	t      testing.TB
	now    time.Duration
	random *rand.Rand
	ends   [2]*end
	flying []flight
	// delay is one way's, and jitter what may come on top; loss is the share of packets that do not arrive.
	delay, jitter time.Duration
	loss          float64
	// lose, when not nil, decides instead.
	lose func(from int, packet []byte) bool
}

type flight struct {
	to     int
	at     time.Duration
	packet []byte
}

type end struct {
	*Association
	up, over bool
	messages []Event
	fresh    []uint16
	refused  []uint16
	consume  bool
	packets  int
}

func testConfig(random *rand.Rand) Config {
	return Config{MTU: 1136, MaxMessage: 256 << 10, Window: 512 << 10, MaxStreams: 128, Random: random.Uint32}
}

func newWorld(t testing.TB, patience ...time.Duration) *world {
	w := &world{t: t, random: rand.New(rand.NewPCG(1, 2)), delay: 20 * time.Millisecond}
	for i := range w.ends {
		w.ends[i] = &end{Association: New(testConfig(w.random), 0, patience[i%len(patience)]), consume: true}
	}
	return w
}

// connected is a world whose associations are up.
func connected(t testing.TB) *world {
	w := newWorld(t, 0, time.Hour)
	w.until("connection", time.Second, func() bool { return w.ends[0].up && w.ends[1].up })
	return w
}

// collect takes what an end has to say.
func (w *world) collect(i int) {
	e := w.ends[i]
	for {
		packets, events := e.Take()
		for _, p := range packets {
			if len(p) > 1136 {
				w.t.Fatalf("a packet of %d bytes", len(p))
			}
			e.packets++
			lost := w.random.Float64() < w.loss
			if w.lose != nil {
				lost = w.lose(i, p)
			}
			if !lost {
				at := w.now + w.delay
				if w.jitter > 0 {
					at += time.Duration(w.random.Int64N(int64(w.jitter)))
				}
				w.flying = append(w.flying, flight{1 - i, at, p})
			}
		}
		if len(packets)+len(events) == 0 {
			return
		}
		for _, event := range events {
			switch event.Kind {
			case Established:
				e.up = true
			case Message:
				e.messages = append(e.messages, event)
				if e.consume {
					e.Consumed(1, len(event.Data), w.now)
				}
			case Reset:
				e.fresh = append(e.fresh, event.Stream)
			case Refused:
				e.refused = append(e.refused, event.Stream)
			case Ended:
				e.over = true
			}
		}
	}
}

// step goes to the next moment at which something happens; false when nothing ever will.
func (w *world) step() bool {
	w.collect(0)
	w.collect(1)
	next := min(w.ends[0].Deadline(), w.ends[1].Deadline())
	for _, f := range w.flying {
		next = min(next, f.at)
	}
	if next == Never {
		return false
	}
	w.now = max(w.now, next)
	slices.SortStableFunc(w.flying, func(a, b flight) int { return cmp.Compare(a.at, b.at) })
	for len(w.flying) > 0 && w.flying[0].at <= w.now {
		f := w.flying[0]
		w.flying = w.flying[1:]
		w.ends[f.to].Receive(f.packet, w.now)
		w.collect(f.to)
	}
	for i, e := range w.ends {
		if w.now >= e.Deadline() {
			e.Advance(w.now)
			w.collect(i)
		}
	}
	return true
}

func (w *world) until(what string, within time.Duration, done func() bool) {
	w.t.Helper()
	limit := w.now + within
	for !done() {
		if !w.step() || w.now > limit {
			w.t.Fatalf("no %s after %v", what, w.now)
		}
	}
}

// rest lets everything happen that will.
func (w *world) rest() {
	w.t.Helper()
	for n := 0; w.step(); n++ {
		if n > 1_000_000 {
			w.t.Fatal("it does not come to rest")
		}
	}
}

func (w *world) send(from int, stream uint16, data []byte, r Reliability) {
	w.t.Helper()
	if err := w.ends[from].Send(stream, 53, data, r, w.now); err != nil {
		w.t.Fatal(err)
	}
}
