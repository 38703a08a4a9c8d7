package rtc

import "github.com/tuttilive/tutti/internal/media"

const (
	slabSize    = 64 << 10
	packetChunk = 64
	// smallPacket separates sound from pictures: a ring holds seconds of the one and many seconds of the other, and a
	// slab lives as long as the longest-lived packet in it.
	smallPacket = 400
)

// slab hands out memory for payloads in order. Memory is never used again: the garbage collector frees a slab when no
// packet in it is referenced. It belongs to one goroutine.
type slab struct{ free []byte }

// reserve gives an empty slice with room for size bytes. What is not taken is given out again.
func (s *slab) reserve(size int) []byte {
	if len(s.free) < size {
		s.free = make([]byte, slabSize)
	}
	return s.free[:0:size]
}

// take makes the first size bytes of the last reservation permanent.
func (s *slab) take(size int) []byte {
	b := s.free[:size:size]
	s.free = s.free[size:]
	return b
}

// packetPool allocates packets many at a time.
type packetPool struct{ free []media.Packet }

func (p *packetPool) get() *media.Packet {
	if len(p.free) == 0 {
		p.free = make([]media.Packet, packetChunk)
	}
	packet := &p.free[0]
	p.free = p.free[1:]
	return packet
}
