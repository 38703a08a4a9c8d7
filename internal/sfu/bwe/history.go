package bwe

import "time"

// history is the packets that were sent and not yet forgotten, by transport-wide sequence number. It grows with what is
// under way, up to maxHistory packets, so that a subscriber of an ordinary stream needs few kilobytes.
type history struct {
	ring    []sent
	next    uint64 // extended number of the next packet; starts above 1<<16 to stay positive
	oldest  uint64
	started bool
	// heard: there was a report. A peer that sends none is no reason to remember much.
	heard bool
	// inFlight is bytes sent and not reported yet.
	inFlight int
	latest   time.Duration // when the newest packet left
}

const (
	minHistory = 256
	maxHistory = 8192
	// keep is how long a packet without a report is remembered.
	keep = 4 * time.Second
)

// sent is one packet, in eight bytes.
type sent struct {
	micros  uint32 // when it left, in microseconds: the lower bits, which are enough for as long as it is remembered
	size    uint16
	cluster uint8
	fate    fate
}

// fate is what reports have said of a packet.
type fate uint8

const (
	unreported fate = iota
	missing
	received
)

// left is when a packet left.
func (h *history) left(p *sent) time.Duration {
	return h.latest - time.Duration(micros(h.latest)-p.micros)*time.Microsecond
}

func micros(t time.Duration) uint32 { return uint32(t / time.Microsecond) }

// add notes a packet that leaves now.
func (h *history) add(sequence uint16, size int, cluster uint8, now time.Duration) {
	if !h.started {
		h.started = true
		h.ring = make([]sent, minHistory)
		h.next = 1<<16 | uint64(sequence)
		h.oldest = h.next
	}
	n := h.extend(sequence)
	if n != h.next {
		// Numbers are given by one counter; a leap means that the counter began anew.
		h.forget(h.next)
		h.next, h.oldest = n, n
	}
	for h.oldest < h.next && now-h.left(h.at(h.oldest)) > keep {
		h.forget(h.oldest + 1)
	}
	if int(h.next-h.oldest) == len(h.ring) {
		if h.heard && len(h.ring) < maxHistory && h.at(h.oldest).fate == unreported {
			h.grow()
		} else {
			h.forget(h.oldest + 1)
		}
	}
	h.latest = now
	h.ring[n%uint64(len(h.ring))] = sent{micros: micros(now), size: uint16(min(size, 1<<16-1)), cluster: cluster}
	h.next++
	h.inFlight += min(size, 1<<16-1)
}

func (h *history) at(n uint64) *sent { return &h.ring[n%uint64(len(h.ring))] }

// extend finds the number nearest to the newest one.
func (h *history) extend(sequence uint16) uint64 {
	return h.next + uint64(int64(int16(sequence-uint16(h.next))))
}

// forget drops all packets before n.
func (h *history) forget(n uint64) {
	for ; h.oldest < n; h.oldest++ {
		if p := h.at(h.oldest); p.fate == unreported {
			h.inFlight -= int(p.size)
		}
	}
}

func (h *history) grow() {
	larger := make([]sent, 2*len(h.ring))
	for n := h.oldest; n < h.next; n++ {
		larger[n%uint64(len(larger))] = *h.at(n)
	}
	h.ring = larger
}

// find gives a packet that was sent and not forgotten, else nil.
func (h *history) find(sequence uint16) (n uint64, p *sent) {
	if !h.started {
		return 0, nil
	}
	n = h.extend(sequence)
	if n < h.oldest || n >= h.next {
		return 0, nil
	}
	return n, h.at(n)
}

// unknown is how many numbers from one on are of no packet that is remembered.
func (h *history) unknown(sequence uint16) int {
	n := h.extend(sequence)
	switch {
	case h.oldest == h.next, n >= h.next:
		return 1<<16 - int(n-h.oldest)
	case n < h.oldest:
		return int(h.oldest - n)
	}
	return 0
}
