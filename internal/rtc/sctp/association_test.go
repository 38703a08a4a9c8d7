package sctp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"testing"
	"time"
)

func numbered(n, size int) []byte {
	b := make([]byte, size)
	binary.BigEndian.PutUint32(b, uint32(n))
	for i := 4; i < size; i++ {
		b[i] = byte(n + i)
	}
	return b
}

func number(e Event) int { return int(binary.BigEndian.Uint32(e.Data)) }

func TestBegins(t *testing.T) {
	for name, patience := range map[string][]time.Duration{
		"one": {0, time.Hour}, "both at once": {0}, "one long before the other": {0, 30 * time.Millisecond},
		"both while packets fly": {0, 10 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, patience...)
			w.until("connection", time.Second, func() bool { return w.ends[0].up && w.ends[1].up })
			w.send(0, 1, numbered(1, 9), Reliability{})
			w.send(1, 2, numbered(2, 9), Reliability{})
			w.rest()
			for i, e := range w.ends {
				if len(e.messages) != 1 {
					t.Errorf("end %d got %d messages", i, len(e.messages))
				}
				if e.Deadline() != Never {
					t.Errorf("end %d does not rest", i)
				}
			}
		})
	}
}

func TestBeginsThoughPacketsAreLost(t *testing.T) {
	for lost := range 6 {
		for _, patience := range [][]time.Duration{{0, time.Hour}, {0}} {
			w := newWorld(t, patience...)
			n := 0
			w.lose = func(int, []byte) bool { n++; return n == lost+1 || n == lost+2 }
			w.send(0, 0, numbered(7, 5000), Reliability{}) // it is queued
			w.until("message", 10*time.Second, func() bool { return len(w.ends[1].messages) == 1 && w.ends[0].up })
		}
	}
}

func TestGivesUpAskingButNotListening(t *testing.T) {
	w := newWorld(t, 0, time.Hour)
	w.lose = func(int, []byte) bool { return true }
	w.until("rest", 5*time.Minute, func() bool { w.collect(0); return w.ends[0].Deadline() == Never })
	w.lose = nil
	w.now = 2 * time.Hour
	w.until("connection", time.Minute, func() bool { return w.ends[0].up && w.ends[1].up })
}

func TestReliableInOrder(t *testing.T) {
	for name, setup := range map[string]func(w *world){
		"clean": func(*world) {}, "loss": func(w *world) { w.loss = 0.1 }, "much loss": func(w *world) { w.loss = 0.3 },
		"reordered":          func(w *world) { w.jitter = 30 * time.Millisecond },
		"reordered and lost": func(w *world) { w.loss, w.jitter = 0.05, 50*time.Millisecond },
	} {
		t.Run(name, func(t *testing.T) {
			w := connected(t)
			setup(w)
			const n = 60
			for i := range n {
				size := 4 + i*i%3000
				if i%20 == 5 {
					size = 256 << 10
				}
				w.send(0, uint16(i%3), numbered(i, size), Reliability{})
			}
			w.rest()
			got := w.ends[1].messages
			if len(got) != n {
				t.Fatalf("%d messages of %d came", len(got), n)
			}
			last := map[uint16]int{0: -1, 1: -1, 2: -1}
			for _, m := range got {
				if number(m) <= last[m.Stream] || number(m)%3 != int(m.Stream) || !bytes.Equal(m.Data, numbered(number(m), len(m.Data))) {
					t.Errorf("message %d in stream %d after %d", number(m), m.Stream, last[m.Stream])
				}
				last[m.Stream] = number(m)
			}
			t.Logf("%v, %d packets", w.now, w.ends[0].packets)
			checkEmpty(t, w)
		})
	}
}

// checkEmpty tells what two ends at rest still hold.
func checkEmpty(t *testing.T, w *world) {
	t.Helper()
	for i, e := range w.ends {
		if e.held != 0 || e.unread != 0 || len(e.chunks)+len(e.gaps)+len(e.sent)+len(e.ready) > 0 || e.flight != 0 || e.losses != 0 {
			t.Errorf("end %d holds %d bytes, %d parts, %d sent, %d in flight, %d lost", i, e.held, len(e.chunks), len(e.sent), e.flight, e.losses)
		}
		for id, s := range e.streams {
			if s.buffered != 0 || len(s.queue)+len(s.early) > 0 {
				t.Errorf("end %d stream %d holds %d bytes", i, id, s.buffered)
			}
		}
	}
}

func TestUnorderedDoesNotWait(t *testing.T) {
	w := connected(t)
	first := true
	w.lose = func(from int, p []byte) bool {
		if from == 0 && first {
			first = false
			return true
		}
		return false
	}
	for i := range 5 {
		w.send(0, 1, numbered(i, 1000), Reliability{Unordered: true})
	}
	w.rest()
	var order []int
	for _, m := range w.ends[1].messages {
		order = append(order, number(m))
	}
	if want := []int{1, 2, 3, 4, 0}; !slices.Equal(order, want) {
		t.Errorf("came in order %v", order)
	}
}

