package bitstream

// bitReader reads a few fields from the front of a header. It ignores emulation prevention, which does not occur within
// the first bytes of a slice header or PPS. Past the end it gives zeros and sets short.
type bitReader struct {
	b     []byte
	at    int
	short bool
}

func (r *bitReader) bit() uint32 {
	if r.at/8 >= len(r.b) {
		r.short = true
		return 0
	}
	v := r.b[r.at/8] >> (7 - r.at%8) & 1
	r.at++
	return uint32(v)
}

func (r *bitReader) bits(n int) uint32 {
	var v uint32
	for range n {
		v = v<<1 | r.bit()
	}
	return v
}

// golomb reads an unsigned Exp-Golomb number (ITU-T H.264, 9.1) of at most 32 bits.
func (r *bitReader) golomb() uint32 {
	zeros := 0
	for r.bit() == 0 {
		if zeros++; r.short || zeros > 31 {
			r.short = true
			return 0
		}
	}
	return 1<<zeros - 1 + r.bits(zeros)
}
