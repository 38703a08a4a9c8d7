package srt

import (
	"errors"
	"time"
	"unsafe"
)

// mostWaiting is how many packets may wait, counted from the one that is delivered next. Encoders fill them (1316 bytes), so that Mbit/s times seconds of latency may be 690.
const mostWaiting = 1 << 16

// ErrFull is that more waits for its time than may.
var ErrFull = errors.New("more waits for its time than may")

// slot is the place of a packet.
type slot struct {
	due     time.Duration // letGo where none will come, as the encoder says
	payload []byte        // nil where none has come
}

const letGo = time.Duration(-1 << 63)

// isWanted tells that its packet is missing, and may come.
func (s *slot) isWanted() bool { return s.payload == nil && s.due != letGo }

// span is from one number to another, which is in it.
type span struct{ from, to uint32 }

// Counts are packets of a connection so far, and the bytes in them. What is lost is recovered, dropped or still waited for.
type Counts struct {
	Received, Bytes uint64
	// Lost did not come in their turn, Recovered are those of them that came in time, and Dropped those that were given up.
	Lost, Recovered, Dropped uint64
	// Repeated were sent again. Late came after their time, Again when they were there.
	Repeated, Late, Again uint64
}

// waiting is what has come and waits for its time, by number, so that each packet has its place whenever it comes. It has no clock: times are its user's.
type waiting struct {
	slots []slot // a ring, as long as a power of two
	next  uint32 // the number that is to be delivered
	whole uint32 // all before it have come, or are given up
	end   uint32 // follows the newest
	size  int    // of what is held, in bytes

	counts Counts
}

func startWaiting(first uint32) waiting {
	w := waiting{next: first, whole: first, end: first}
	w.resize(64)
	return w
}

func (w *waiting) at(n uint32) *slot { return &w.slots[n&uint32(len(w.slots)-1)] }

func (w *waiting) isEmpty() bool { return w.next == w.end }

func (w *waiting) resize(n int) {
	old := *w
	w.slots = make([]slot, n)
	w.size += (n - len(old.slots)) * int(unsafe.Sizeof(slot{}))
	for i := w.next; i != w.end; i = after(i) {
		*w.at(i) = *old.at(i)
	}
}

// isNew tells whether a packet has not come yet, and is not too late.
func (w *waiting) isNew(n uint32) bool {
	switch d := ahead(n, w.next); {
	case d < 0:
		w.counts.Late++
		return false
	case d < len(w.slots) && w.at(n).payload != nil:
		w.counts.Again++
		return false
	}
	return true
}

// take holds a packet that is new. What is missing before it, and was not known to be, is told.
func (w *waiting) take(n uint32, due time.Duration, payload []byte) (gap span, missing bool, err error) {
	d := ahead(n, w.next)
	if d >= mostWaiting {
		if !w.isEmpty() {
			return span{}, false, ErrFull
		}
		w.counts.Lost += uint64(d) // long ago, and nobody sends it any more
		w.counts.Dropped += uint64(d)
		w.next, w.whole, w.end, d = n, n, n, 0
	}
	for d >= len(w.slots) {
		w.resize(2 * len(w.slots))
	}
	*w.at(n) = slot{due, payload}
	w.size += cap(payload)
	w.counts.Received++
	w.counts.Bytes += uint64(len(payload))
	if d := ahead(n, w.end); d >= 0 {
		gap, missing = span{w.end, before(n)}, d > 0
		w.counts.Lost += uint64(d)
		w.end = after(n)
	} else {
		w.counts.Recovered++
	}
	w.close()
	return gap, missing, nil
}

// close moves on what is whole.
func (w *waiting) close() {
	for w.whole != w.end && !w.at(w.whole).isWanted() {
		w.whole = after(w.whole)
	}
}

// deliver gives the next packet when its time has come. What is missing before it is given up then (section 4.6).
func (w *waiting) deliver(now time.Duration) ([]byte, bool) {
	n := w.next
	for n != w.end && w.at(n).payload == nil {
		n = after(n)
	}
	if n == w.end || w.at(n).due > now {
		return nil, false
	}
	w.counts.Dropped += uint64(ahead(n, w.next))
	for i := w.next; i != n; i = after(i) {
		*w.at(i) = slot{}
	}
	payload := w.at(n).payload
	*w.at(n) = slot{}
	w.size -= cap(payload)
	if w.next = after(n); ahead(w.next, w.whole) > 0 {
		w.whole = w.next
		w.close()
	}
	return payload, true
}

// mostLetGo bounds what one packet can have passed. An encoder that lets go of more says so again when more is asked for.
const mostLetGo = 1 << 10

// drop gives up what is missing from one number to another: the encoder does not have it any more. What comes nevertheless is taken, and what was not
// known to be missing is asked for when it is.
func (w *waiting) drop(from, to uint32) {
	if ahead(from, w.whole) < 0 {
		from = w.whole
	}
	if ahead(to, w.end) >= 0 {
		to = before(w.end)
	}
	for n, passed := from, 0; ahead(n, to) <= 0 && passed < mostLetGo; n, passed = after(n), passed+1 {
		if w.at(n).isWanted() {
			w.at(n).due = letGo
		}
	}
	w.close()
}

// searchWithin bounds what is passed to find what is missing. What is beyond is reported when it was noticed, and when it comes within.
const searchWithin = 1 << 14

// missing are the first of the gaps.
func (w *waiting) missing(most int) (gaps []span) {
	for n, passed := w.whole, 0; n != w.end && len(gaps) < most && passed < searchWithin; n, passed = after(n), passed+1 {
		switch {
		case !w.at(n).isWanted():
		case len(gaps) > 0 && gaps[len(gaps)-1].to == before(n):
			gaps[len(gaps)-1].to = n
		default:
			gaps = append(gaps, span{n, n})
		}
	}
	return gaps
}
