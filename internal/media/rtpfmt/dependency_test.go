package rtpfmt

import (
	"bytes"
	"testing"

	"github.com/tuttilive/tutti/internal/media"
)

// bitWriter writes what bitReader reads.
type bitWriter struct {
	b  []byte
	at int
}

func (w *bitWriter) put(n int, v uint32) {
	for n--; n >= 0; n-- {
		if w.at%8 == 0 {
			w.b = append(w.b, 0)
		}
		w.b[w.at/8] |= byte(v>>n&1) << (7 - w.at%8)
		w.at++
	}
}

func (w *bitWriter) flags(list ...uint32) {
	for _, f := range list {
		w.put(1, f)
	}
}

// dependency makes a descriptor's fixed part.
func dependency(begins, ends, template uint32, number uint16) *bitWriter {
	w := new(bitWriter)
	w.flags(begins, ends)
	w.put(6, template)
	w.put(16, uint32(number))
	return w
}

// withStructure is a keyframe's descriptor in two spatial and two temporal layers whose pictures refer to the layer below at
// keyframes only. Templates begin at 60, so that their ids wrap.
func withStructure(number uint16) []byte {
	w := dependency(1, 1, 60, number)
	w.flags(1, 0, 0, 0, 0)
	w.put(6, 60)
	w.put(5, 3)                                       // four decode targets
	for _, next := range []uint32{0, 1, 2, 0, 1, 3} { // S0: key, T0, T1; S1: key, T0, T1
		w.put(2, next)
	}
	// Targets: S0T0, S0T1, S1T0, S1T1. 0 not present, 1 discardable, 2 switch, 3 required.
	for _, row := range [][]uint32{{2, 2, 2, 2}, {2, 2, 0, 0}, {0, 2, 0, 0}, {0, 0, 2, 2}, {0, 0, 2, 2}, {0, 0, 0, 1}} {
		for _, v := range row {
			w.put(2, v)
		}
	}
	for _, diffs := range [][]uint32{{}, {4}, {2}, {1}, {4}, {2}} {
		for _, d := range diffs {
			w.flags(1)
			w.put(4, d-1)
		}
		w.flags(0)
	}
	w.put(2, 2) // two chains: ns(5), where 0 to 2 take two bits
	for _, by := range []uint32{0, 0, 1, 1} {
		w.put(1, by)
	}
	for range 6 * 2 {
		w.put(4, 0)
	}
	w.flags(1)
	for _, size := range []uint32{640, 360, 1280, 720} {
		w.put(16, size-1)
	}
	return w.b
}

func TestDependencyReader(t *testing.T) {
	customDiff := dependency(1, 1, 0, 9)
	customDiff.flags(0, 0, 0, 1, 0)
	customDiff.put(2, 1)
	customDiff.put(4, 0) // depends on the frame before alone
	customDiff.put(2, 0)
	customIndication := dependency(1, 0, 62, 9)
	customIndication.flags(0, 1, 1, 0, 0)
	customIndication.put(4, 3) // active_decode_targets_bitmask
	for _, v := range []uint32{0, 3, 0, 0} {
		customIndication.put(2, v)
	}
	type result struct {
		ok, start, key, up, last bool
		spatial, temporal        uint8
	}
	tests := []struct {
		name       string
		descriptor []byte
		want       result
	}{
		{"keyframe", withStructure(7), result{ok: true, start: true, key: true, up: true, last: true}},
		{"the keyframe's upper layer", dependency(1, 0, 63, 8).b, result{ok: true, spatial: 1, up: true}},
		{"its last packet", dependency(0, 1, 63, 8).b, result{ok: true, spatial: 1, last: true}},
		{"base layer", dependency(1, 1, 61, 9).b, result{ok: true, start: true, up: true, last: true}},
		{"temporal layer", dependency(1, 1, 62, 9).b, result{ok: true, start: true, up: true, last: true, temporal: 1}},
		{"upper layer that depends on one before", dependency(1, 1, 0, 10).b, result{ok: true, spatial: 1, last: true}},
		{"and one that does not", customDiff.b, result{ok: true, spatial: 1, up: true, last: true}},
		{"temporal layer that nobody may go up to", customIndication.b, result{ok: true, start: true, temporal: 1}},
		{"unknown template", dependency(1, 1, 2, 9).b, result{}},
		{"cut short", withStructure(7)[:20], result{}},
		{"empty", nil, result{}},
	}
	var r DependencyReader
	if r.Read(&media.Packet{Dependency: dependency(1, 1, 61, 9).b}) {
		t.Error("reads without templates")
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := media.Packet{Dependency: tt.descriptor}
			ok := r.Read(&p)
			if got := (result{ok, p.Start, p.Keyframe, p.Up, p.Last, p.Spatial, p.Temporal}); got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
	if sizes := r.Layers(); len(sizes) != 2 || sizes[0] != (LayerSize{640, 360}) || sizes[1] != (LayerSize{1280, 720}) {
		t.Errorf("layers are %v", sizes)
	}
}

func TestRenumberDependency(t *testing.T) {
	was := dependency(1, 0, 5, 0xfffe).b
	got := RenumberDependency([]byte{1}, was, 3)
	if !bytes.Equal(got, append([]byte{1}, dependency(1, 0, 5, 1).b...)) || was[1] != 0xff {
		t.Errorf("got %x of %x", got, was)
	}
}

func FuzzDependencyReader(f *testing.F) {
	f.Add(withStructure(7), dependency(1, 1, 61, 8).b)
	f.Add([]byte{0xc0, 0, 0, 0x80, 0xff, 0xff}, []byte{0xc0, 0, 1})
	f.Fuzz(func(t *testing.T, first, second []byte) {
		var r DependencyReader
		for _, b := range [][]byte{first, second} {
			p := media.Packet{Dependency: b}
			if !r.Read(&p) {
				continue
			}
			if p.Spatial > 3 || p.Temporal > 7 || p.Keyframe && !p.Start {
				t.Errorf("layer %d.%d, start %v, key %v", p.Spatial, p.Temporal, p.Start, p.Keyframe)
			}
			if _, ok := DependencyNumber(b); !ok {
				t.Error("read what has no number")
			}
			if got := RenumberDependency(nil, b, 0); !bytes.Equal(got, b) {
				t.Errorf("renumbered by nothing: %x, was %x", got, b)
			}
		}
	})
}

func BenchmarkDependencyReader(b *testing.B) {
	var r DependencyReader
	r.Read(&media.Packet{Dependency: withStructure(7)})
	p := media.Packet{Dependency: dependency(1, 1, 62, 9).b}
	b.ReportAllocs()
	for b.Loop() {
		r.Read(&p)
	}
}
