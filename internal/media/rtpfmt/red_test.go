package rtpfmt

import (
	"bytes"
	"slices"
	"testing"
)

// redundant writes a payload of blocks, oldest first, each 960 ticks apart.
func redundant(pt uint8, primary string, older ...string) []byte {
	var b []byte
	for i, block := range older {
		age := 960 * (len(older) - i)
		b = append(b, 0x80|pt, byte(age>>6), byte(age<<2)|byte(len(block)>>8), byte(len(block)))
	}
	b = append(b, pt)
	for _, block := range older {
		b = append(b, block...)
	}
	return append(b, primary...)
}

func TestREDPrimary(t *testing.T) {
	long := string(bytes.Repeat([]byte{'x'}, 1023))
	tests := map[string]struct {
		payload []byte
		want    string
		ok      bool
	}{
		"primary alone":             {redundant(111, "now"), "now", true},
		"one block":                 {redundant(111, "now", "before"), "now", true},
		"two blocks":                {redundant(111, "now", "long ago", "before"), "now", true},
		"the longest block":         {redundant(111, "now", long), "now", true},
		"an empty primary":          {redundant(111, "", "before"), "", true},
		"empty":                     {nil, "", false},
		"another payload type":      {redundant(109, "now"), "", false},
		"a block of another type":   {append([]byte{0x80 | 0, 0, 4, 1}, redundant(111, "now")...), "", false},
		"a header cut off":          {[]byte{0x80 | 111, 1, 2}, "", false},
		"headers without a primary": {[]byte{0x80 | 111, 0, 4, 0}, "", false},
		"a block cut off":           {redundant(111, "", "before")[:8], "", false},
		"too many blocks":           {redundant(111, "now", "1", "2", "3", "4", "5", "6", "7", "8", "9"), "", false},
		"as many blocks as may be":  {redundant(111, "now", "1", "2", "3", "4", "5", "6", "7", "8"), "now", true},
		"a length beyond the limit": {[]byte{0x80 | 111, 0, 7, 255, 111, 1, 2, 3}, "", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			at, ok := REDPrimary(tt.payload, 111)
			if ok != tt.ok || ok && string(tt.payload[at:]) != tt.want {
				t.Errorf("got %d, %v", at, ok)
			}
		})
	}
}

func TestREDBlocksAreOldestFirstAndWithoutEmptyOnes(t *testing.T) {
	payload := redundant(111, "now", "long ago", "", "before")
	var got []REDBlock
	for b := range REDBlocks(payload) {
		got = append(got, b)
	}
	want := []REDBlock{{3, 2880, []byte("long ago")}, {1, 960, []byte("before")}}
	if !slices.EqualFunc(got, want, func(a, b REDBlock) bool {
		return a.Back == b.Back && a.Age == b.Age && bytes.Equal(a.Payload, b.Payload)
	}) {
		t.Errorf("got %+v", got)
	}
}

func TestRewriteREDChangesNothingButTheType(t *testing.T) {
	payload := redundant(111, "now", "long ago", "before")
	headers, size := RewriteRED([]byte{7}, payload, 109)
	if got, want := append(headers[1:], payload[size:]...), redundant(109, "now", "long ago", "before"); !bytes.Equal(got, want) {
		t.Errorf("got  %x\nwant %x", got, want)
	}
}

func TestREDPrimaryAllocatesNothing(t *testing.T) {
	payload := redundant(111, "now", "long ago", "before")
	if n := testing.AllocsPerRun(100, func() { REDPrimary(payload, 111) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzRED(f *testing.F) {
	f.Add(redundant(111, "now"))
	f.Add(redundant(111, "now", "long ago", "before"))
	f.Add(redundant(111, "", "before", ""))
	f.Add([]byte{0x80 | 111, 0, 7, 255, 111})
	f.Fuzz(func(t *testing.T, payload []byte) {
		at, ok := REDPrimary(payload, 111)
		if !ok {
			return
		}
		rest := at
		for b := range REDBlocks(payload) {
			if b.Back < 1 || b.Back > maxREDBlocks || b.Age >= 1<<14 || len(b.Payload) == 0 || len(b.Payload) >= 1<<10 {
				t.Errorf("block %+v", b)
			}
			rest -= len(b.Payload)
		}
		headers, size := RewriteRED(nil, payload, 96)
		if size != rest || len(headers) != size {
			t.Errorf("headers of %d bytes were rewritten to %d, and blocks leave %d", size, len(headers), rest)
		}
		if again, ok := REDPrimary(append(headers, payload[size:]...), 96); !ok || again != at {
			t.Errorf("primary at %d, after rewriting at %d, %v", at, again, ok)
		}
	})
}
