package srtp

// windowSize is how many packets back a late packet is still taken, as in libwebrtc.
const windowSize = 1024

// Window remembers which packet indices have been accepted (RFC 3711, section 3.3.2). The zero value accepts all.
type Window struct {
	next uint64 // highest index accepted, plus one
	seen [windowSize / 64]uint64
}

// Fresh tells whether an index is neither too old nor seen.
func (w *Window) Fresh(index uint64) bool {
	if index >= w.next {
		return true
	}
	if w.next-index > windowSize {
		return false
	}
	return w.seen[index/64%uint64(len(w.seen))]&(1<<(index%64)) == 0
}

// Accept records an index that is fresh.
func (w *Window) Accept(index uint64) {
	if index >= w.next {
		w.clear(index)
		w.next = index + 1
	}
	w.seen[index/64%uint64(len(w.seen))] |= 1 << (index % 64)
}

// clear forgets the indices that leave the window when it moves to index.
func (w *Window) clear(index uint64) {
	if index-w.next >= windowSize {
		w.seen = [windowSize / 64]uint64{}
		return
	}
	// Bits share words with the window's other end, so they are cleared one by one within a word.
	for i := w.next; i <= index; {
		word := &w.seen[i/64%uint64(len(w.seen))]
		if i%64 == 0 && i+63 <= index {
			*word = 0
			i += 64
			continue
		}
		*word &^= 1 << (i % 64)
		i++
	}
}

// Rollover extends 16-bit sequence numbers to 48-bit packet indices (RFC 3711, section 3.3.1).
type Rollover struct {
	high    uint64 // highest index so far
	started bool
}

// Guess gives the index that a sequence number most likely stands for. It is never below 0.
func (r *Rollover) Guess(seq uint16) uint64 {
	if !r.started {
		return uint64(seq)
	}
	index := r.high&^0xffff | uint64(seq)
	switch delta := int(seq) - int(uint16(r.high)); {
	case delta < -1<<15:
		index += 1 << 16
	case delta > 1<<15 && index >= 1<<16:
		index -= 1 << 16
	}
	return index
}

// Late tells whether a sequence number most likely stands for a packet before the newest.
func (r *Rollover) Late(seq uint16) bool { return r.started && r.Guess(seq) < r.high }

// Accept tells that the index belongs to an authentic packet.
func (r *Rollover) Accept(index uint64) {
	if !r.started || index > r.high {
		r.high, r.started = index, true
	}
}

// Started tells whether a packet was accepted.
func (r *Rollover) Started() bool { return r.started }
