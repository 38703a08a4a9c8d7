package sfu

// What sequence.extend found out about a packet.
type arrival uint8

const (
	// rejected packets are duplicates, too old, or a lone number far off.
	rejected arrival = iota
	// newest packets have the highest number so far.
	newest
	// late packets have a lower number than another that came before: reordered or repaired.
	late
	// restarted packets have the highest number so far, after a break at which nothing is known to be missing.
	restarted
)

const (
	// seenBits is how far back sequence remembers what came; what is older is rejected.
	seenBits = 2048
	// maxDropout is the largest step forward that counts as loss (RFC 3550, appendix A.1); beyond it, and beyond
	// seenBits backward, two consecutive packets are a restart.
	maxDropout = 3000
)

// sequence extends the 16-bit sequence numbers of a layer to 64 bits. They never wrap and never jump back, also when the
// stream starts over or another SSRC continues it, and no number is given out twice: forwarders derive the nonces of
// AES-GCM from them. It is owned by one goroutine.
type sequence struct {
	highest uint64
	// first is the number that the first packet got.
	first uint64
	// floor is the lowest number that belongs to the stream as it is now, 0 before the first restart.
	floor uint64
	// offset is added to the number on the wire, unwrapped.
	offset uint64
	// seen has a bit for each of the last seenBits numbers up to highest, at number % seenBits.
	seen [seenBits / 64]uint64

	started, fresh, suspicious bool
	// suspect is the number that a restart would go on with.
	suspect uint16
}

// restart makes the next packet, whatever its number, follow the highest so far: another SSRC goes on.
func (s *sequence) restart() { s.fresh = s.started }

// extend gives the extended number of the next packet to arrive.
func (s *sequence) extend(wire uint16) (uint64, arrival) {
	if !s.started {
		s.started = true
		s.highest = 1<<16 | uint64(wire)
		s.first = s.highest
		s.mark(s.highest)
		return s.highest, newest
	}
	if s.fresh {
		return s.resume(wire), restarted
	}
	step := int64(int16(wire - s.wire(s.highest)))
	if step > maxDropout || step <= -seenBits {
		if s.suspicious && wire == s.suspect {
			return s.resume(wire), restarted
		}
		s.suspicious, s.suspect = true, wire+1
		return 0, rejected
	}
	s.suspicious = false
	seq := s.highest + uint64(step)
	if step > 0 {
		s.advance(seq)
		return seq, newest
	}
	if seq < s.floor || s.has(seq) {
		return 0, rejected
	}
	s.mark(seq)
	return seq, late
}

// near is the extended number of one that is close to the highest.
func (s *sequence) near(wire uint16) uint64 {
	return s.highest + uint64(int64(int16(wire-s.wire(s.highest))))
}

// wire is the number that an extended one had on the wire; of the current stream only.
func (s *sequence) wire(seq uint64) uint16 { return uint16(seq - s.offset) }

func (s *sequence) resume(wire uint16) uint64 {
	seq := s.highest + 1
	s.advance(seq)
	s.offset = seq - uint64(wire)
	s.floor = seq
	s.fresh, s.suspicious = false, false
	return seq
}

func (s *sequence) advance(seq uint64) {
	for n := s.highest + 1; n < seq; n++ {
		s.seen[n%seenBits/64] &^= 1 << (n % 64)
	}
	s.highest = seq
	s.mark(seq)
}

func (s *sequence) mark(seq uint64)     { s.seen[seq%seenBits/64] |= 1 << (seq % 64) }
func (s *sequence) has(seq uint64) bool { return s.seen[seq%seenBits/64]&(1<<(seq%64)) != 0 }
