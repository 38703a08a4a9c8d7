package hls

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// span is a range of something's bytes (RFC 9110, section 14.1.2), all of it where length is 0.
type span struct {
	begin, length int
	beyond        bool // it has none of the bytes
}

// wholeSpan is what players built on ffmpeg ask for with each request; the whole answers it as well, and caches keep that.
const wholeSpan = "bytes=0-"

// parseSpan reads a Range of something that has a size. What is malformed, of other units or several ranges asks for the whole, as section 14.2
// permits.
func parseSpan(field string, size int) span {
	set, ok := strings.CutPrefix(field, "bytes=")
	first, last, found := strings.Cut(strings.TrimSpace(set), "-")
	if !ok || !found || field == wholeSpan || strings.ContainsRune(set, ',') {
		return span{}
	}
	begin, err := position(first)
	if first == "" {
		count, err := position(last)
		switch {
		case err != nil:
			return span{}
		case count == 0 || size == 0:
			return span{beyond: true}
		}
		return span{begin: size - min(count, size), length: min(count, size)}
	}
	end := size - 1
	if err == nil && last != "" {
		if end, err = position(last); err == nil && end < begin {
			return span{}
		}
	}
	switch {
	case err != nil:
		return span{}
	case begin >= size:
		return span{beyond: true}
	}
	return span{begin: begin, length: min(end, size-1) - begin + 1}
}

// position reads digits. What is larger than any size is as good as the largest number.
func position(digits string) (int, error) {
	n, err := strconv.ParseUint(digits, 10, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, err
	}
	return int(min(n, math.MaxInt)), nil
}

// of is Content-Range.
func (s span) of(size int) string {
	return fmt.Sprintf("bytes %d-%d/%d", s.begin, s.begin+s.length-1, size)
}

// cut gives the bytes of the span of a body in pieces.
func (s span) cut(body [][]byte) (part [][]byte) {
	skip, left := s.begin, s.length
	for _, piece := range body {
		if skip >= len(piece) {
			skip -= len(piece)
			continue
		}
		piece = piece[skip:]
		piece, skip = piece[:min(left, len(piece))], 0
		if left -= len(piece); len(piece) > 0 {
			part = append(part, piece)
		}
	}
	return part
}
