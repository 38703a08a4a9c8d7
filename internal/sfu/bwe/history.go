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
}

const (
	minHistory = 256
	maxHistory = 8192
	// keep is how long a packet without a report is remembered.
	keep = 4 * time.Second
)

type sent struct {
	at      time.Duration
	size    uint16
	cluster uint8
	// reported and received: a report has said something of it, a report has said that it came.
	reported, received bool
}

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
	for h.oldest < h.next && now-h.at(h.oldest).at > keep {
		h.forget(h.oldest + 1)
	}
	if int(h.next-h.oldest) == len(h.ring) {
		if h.heard && len(h.ring) < maxHistory && !h.at(h.oldest).reported {
			h.grow()
		} else {
			h.forget(h.oldest + 1)
		}
	}
	h.ring[n%uint64(len(h.ring))] = sent{at: now, size: uint16(min(size, 1<<16-1)), cluster: cluster}
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
		if p := h.at(h.oldest); !p.reported {
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
