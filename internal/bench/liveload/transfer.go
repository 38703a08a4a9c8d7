package liveload

import (
	"errors"
	"strconv"
)

var errNoChunk = errors.New("liveload: the answer is not chunked as it says")

// transfer takes what a server sends in chunks (RFC 9112, section 7.1) apart.
type transfer struct {
	inner interface {
		feed(b []byte, found func(tag)) error
	}
	line []byte // what has come of a chunk's size
	left int    // bytes of the chunk and the line's end behind it
}

const lineEnd = len("\r\n")

func (t *transfer) feed(b []byte, found func(tag)) error {
	for len(b) > 0 {
		if t.left > lineEnd {
			n := min(len(b), t.left-lineEnd)
			if err := t.inner.feed(b[:n], found); err != nil {
				return err
			}
			b, t.left = b[n:], t.left-n
			continue
		}
		if t.left > 0 {
			b, t.left = b[1:], t.left-1
			continue
		}
		if b[0] != '\n' {
			if t.line = append(t.line, b[0]); len(t.line) > 16 {
				return errNoChunk
			}
			b = b[1:]
			continue
		}
		digits := len(t.line) - 1 // a carriage return stands behind them
		if digits < 1 || t.line[digits] != '\r' {
			return errNoChunk
		}
		size, err := strconv.ParseUint(string(t.line[:digits]), 16, 31)
		if err != nil {
			return errNoChunk
		}
		t.line, t.left, b = t.line[:0], int(size)+lineEnd, b[1:]
	}
	return nil
}
