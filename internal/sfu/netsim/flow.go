package netsim

import "time"

// FlowSize is how large the packets of a Flow are, in bytes.
const FlowSize = 1200

// Flow is somebody else's transfer over a link: a sender with a window, and a receiver that acknowledges each packet over a way back
// of its own. Whoever runs it puts on the link what it sends, and says what arrived. It belongs to one goroutine.
type Flow struct {
	// Target makes it one that gives way to others: it keeps the queue that it sees at no more than Target (LEDBAT, RFC 6817). At 0 it
	// fills the queue until something is dropped, as TCP does (Reno, RFC 5681, with RFC 6675's recovery).
	Target time.Duration

	back   time.Duration
	window float64 // in packets
	slow   bool    // slow start
	next   int
	flying map[int]time.Duration // when each was sent
	acks   []acknowledgement

	least   time.Duration // the least delay, which is that of an empty queue
	rtt     time.Duration
	reduced int           // the window was reduced when this was the next to send
	heard   time.Duration // when something was acknowledged last
	// Delivered counts packets that arrived.
	Delivered int
}

type acknowledgement struct {
	at    time.Duration
	n     int
	delay time.Duration
}

// NewFlow begins a transfer whose acknowledgements take back.
func NewFlow(back, target time.Duration) *Flow {
	return &Flow{Target: target, back: back, window: 10, slow: true, flying: make(map[int]time.Duration), least: time.Hour, rtt: 2 * back}
}

// Step takes acknowledgements that have come by now and gives the numbers of the packets to send.
func (f *Flow) Step(now time.Duration) (send []int) {
	for len(f.acks) > 0 && f.acks[0].at <= now {
		f.acknowledged(f.acks[0], now)
		f.acks = f.acks[1:]
	}
	if len(f.flying) > 0 && now-f.heard > max(time.Second, 3*f.rtt) {
		clear(f.flying)
		f.window, f.slow, f.reduced, f.heard = 1, true, f.next, now
	}
	for float64(len(f.flying)) < f.window {
		if len(f.flying) == 0 {
			f.heard = now
		}
		f.flying[f.next] = now
		send = append(send, f.next)
		f.next++
	}
	return send
}

// Arrived is called for each packet that the link delivered, in order of time.
func (f *Flow) Arrived(n int, at time.Duration) {
	sent, ok := f.flying[n]
	if !ok {
		return
	}
	f.Delivered++
	f.acks = append(f.acks, acknowledgement{at + f.back, n, at - sent})
}

func (f *Flow) acknowledged(a acknowledgement, now time.Duration) {
	sent, ok := f.flying[a.n]
	if !ok {
		return
	}
	delete(f.flying, a.n)
	f.heard, f.rtt, f.least = now, now-sent, min(f.least, a.delay)
	lost := false
	for n := range f.flying {
		if n+3 <= a.n { // three came after it
			delete(f.flying, n)
			lost = lost || n >= f.reduced
		}
	}
	switch queued := a.delay - f.least; {
	case lost:
		f.window, f.slow, f.reduced = max(2, f.window/2), false, f.next
	case f.Target > 0:
		f.slow = f.slow && queued < f.Target/2
		off := float64(f.Target-queued) / float64(f.Target)
		if f.slow {
			f.window++
		} else {
			f.window = max(2, f.window+max(-1, min(off, 1))/f.window)
		}
	case f.slow:
		f.window++
	default:
		f.window += 1 / f.window
	}
}
