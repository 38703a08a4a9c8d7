package bitstream

import (
	"fmt"
	"iter"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/av1"
)

// OBU types of AV1 (AV1 specification, section 6.2.2).
const (
	AV1SequenceHeader    = 1
	AV1TemporalDelimiter = 2
	AV1Padding           = 15
)

// OBUs goes through the units of a low-overhead stream, in which each has a size field; each is given whole. It ends at
// the first that is malformed.
func OBUs(b []byte) iter.Seq2[byte, []byte] {
	return func(yield func(byte, []byte) bool) {
		for len(b) > 0 {
			header := 1
			if b[0]&4 != 0 {
				header = 2
			}
			if b[0]&2 == 0 || len(b) <= header {
				return
			}
			size, n := LEB128(b[header:])
			if n == 0 || uint64(size) > uint64(len(b)-header-n) {
				return
			}
			end := header + n + int(size)
			if !yield(b[0]>>3&15, b[:end:end]) {
				return
			}
			b = b[end:]
		}
	}
}

// AV1Sequence finds the sequence header in a temporal unit, whose presence makes it a keyframe; nil when there is none.
func AV1Sequence(unit []byte) []byte {
	for kind, obu := range OBUs(unit) {
		if kind == AV1SequenceHeader {
			return obu
		}
	}
	return nil
}

// AV1Size is the largest size in pixels that a sequence header allows.
func AV1Size(sequence []byte) (width, height int, err error) {
	if len(sequence) > MaxParameterSet {
		return 0, 0, fmt.Errorf("%w: AV1 sequence header of %d bytes", ErrMalformed, len(sequence))
	}
	var h av1.SequenceHeader
	if err := h.Unmarshal(sequence); err != nil {
		return 0, 0, fmt.Errorf("%w: AV1 sequence header: %w", ErrMalformed, err)
	}
	width, height = h.Width(), h.Height()
	if width <= 0 || width > MaxSize || height <= 0 || height > MaxSize {
		return 0, 0, fmt.Errorf("%w: AV1 picture of %dx%d", ErrMalformed, width, height)
	}
	return width, height, nil
}

// LEB128 reads a little-endian base 128 number (AV1 specification, section 4.10.5) and how many bytes it took, 0 when
// malformed or above 32 bits.
func LEB128(b []byte) (value uint32, n int) {
	var v uint64
	for i := range min(len(b), 8) {
		v |= uint64(b[i]&0x7f) << (7 * i)
		if b[i]&0x80 == 0 {
			if v > 1<<32-1 {
				return 0, 0
			}
			return uint32(v), i + 1
		}
	}
	return 0, 0
}
