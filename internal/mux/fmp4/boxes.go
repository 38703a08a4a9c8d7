package fmp4

import (
	"encoding/binary"
	"iter"
)

// boxes goes through the boxes in b (ISO 14496-12, section 4.2): their types and what is in them. It ends where none is whole.
func boxes(b []byte) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		for {
			kind, content, size := cutBox(b)
			if size == 0 || !yield(kind, content) {
				return
			}
			b = b[size:]
		}
	}
}

// cutBox takes the first box. Its size is 0 where it is not whole.
func cutBox(b []byte) (kind string, content []byte, size int) {
	const short, long = 8, 16
	if len(b) < short {
		return "", nil, 0
	}
	header, length := short, uint64(binary.BigEndian.Uint32(b))
	switch {
	case length == 0: // to the end
		length = uint64(len(b))
	case length == 1 && len(b) >= long:
		header, length = long, binary.BigEndian.Uint64(b[8:])
	}
	if length < uint64(header) || length > uint64(len(b)) {
		return "", nil, 0
	}
	return string(b[4:8]), b[header:length:length], int(length)
}

// inside finds what is in the first box at a path; nil where there is none.
func inside(b []byte, path ...string) []byte {
	for _, name := range path {
		found := []byte(nil)
		for kind, content := range boxes(b) {
			if kind == name {
				found = content
				break
			}
		}
		if found == nil {
			return nil
		}
		b = found
	}
	return b
}

// reader takes numbers off bytes. One that is not there is 0, and the reader is short from then on.
type reader struct {
	b     []byte
	short bool
}

func (r *reader) take(n int) []byte {
	if r.short || n > len(r.b) {
		r.short, r.b = true, nil
		return make([]byte, min(n, 8))
	}
	taken := r.b[:n]
	r.b = r.b[n:]
	return taken
}

func (r *reader) skip(n int) {
	if n > len(r.b) {
		r.short, r.b = true, nil
		return
	}
	r.b = r.b[n:]
}

func (r *reader) uint8() byte    { return r.take(1)[0] }
func (r *reader) uint16() uint16 { return binary.BigEndian.Uint16(r.take(2)) }
func (r *reader) uint32() uint32 { return binary.BigEndian.Uint32(r.take(4)) }
func (r *reader) uint64() uint64 { return binary.BigEndian.Uint64(r.take(8)) }

// full reads the version and the flags that full boxes begin with (section 4.2).
func (r *reader) full() (version byte, flags uint32) {
	v := r.uint32()
	return byte(v >> 24), v & 0xffffff
}

// wide reads a number of 64 bits in boxes of version 1, of 32 in others.
func (r *reader) wide(version byte) uint64 {
	if version == 1 {
		return r.uint64()
	}
	return uint64(r.uint32())
}
