package hls

import (
	"bytes"
	"slices"
	"testing"
)

func TestSpans(t *testing.T) {
	body := [][]byte{[]byte("0123"), {}, []byte("456789")}
	for field, want := range map[string]string{
		"bytes=0-0": "0", "bytes=0-3": "0123", "bytes=3-4": "34", "bytes=4-": "456789", "bytes=2-999": "23456789", "bytes=-1": "9", "bytes=-7": "3456789",
		"bytes=-99": "0123456789", "bytes=9-": "9", "bytes=1-99999999999999999999999": "123456789",
		"bytes=1-3000000000": "123456789", "bytes=1-18446744073709551615": "123456789", "bytes=-3000000000": "0123456789",
		// The whole.
		"": "", "bytes=0-": "", "bytes=0-1,3-4": "", "bytes=5-4": "", "bytes=a-b": "", "bytes=-": "", "bytes=": "", "lines=1-2": "", "bytes=1": "", "bytes=-+1": "", "bytes=+1-2": "",
		// Beyond.
		"bytes=10-": "!", "bytes=10-12": "!", "bytes=-0": "!", "bytes=99999999999999999999-": "!", "bytes=3000000000-": "!",
	} {
		s := parseSpan(field, 10)
		got := string(slices.Concat(s.cut(body)...))
		if s.beyond {
			got = "!"
		}
		if got != want {
			t.Errorf("%q is %q (%+v), want %q", field, got, s, want)
		}
	}
}

func FuzzSpan(f *testing.F) {
	for _, field := range []string{"bytes=0-3", "bytes=-1", "bytes=4-", "bytes=0-1,3-4", "bytes=5-4"} {
		f.Add(field, 10)
	}
	f.Fuzz(func(t *testing.T, field string, size int) {
		size = max(size, 0) % 4096
		body := [][]byte{make([]byte, size/3), make([]byte, size-size/3)}
		s := parseSpan(field, size)
		if n := len(bytes.Join(s.cut(body), nil)); n != s.length || s.begin < 0 || s.begin+s.length > size || s.beyond && s.length > 0 {
			t.Errorf("%q of %d is %+v, %d bytes", field, size, s, n)
		}
	})
}
