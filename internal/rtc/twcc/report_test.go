package twcc

import (
	"encoding/binary"
	"maps"
	"math/rand/v2"
	"testing"
	"time"
)

// read is what a report says, in the shape of report's.
func read(t *testing.T, b []byte) map[uint16]time.Duration {
	t.Helper()
	r, ok := Read(b)
	if !ok {
		t.Fatalf("%x is refused", b)
	}
	out := map[uint16]time.Duration{}
	r.Each(func(number uint16, after time.Duration) {
		out[number] = time.Duration(r.Reference())*reference + after
	}, func(first uint16, n int) {
		for range n {
			out[first] = -1
			first++
		}
	})
	return out
}

// TestReadAgrees compares with pion's parser.
func TestReadAgrees(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		var r Recorder
		seq, at := uint16(random.Uint32()), time.Second
		for range 1 + random.IntN(300) {
			at += time.Duration(random.ExpFloat64() * float64(8*time.Millisecond))
			seq += uint16(1 + random.IntN(1+random.IntN(40)))
			r.Note(seq, at-time.Duration(random.IntN(20))*time.Millisecond)
		}
		for r.Pending() {
			b := r.Append(nil, 1, 2)
			if len(b) == 0 {
				break
			}
			if got, want := read(t, b), report(t, b); !maps.Equal(got, want) {
				t.Fatalf("%x:\n%v\n%v", b, got, want)
			}
		}
	}
}

// made makes a report of count packets out of chunks and what follows them.
func made(count uint16, chunks []uint16, arrivals ...byte) []byte {
	b := make([]byte, headerSize)
	b[0], b[1] = 2<<6|format, packetType
	binary.BigEndian.PutUint16(b[countAt:], count)
	for _, c := range chunks {
		b = binary.BigEndian.AppendUint16(b, c)
	}
	for b = append(b, arrivals...); len(b)%4 != 0; {
		b = append(b, 0)
	}
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)/4-1))
	return b
}

func TestRead(t *testing.T) {
	const came, cameLate, missed, noTime, oneBit, twoBits = 1 << 13, 2 << 13, 0, 3 << 13, 1 << 15, 3 << 14
	for name, test := range map[string]struct {
		packet []byte
		want   bool
	}{
		"arrivals without times":     {made(8191, []uint16{came | 8191}), false},
		"a chunk too many":           {made(4, []uint16{came | 4, came | 8191}, 1, 1, 1, 1), true},
		"late ones without times":    {made(6, []uint16{cameLate | 6}, 0, 1, 0, 1), false},
		"lost ones need none":        {made(8191, []uint16{missed | 8191}), true},
		"nor do those without":       {made(9, []uint16{noTime | 9}), true},
		"one bit each":               {made(14, []uint16{oneBit | 0x3fff}, make([]byte, 14)...), true},
		"one bit each, no times":     {made(14, []uint16{oneBit | 0x3fff}), false},
		"two bits each":              {made(7, []uint16{twoBits | 0x2aaa}, make([]byte, 14)...), true},
		"two bits each, no times":    {made(7, []uint16{twoBits | 0x2aaa}), false},
		"more than can be put right": {made(65535, []uint16{8191, 8191, 8191, 8191, 8191, 8191, 8191, 8191, 7}), false},
		"too few chunks":             {made(9000, []uint16{8191}), false},
		"empty runs":                 {made(1, []uint16{came, missed, came | 1}, 4), true},
		"cut off":                    {made(4, []uint16{came | 4}, 1, 1, 1, 1)[:12], false},
		"another packet":             {[]byte{0x80, 201, 0, 1, 0, 0, 0, 1}, false},
		"nothing":                    {nil, false},
	} {
		if _, got := Read(test.packet); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestReadingAllocatesNothing(t *testing.T) {
	b := made(1<<15, []uint16{8191, 8191, 8191, 8191, 4})
	n := 0
	came, missed := func(uint16, time.Duration) {}, func(_ uint16, run int) { n += run }
	if allocs := testing.AllocsPerRun(10, func() {
		if r, ok := Read(b); ok {
			r.Each(came, missed)
		}
	}); allocs > 2 || n != 11<<15 {
		t.Errorf("%v allocations, %d packets", allocs, n)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(made(8191, []uint16{1<<13 | 8191}))
	f.Add(made(40, []uint16{1<<15 | 0x3fff, 3<<14 | 0x1555}, 1, 2, 3))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, ok := Read(b)
		if !ok {
			return
		}
		told := 0
		r.Each(func(uint16, time.Duration) { told++ }, func(_ uint16, n int) { told += n })
		if told > r.Count() {
			t.Fatalf("%d packets are told of, of %d", told, r.Count())
		}
	})
}
