package sfu

import "github.com/tuttilive/tutti/internal/media"

// heard keeps how loud the newest packets of a sound were, until somebody asks.
type heard struct {
	packets     [32]Loudness
	first, next uint8 // those that nobody has taken, modulo 256
}

func (h *heard) add(p *media.Packet) {
	h.packets[h.next%uint8(len(h.packets))] = Loudness{At: p.Arrival, Level: p.AudioLevel}
	h.next++
	if h.next-h.first > uint8(len(h.packets)) {
		h.first++
	}
}

// take appends those that have come since it was called last.
func (h *heard) take(dst []Loudness) []Loudness {
	for ; h.first != h.next; h.first++ {
		dst = append(dst, h.packets[h.first%uint8(len(h.packets))])
	}
	return dst
}
