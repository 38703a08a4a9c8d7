// Package twcc reports the arrival of a peer's packets back to it, as transport-wide congestion control wants
// (draft-holmer-rmcat-transport-wide-cc-extensions-01). It is pure: time is an argument.
package twcc

import (
	"encoding/binary"
	"time"
)

const (
	// tick is the unit of arrival deltas and reference the unit of the reference time (section 3.1 of the draft).
	tick      = 250 * time.Microsecond
	reference = 64 * time.Millisecond
	// maxCount bounds the packets of one report, so that it fits a datagram: two bits and at most two bytes each.
	maxCount = 400
	// window is how many packets can be noted between two reports; a power of two.
	window = 1024

	headerSize = 20
)

// Recorder notes when packets came. It belongs to one goroutine.
type Recorder struct {
	arrivals [window]time.Duration // by sequence number; 0 is not received
	// first is the oldest number to be reported and next one above the newest noted; both extended so they do not wrap.
	first, next uint64
	started     bool
	count       uint8
}

// Note records a packet's transport-wide sequence number and its arrival.
func (r *Recorder) Note(seq uint16, arrival time.Duration) {
	if arrival <= 0 {
		arrival = 1
	}
	n := r.extend(seq)
	if !r.started {
		r.started, r.first, r.next = true, n, n
	}
	if n < r.first {
		r.overtaken(n, arrival)
		return
	}
	for n >= r.next {
		r.arrivals[r.next%window] = 0
		r.next++
		if r.next-r.first > window {
			r.first = r.next - window
		}
		if n-r.next > window && n > r.next {
			// A leap so large that nothing noted before is worth a report.
			clear(r.arrivals[:])
			r.first, r.next = n, n
		}
	}
	if r.arrivals[n%window] == 0 {
		r.arrivals[n%window] = arrival
	}
}

// overtaken has the next report begin with a packet that one before called lost, and tell once more of those behind it: what came late is no
// loss. What is half a window behind says nothing any more.
func (r *Recorder) overtaken(n uint64, arrival time.Duration) {
	if slot := &r.arrivals[n%window]; *slot == 0 && r.next-n <= window/2 {
		*slot, r.first = arrival, n
	}
}

// extend finds the number nearest to the newest one. Numbers start above 1<<16 so that they stay positive.
func (r *Recorder) extend(seq uint16) uint64 {
	if !r.started {
		return 1<<16 | uint64(seq)
	}
	newest := r.next - 1
	return newest + uint64(int64(int16(seq-uint16(newest))))
}

// Pending tells whether there is something to report.
func (r *Recorder) Pending() bool { return r.next > r.first }

// Append appends one feedback packet to dst and forgets what it reports. It leaves dst alone when nothing is pending.
// Call it until Pending is false.
func (r *Recorder) Append(dst []byte, sender, media uint32) []byte {
	received := r.first
	for received < r.next && r.arrivals[received%window] == 0 {
		received++
	}
	if received == r.next {
		r.first = r.next
		return dst
	}
	// What is lost before the first arrival is reported as lost, as far as one report can carry it.
	r.first = max(r.first, received-min(received, maxCount/2))
	start := len(dst)
	base := r.arrivals[received%window] / reference
	dst = append(dst, make([]byte, headerSize)...)
	binary.BigEndian.PutUint32(dst[start+4:], sender)
	binary.BigEndian.PutUint32(dst[start+8:], media)
	binary.BigEndian.PutUint16(dst[start+12:], uint16(r.first))
	binary.BigEndian.PutUint32(dst[start+16:], uint32(base)<<8|uint32(r.count))
	r.count++

	deltas := r.deltas(base)
	binary.BigEndian.PutUint16(dst[start+14:], uint16(len(deltas)))
	dst = appendChunks(dst, deltas)
	for _, d := range deltas {
		switch d.symbol {
		case small:
			dst = append(dst, byte(d.ticks))
		case large:
			dst = binary.BigEndian.AppendUint16(dst, uint16(d.ticks))
		}
	}
	r.first += uint64(len(deltas))
	return finish(dst, start)
}

// finish pads the packet to a multiple of four bytes and writes its first word: version 2, format 15, type 205.
func finish(dst []byte, start int) []byte {
	padding := -(len(dst) - start) & 3
	first := byte(2<<6 | 15)
	if padding > 0 {
		first |= 1 << 5
		dst = append(dst, 0, 0, 0)[:len(dst)+padding]
		dst[len(dst)-1] = byte(padding)
	}
	dst[start], dst[start+1] = first, 205
	binary.BigEndian.PutUint16(dst[start+2:], uint16((len(dst)-start)/4-1))
	return dst
}

// Symbols of packet status (section 3.1.1 of the draft).
const (
	lost  = 0
	small = 1
	large = 2
)

type delta struct {
	symbol uint8
	ticks  int16
}

// deltas converts what is pending to ticks since the packet before, as far as one report can carry.
func (r *Recorder) deltas(base time.Duration) []delta {
	out := make([]delta, 0, min(r.next-r.first, maxCount))
	last := base * reference
	for n := r.first; n < r.next && len(out) < maxCount; n++ {
		at := r.arrivals[n%window]
		if at == 0 {
			out = append(out, delta{})
			continue
		}
		ticks := int64((at - last) / tick)
		if ticks < -1<<15 || ticks > 1<<15-1 {
			break // does not fit: the rest goes into the next report with a new reference
		}
		symbol := uint8(small)
		if ticks < 0 || ticks > 255 {
			symbol = large
		}
		out = append(out, delta{symbol, int16(ticks)})
		// Rounding must not add up.
		last += time.Duration(ticks) * tick
	}
	for len(out) > 0 && out[len(out)-1].symbol == lost {
		out = out[:len(out)-1]
	}
	return out
}

// appendChunks writes the symbols as runs where they are long, else as vectors of seven.
func appendChunks(dst []byte, deltas []delta) []byte {
	for i := 0; i < len(deltas); {
		run := i + 1
		for run < len(deltas) && deltas[run].symbol == deltas[i].symbol {
			run++
		}
		if n := run - i; n > 7 || run == len(deltas) {
			dst = binary.BigEndian.AppendUint16(dst, uint16(deltas[i].symbol)<<13|uint16(n))
			i = run
			continue
		}
		chunk := uint16(0b11 << 14)
		for k := 0; k < 7 && i < len(deltas); k++ {
			chunk |= uint16(deltas[i].symbol) << (12 - 2*k)
			i++
		}
		dst = binary.BigEndian.AppendUint16(dst, chunk)
	}
	return dst
}
