// Package netsim is a network in virtual time, for tests: a link with a rate, a queue, delay, jitter, loss and reordering.
// The same seed gives the same run; nothing sleeps.
package netsim

import (
	"container/heap"
	"math/rand/v2"
	"time"
)

// Config is what a link does to packets. The zero value passes everything at once.
type Config struct {
	// Rate is what the link carries, in bit/s; 0 is without limit.
	Rate float64
	// Queue is how long a packet may wait for those before it; what would wait longer is dropped. 300 ms when 0.
	Queue time.Duration
	// Delay is the way's own; Jitter is the most that is added to it, evenly spread.
	Delay, Jitter time.Duration
	// Loss decides which packets vanish; nil loses none.
	Loss Loss
	// Reorder lets jitter change the packets' order; otherwise it only spreads and bunches them.
	Reorder bool
}

// Loss says whether the next packet is lost.
type Loss interface {
	Lost(r *rand.Rand) bool
}

// Random loses a fraction of all packets, each on its own.
type Random float64

func (p Random) Lost(r *rand.Rand) bool { return r.Float64() < float64(p) }

// Bursts is a Gilbert-Elliott channel: it goes to the bad state with probability Enter and back with Leave, for each
// packet, and loses a fraction InGood or InBad.
type Bursts struct {
	Enter, Leave, InGood, InBad float64
	bad                         bool
}

func (b *Bursts) Lost(r *rand.Rand) bool {
	if b.bad {
		b.bad = r.Float64() >= b.Leave
	} else {
		b.bad = r.Float64() < b.Enter
	}
	if b.bad {
		return r.Float64() < b.InBad
	}
	return r.Float64() < b.InGood
}

// Link carries packets of type T one way. It belongs to one goroutine.
type Link[T any] struct {
	cfg    Config
	random *rand.Rand
	free   time.Duration // when the transmitter is
	last   time.Duration // the latest arrival given out, for links that keep the order
	way    arrivals[T]
	count  int

	// Dropped counts packets that found the queue full, Lost those that vanished.
	Dropped, Lost int
}

// New makes a link.
func New[T any](cfg Config, seed uint64) *Link[T] {
	return &Link[T]{cfg: cfg, random: rand.New(rand.NewPCG(seed, 1))}
}

// Change gives the link other properties from now on; what is under way is not touched.
func (l *Link[T]) Change(cfg Config) { l.cfg = cfg }

// Waiting is how long a packet that is sent now would wait for those before it.
func (l *Link[T]) Waiting(now time.Duration) time.Duration { return max(0, l.free-now) }

// Send puts a packet of size bytes on the way.
func (l *Link[T]) Send(now time.Duration, size int, packet T) {
	queue := l.cfg.Queue
	if queue == 0 {
		queue = 300 * time.Millisecond
	}
	start := max(now, l.free)
	if l.cfg.Rate > 0 {
		if start-now > queue {
			l.Dropped++
			return
		}
		l.free = start + time.Duration(float64(size*8)/l.cfg.Rate*float64(time.Second))
		start = l.free
	}
	if l.cfg.Loss != nil && l.cfg.Loss.Lost(l.random) {
		l.Lost++
		return
	}
	at := start + l.cfg.Delay
	if l.cfg.Jitter > 0 {
		at += time.Duration(l.random.Int64N(int64(l.cfg.Jitter)))
	}
	if !l.cfg.Reorder {
		at = max(at, l.last)
		l.last = at
	}
	l.count++
	heap.Push(&l.way, arrival[T]{at, l.count, packet})
}

// Next is when the next packet arrives; false when none is under way.
func (l *Link[T]) Next() (time.Duration, bool) {
	if len(l.way) == 0 {
		return 0, false
	}
	return l.way[0].at, true
}

// Receive takes the next packet that has arrived by now.
func (l *Link[T]) Receive(now time.Duration) (packet T, at time.Duration, ok bool) {
	if len(l.way) == 0 || l.way[0].at > now {
		return packet, 0, false
	}
	a := heap.Pop(&l.way).(arrival[T])
	return a.packet, a.at, true
}

type arrival[T any] struct {
	at     time.Duration
	order  int
	packet T
}

type arrivals[T any] []arrival[T]

func (a arrivals[T]) Len() int { return len(a) }
func (a arrivals[T]) Less(i, j int) bool {
	if a[i].at != a[j].at {
		return a[i].at < a[j].at
	}
	return a[i].order < a[j].order
}
func (a arrivals[T]) Swap(i, j int) { a[i], a[j] = a[j], a[i] }
func (a *arrivals[T]) Push(x any)   { *a = append(*a, x.(arrival[T])) }
func (a *arrivals[T]) Pop() any {
	last := len(*a) - 1
	x := (*a)[last]
	*a = (*a)[:last]
	return x
}
