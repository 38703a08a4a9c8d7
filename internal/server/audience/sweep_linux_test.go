package audience

import (
	"net"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/tuttilive/tutti/internal/media"
)

// line is a connection that takes everything at once and tells of it.
type line struct {
	w     *sweeper
	wrote func(frames [][]byte)
}

func (l *line) Control(func(fd uintptr)) error   { return nil }
func (l *line) Read(func(fd uintptr) bool) error { return nil }
func (l *line) Write(func(fd uintptr) bool) error {
	l.w.write.n, l.w.write.err = 0, nil
	for _, b := range l.w.write.bufs {
		l.w.write.n += len(b)
	}
	if l.wrote != nil {
		l.wrote(l.w.write.bufs)
	}
	return nil
}

// sweptBy makes n clients in a hall, of a sweeper without a goroutine.
func sweptBy(s *Server, n int) (w *sweeper, h *hall, clients []*client) {
	w = makeSweeper()
	h = newHall(nil, func(h *hall) { w.tell(h) }, nil)
	w.rooms[h] = &row{}
	for range n {
		c := &client{server: s, carrier: w, hall: h, cursor: h.ring.Live(), raw: &line{w: w}}
		clients = append(clients, c)
		w.rooms[h].clients = append(w.rooms[h].clients, c)
	}
	return w, h, clients
}

func (h *hall) write(text string) {
	f := textFrame([]byte(text))
	h.ring.Append(&shared{all: f, hosts: f}, media.Mark{Bytes: len(f), Key: true})
	h.wake(h)
}

// TestWhoIsToldAloneDoesNotWaitForTheWholeAudience: what is for one person goes out in the middle of a sweep.
func TestWhoIsToldAloneDoesNotWaitForTheWholeAudience(t *testing.T) {
	w, h, clients := sweptBy(&Server{}, 10*atATime)
	for round := range 5 {
		written, asked, answered := 0, -1, -1
		who := clients[7]
		for _, c := range clients {
			c.raw.(*line).wrote = func(frames [][]byte) {
				written++
				if asked < 0 && written == 5 {
					asked = written
					who.queue(textFrame([]byte("promoted")))
				}
				if c == who && slices.ContainsFunc(frames, func(f []byte) bool { return string(f[2:]) == "promoted" }) {
					answered = written
				}
			}
		}
		h.write("to all")
		w.sweep()
		if answered < 0 || answered-asked > atATime {
			t.Errorf("round %d: told after %d writes", round, answered-asked)
		}
		if written < len(clients) {
			t.Errorf("round %d: %d writes to %d", round, written, len(clients))
		}
	}
}

// TestNewsInASweepReachesAllInOneMore: who has not had their turn gets both at once, and only the others are written to again.
func TestNewsInASweepReachesAllInOneMore(t *testing.T) {
	const n = 1000
	w, h, clients := sweptBy(&Server{}, n)
	written, frames := 0, 0
	for _, c := range clients {
		c.raw.(*line).wrote = func(bufs [][]byte) {
			written, frames = written+1, frames+len(bufs)
			if written == n/4 {
				h.write("seat")
			}
		}
	}
	h.write("chat")
	w.sweep()
	w.sweep()
	if frames != 2*n || written > n+n/4 {
		t.Errorf("%d frames in %d writes to %d", frames, written, n)
	}
}

// TestNobodyIsAlwaysLast.
func TestNobodyIsAlwaysLast(t *testing.T) {
	for _, n := range []int{1, 2, 3, 8, 100, 9999, 10_000} {
		r := &row{clients: make([]*client, n)}
		const turns = 400
		places := make([]int, n) // sums
		for range turns {
			first := r.turn()
			for i := range places {
				places[(first+i)%n] += i
			}
		}
		for i, sum := range places {
			if mean := float64(sum) / turns; n > 1 && (mean < 0.4*float64(n-1) || mean > 0.6*float64(n-1)) {
				t.Fatalf("of %d, number %d has place %.1f in the mean", n, i, mean)
			}
		}
	}
}

// TestABlockedConnectionIsTriedHoweverMuchElseThereIs to do.
func TestABlockedConnectionIsTriedHoweverMuchElseThereIs(t *testing.T) {
	w := newWorld(t, false, nil)
	conn := w.raw()
	conn.(*net.TCPConn).SetReadBuffer(4 << 10)
	conn.Write(masked(ws.NewTextFrame([]byte(`{"type":"hello"}`))))
	if _, err := ws.ReadFrame(conn); err != nil {
		t.Fatal(err)
	}
	c := w.server.all()[0]
	const frames, size = 24, 10 << 10
	for range frames {
		c.queue(textFrame(make([]byte, size)))
	}
	stop := make(chan struct{})
	defer close(stop)
	go func() { // as answers to a flood do
		for {
			for _, s := range w.server.sweepers {
				s.signal()
			}
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
			}
		}
	}()
	time.Sleep(4 * retryEvery) // until it is blocked
	conn.SetReadDeadline(time.Now().Add(patience))
	for got := 0; got < frames; {
		f, err := ws.ReadFrame(conn)
		if err != nil {
			t.Fatalf("after %d of %d: %v", got, frames, err)
		}
		if len(f.Payload) == size {
			got++
		}
	}
}

// BenchmarkRound is what a sweep costs beside the system calls.
func BenchmarkRound(b *testing.B) {
	const n = 10_000
	w, h, _ := sweptBy(&Server{}, n)
	b.ReportAllocs()
	for b.Loop() {
		h.write(`[{"type":"chat"}]`)
		w.sweep()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/viewer")
}

var _ syscall.RawConn = (*line)(nil)