func TestLimitedMessagesAreGivenUp(t *testing.T) {
	for name, r := range map[string]Reliability{
		"unordered, never repeated": {Unordered: true, Limited: true},
		"ordered, never repeated":   {Limited: true},
		"ordered, repeated once":    {Limited: true, Retransmissions: 1},
		"for a time":                {Lifetime: 100 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			w := connected(t)
			w.loss = 0.2
			const n = 300
			for i := range n {
				w.send(0, 1, numbered(i, 3000), r) // three packets each
				if i%30 == 0 {
					w.send(0, 3, numbered(i, 100), Reliability{})
				}
				next := w.now + 20*time.Millisecond
				for w.now < next {
					w.now = min(w.now+time.Millisecond, next)
					for _, f := range w.flying {
						if f.at <= w.now {
							w.step()
							break
						}
					}
					for j, e := range w.ends {
						if w.now >= e.Deadline() {
							e.Advance(w.now)
						}
						w.collect(j)
					}
				}
			}
			w.loss = 0
			w.send(0, 1, numbered(n, 100), Reliability{})
			w.rest()
			limited, reliable, last := 0, 0, -1
			for _, m := range w.ends[1].messages {
				if m.Stream == 3 {
					reliable++
					continue
				}
				limited++
				if !r.Unordered && number(m) <= last {
					t.Errorf("message %d after %d", number(m), last)
				}
				if last = number(m); !bytes.Equal(m.Data, numbered(last, len(m.Data))) {
					t.Errorf("message %d is damaged", last)
				}
			}
			t.Logf("%d of %d came", limited, n)
			if reliable != 10 || last != n {
				t.Errorf("%d reliable messages came, the last one of all is %d", reliable, last)
			}
			if limited < n/8 || limited >= n {
				t.Errorf("%d of %d limited messages came", limited, n)
			}
			checkEmpty(t, w)
		})
	}
}

// TestWhatIsSoonOfNoUseDoesNotQueue: over a way that carries less than is sent, what comes is fresh and as much as the way carries.
func TestWhatIsSoonOfNoUseDoesNotQueue(t *testing.T) {
	const (
		rate, queue, delay = 1e6, 200 * time.Millisecond, 20 * time.Millisecond // of the way
		lifetime           = 150 * time.Millisecond
		size, perSecond    = 300, 600
		length             = 20 * time.Second
	)
	w := connected(t)
	var free time.Duration // when the way has carried what it was given
	w.lose = func(from int, p []byte) bool {
		w.delay = delay
		if from == 1 {
			return false
		}
		free = max(free, w.now)
		if free-w.now > queue {
			return true
		}
		free += time.Duration(float64(8*len(p)) / rate * float64(time.Second))
		w.delay = free - w.now + delay
		return false
	}
	begun, came, oldest := w.now, 0, time.Duration(0)
	hear := func() {
		for _, m := range w.ends[1].messages {
			came++
			oldest = max(oldest, w.now-time.Duration(binary.BigEndian.Uint64(m.Data)))
		}
		w.ends[1].messages = nil
	}
	for at := begun; at < begun+length; at += time.Second / perSecond {
		for {
			next := min(w.ends[0].Deadline(), w.ends[1].Deadline())
			for _, f := range w.flying {
				next = min(next, f.at)
			}
			if next > at {
				break
			}
			w.step()
			hear()
		}
		w.now = at
		m := make([]byte, size)
		binary.BigEndian.PutUint64(m, uint64(at))
		w.send(0, 3, m, Reliability{Unordered: true, Limited: true, Lifetime: lifetime})
		w.collect(0)
	}
	t.Logf("%d came, the oldest after %v", came, oldest)
	if carries := int(rate / 8 / size * length.Seconds()); came < carries*3/4 {
		t.Errorf("%d messages came; the way carries %d", came, carries)
	}
	if most := lifetime + queue + 2*delay; oldest > most {
		t.Errorf("a message came after %v, want at most %v", oldest, most)
	}
	w.rest()
	checkEmpty(t, w)
}

func TestFlowControl(t *testing.T) {
	w := connected(t)
	w.ends[1].consume = false
	const n = 40
	for i := range n {
		w.send(0, 1, numbered(i, 64<<10), Reliability{})
	}
	limit := w.now + time.Minute
	for w.now < limit && w.step() {
		if e := w.ends[1]; e.held > e.cfg.Window {
			t.Fatalf("%d bytes are held", e.held)
		}
	}
	taken := len(w.ends[1].messages)
	if taken >= 8 || w.ends[0].Buffered(1) < 30*64<<10 {
		t.Errorf("%d messages were taken, %d bytes wait", taken, w.ends[0].Buffered(1))
	}
	if w.ends[0].packets > 1000 {
		t.Errorf("%d packets towards a window that is shut", w.ends[0].packets)
	}
	w.ends[1].consume = true
	w.ends[1].Consumed(taken, taken*64<<10, w.now)
	opened := w.now
	w.until("the rest", time.Minute, func() bool { return len(w.ends[1].messages) == n })
	if took := w.now - opened; took > 5*time.Second {
		t.Errorf("the rest took %v", took)
	}
	w.rest()
	checkEmpty(t, w)
}

