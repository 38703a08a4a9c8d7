package rtc

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/pion/rtcp"

	"github.com/tuttilive/tutti/internal/rtc/twcc"
)

// transportReport makes a report of count packets out of chunks and what follows them.
func transportReport(count uint16, chunks []uint16, arrivals ...byte) []byte {
	b := []byte{0x8f, 205, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0}
	binary.BigEndian.PutUint16(b[14:], count)
	for _, c := range chunks {
		b = binary.BigEndian.AppendUint16(b, c)
	}
	for b = append(b, arrivals...); len(b)%4 != 0; {
		b = append(b, 0)
	}
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)/4-1))
	return b
}

func TestOverstated(t *testing.T) {
	const came, cameLate, lost, oneBit, twoBits = 1 << 13, 2 << 13, 0, 1 << 15, 3 << 14
	var honest twcc.Recorder
	for i := range 500 {
		if i%5 != 3 {
			honest.Note(uint16(i), time.Second+time.Duration(i%9*i)*time.Millisecond)
		}
	}
	tests := map[string]struct {
		compound []byte
		want     bool
	}{
		"an honest report":           {honest.Append(nil, 1, 2), false},
		"arrivals without times":     {transportReport(8191, []uint16{came | 8191}), true},
		"a chunk too many":           {transportReport(4, []uint16{came | 4, came | 8191}, 1, 1, 1, 1), false},
		"late ones without times":    {transportReport(6, []uint16{cameLate | 6}, 0, 1, 0, 1), true},
		"lost ones need none":        {transportReport(8191, []uint16{lost | 8191}), false},
		"one bit each":               {transportReport(14, []uint16{oneBit | 0x3fff}, make([]byte, 14)...), false},
		"one bit each, no times":     {transportReport(14, []uint16{oneBit | 0x3fff}), true},
		"two bits each":              {transportReport(7, []uint16{twoBits | 0x2aaa}, make([]byte, 14)...), false},
		"two bits each, no times":    {transportReport(7, []uint16{twoBits | 0x2aaa}), true},
		"more than can be put right": {transportReport(65535, []uint16{8191, 8191, 8191, 8191, 8191, 8191, 8191, 8191, 7}), true},
		"too few chunks":             {transportReport(9000, []uint16{8191}), true},
		"behind another packet": {append(
			[]byte{0x80, 201, 0, 1, 0, 0, 0, 1}, transportReport(8191, []uint16{came | 8191})...), true},
		"cut off": {transportReport(8191, []uint16{came | 8191})[:12], false},
		"nothing": {nil, false},
	}
	for name, test := range tests {
		if got := overstated(test.compound); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// FuzzOverstated holds the promise to the parser: what passes makes it allocate in proportion to its length.
func FuzzOverstated(f *testing.F) {
	f.Add(transportReport(8191, []uint16{1<<13 | 8191}))
	f.Add(transportReport(40, []uint16{1<<15 | 0x3fff, 3<<14 | 0x1555}, 1, 2, 3))
	f.Fuzz(func(t *testing.T, compound []byte) {
		if overstated(compound) {
			return
		}
		packets, err := rtcp.Unmarshal(compound)
		if err != nil {
			return
		}
		for _, p := range packets {
			if r, ok := p.(*rtcp.TransportLayerCC); ok && len(r.RecvDeltas) > len(compound) {
				t.Fatalf("%d arrivals in %d bytes", len(r.RecvDeltas), len(compound))
			}
		}
	})
}

func TestOverstatedReportCostsLittle(t *testing.T) {
	p, r := new(Peer), new(reader)
	raw := transportReport(1<<15, []uint16{1<<13 | 8191, 1<<13 | 8191, 1<<13 | 8191, 1<<13 | 8191, 1<<13 | 4})
	if n := testing.AllocsPerRun(5, func() { r.controlPackets(p, raw) }); n > 10 {
		t.Errorf("%v allocations for a report of %d bytes", n, len(raw))
	}
}