func TestStreamsTakeTurns(t *testing.T) {
	w := connected(t)
	for i := range 20 {
		w.send(0, 1, numbered(i, 100<<10), Reliability{})
	}
	w.send(0, 3, numbered(99, 100), Reliability{})
	w.until("the short one", time.Minute, func() bool {
		return slices.ContainsFunc(w.ends[1].messages, func(e Event) bool { return e.Stream == 3 })
	})
	if n := len(w.ends[1].messages); n > 3 {
		t.Errorf("a short message waited for %d long ones of another stream", n)
	}
}

func TestResetStreamsAreNew(t *testing.T) {
	for name, loss := range map[string]float64{"clean": 0, "loss": 0.2} {
		t.Run(name, func(t *testing.T) {
			w := connected(t)
			w.loss = loss
			for round := range 5 {
				for i := range 10 {
					w.send(0, 4, numbered(i, 5000), Reliability{})
					w.send(1, 4, numbered(i, 50), Reliability{Unordered: i%2 == 0})
				}
				w.ends[0].CloseStream(4, w.now)
				if err := w.ends[0].Send(4, 53, []byte{1}, Reliability{}, w.now); !errors.Is(err, ErrClosing) {
					t.Errorf("sending after the end gives %v", err)
				}
				w.until("reset", time.Minute, func() bool { return len(w.ends[1].fresh) == round+1 })
				if got := len(w.ends[1].messages); got != 10*(round+1) {
					t.Errorf("the stream ended after %d messages", got)
				}
				w.ends[1].CloseStream(4, w.now)
				w.rest()
				if !w.ends[0].Idle(4) || !w.ends[1].Idle(4) {
					t.Fatal("the stream is not as new")
				}
				if n := len(w.ends[0].fresh); n != round+1 {
					t.Errorf("the first end heard of %d ends", n)
				}
			}
			checkEmpty(t, w)
		})
	}
}

func TestTooLongMessagesEndTheirStreamAlone(t *testing.T) {
	w := connected(t)
	w.ends[0].cfg.MaxMessage = 2 << 20
	w.send(0, 1, make([]byte, 1<<20), Reliability{})
	w.send(0, 3, numbered(3, 1000), Reliability{})
	w.rest()
	if got := w.ends[1]; !slices.Equal(got.refused, []uint16{1}) || len(got.messages) != 1 || got.messages[0].Stream != 3 {
		t.Errorf("refused %v, %d messages", got.refused, len(got.messages))
	}
	w.ends[1].CloseStream(1, w.now)
	w.ends[0].CloseStream(1, w.now)
	w.rest()
	w.send(0, 1, numbered(1, 1000), Reliability{})
	w.rest()
	if got := w.ends[1].messages; len(got) != 2 || got[1].Stream != 1 {
		t.Errorf("%d messages after the stream began anew", len(got))
	}
	checkEmpty(t, w)
}

func TestEnds(t *testing.T) {
	w := connected(t)
	w.ends[0].Abort()
	w.until("end", time.Second, func() bool { return w.ends[1].over })
	for i, e := range w.ends {
		if err := e.Send(0, 53, []byte{1}, Reliability{}, w.now); !errors.Is(err, ErrEnded) {
			t.Errorf("end %d: sending gives %v", i, err)
		}
		if e.Deadline() != Never {
			t.Errorf("end %d waits for something", i)
		}
	}
}

func TestALineThatComesBackIsUsedSoon(t *testing.T) {
	w := connected(t)
	w.lose = func(int, []byte) bool { return true }
	w.send(0, 1, numbered(1, 100), Reliability{})
	w.until("time", time.Minute, func() bool { return w.now > 20*time.Second })
	w.lose = nil
	back := w.now
	w.until("message", mostTimeout+time.Second, func() bool { return len(w.ends[1].messages) == 1 })
	t.Logf("after %v", w.now-back)
}

// A way of 10 Mbit/s and 40 ms there and back should be filled.
func TestThroughput(t *testing.T) {
	w := connected(t)
	const size = 4 << 20
	for range size / (128 << 10) {
		w.send(0, 1, make([]byte, 128<<10), Reliability{})
	}
	began := w.now
	w.rest()
	took := w.now - began
	t.Logf("%.1f Mbit/s", 8*size/took.Seconds()/1e6)
	if took > 2*time.Second {
		t.Errorf("4 MiB took %v", took)
	}
	if w.ends[0].packets > size/1100+200 {
		t.Errorf("%d packets", w.ends[0].packets)
	}
}

func BenchmarkTransfer(b *testing.B) {
	w := connected(b)
	w.delay = 0
	message := make([]byte, 64<<10)
	b.SetBytes(int64(len(message)))
	b.ReportAllocs()
	for b.Loop() {
		w.send(0, 1, message, Reliability{})
		w.until("message", time.Hour, func() bool { return len(w.ends[1].messages) > 0 })
		w.ends[1].messages = w.ends[1].messages[:0]
	}
}
