package twcc

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/pion/rtcp"
)

// report decodes what Append wrote and gives the arrival of each packet reported, -1 for lost ones.
func report(t *testing.T, b []byte) map[uint16]time.Duration {
	t.Helper()
	var fb rtcp.TransportLayerCC
	if err := fb.Unmarshal(b); err != nil {
		t.Fatalf("unmarshal: %v\n%x", err, b)
	}
	at := time.Duration(fb.ReferenceTime) * reference
	out := make(map[uint16]time.Duration)
	var symbols []uint16
	for _, c := range fb.PacketChunks {
		switch c := c.(type) {
		case *rtcp.RunLengthChunk:
			for range c.RunLength {
				symbols = append(symbols, c.PacketStatusSymbol)
			}
		case *rtcp.StatusVectorChunk:
			symbols = append(symbols, c.SymbolList...)
		}
	}
	deltas := fb.RecvDeltas
	for i := range int(fb.PacketStatusCount) {
		seq := fb.BaseSequenceNumber + uint16(i)
		if symbols[i] == rtcp.TypeTCCPacketNotReceived {
			out[seq] = -1
			continue
		}
		at += time.Duration(deltas[0].Delta) * time.Microsecond
		deltas = deltas[1:]
		out[seq] = at
	}
	return out
}

func TestRecorderReportsWhatCame(t *testing.T) {
	const ms = time.Millisecond
	type arrival struct {
		seq uint16
		at  time.Duration
	}
	tests := map[string][]arrival{
		"one":            {{7, 100 * ms}},
		"in order":       {{1, 1000 * ms}, {2, 1001 * ms}, {3, 1003 * ms}},
		"gap":            {{1, 1000 * ms}, {9, 1001 * ms}},
		"reordered":      {{5, 1000 * ms}, {7, 1001 * ms}, {6, 1090 * ms}},
		"wrap":           {{65534, 1000 * ms}, {65535, 1001 * ms}, {0, 1002 * ms}, {1, 1004 * ms}},
		"reordered wrap": {{65534, 1000 * ms}, {0, 1001 * ms}, {65535, 1002 * ms}},
		"slow":           {{1, 1000 * ms}, {2, 1400 * ms}, {3, 9000 * ms}},
	}
	for name, arrivals := range tests {
		t.Run(name, func(t *testing.T) {
			var r Recorder
			for _, a := range arrivals {
				r.Note(a.seq, a.at)
			}
			got := make(map[uint16]time.Duration)
			for r.Pending() {
				b := r.Append(nil, 1, 2)
				if len(b)%4 != 0 {
					t.Fatalf("length %d", len(b))
				}
				for seq, at := range report(t, b) {
					got[seq] = at
				}
			}
			for _, a := range arrivals {
				if d := got[a.seq] - a.at; d < -tick || d > tick {
					t.Errorf("packet %d reported at %v, came at %v", a.seq, got[a.seq], a.at)
				}
			}
		})
	}
}

func TestRecorderReportsLossBetweenReports(t *testing.T) {
	var r Recorder
	r.Note(1, time.Second)
	r.Append(nil, 1, 2)
	r.Note(4, time.Second)
	got := report(t, r.Append(nil, 1, 2))
	if got[2] != -1 || got[3] != -1 {
		t.Errorf("lost packets are not reported: %v", got)
	}
}

// A packet that is overtaken by others, and by the report that calls it lost, is in the next one, and is so once.
func TestRecorderTakesALossBack(t *testing.T) {
	const ms = time.Millisecond
	var r Recorder
	r.Note(65535, time.Second)
	r.Note(1, time.Second+2*ms)
	if got := report(t, r.Append(nil, 1, 2)); got[0] != -1 {
		t.Fatalf("what did not come is not reported as lost: %v", got)
	}
	r.Note(0, time.Second+20*ms)
	r.Note(2, time.Second+22*ms)
	got := report(t, r.Append(nil, 1, 2))
	for seq, at := range map[uint16]time.Duration{0: 20 * ms, 1: 2 * ms, 2: 22 * ms} {
		if d := got[seq] - time.Second - at; d < -tick || d > tick {
			t.Errorf("packet %d is reported at %v, came %v after a second", seq, got[seq], at)
		}
	}
	r.Note(0, time.Second+40*ms) // a second time
	r.Note(2000, 2*time.Second)
	r.Append(nil, 1, 2)
	r.Note(3, 2*time.Second) // too far behind
	if r.Pending() {
		t.Errorf("there is something to report: %v", report(t, r.Append(nil, 1, 2)))
	}
}

func TestRecorderNeverStalls(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var r Recorder
	now := time.Second
	seq := uint16(0)
	for range 20_000 {
		now += time.Duration(random.IntN(5000)) * time.Microsecond
		seq += uint16(random.IntN(4))
		if random.IntN(100) == 0 {
			seq = uint16(random.Uint32())
		}
		r.Note(seq, now)
		if random.IntN(50) == 0 {
			for i := 0; r.Pending(); i++ {
				if i > window {
					t.Fatal("reports do not end")
				}
				if b := r.Append(nil, 1, 2); len(b) > 0 {
					report(t, b)
				}
			}
		}
	}
}

func BenchmarkRecorder(b *testing.B) {
	b.ReportAllocs()
	var r Recorder
	buf := make([]byte, 0, 1500)
	for i := range b.N {
		r.Note(uint16(i), time.Duration(i)*time.Millisecond)
		if i%50 == 0 {
			buf = r.Append(buf[:0], 1, 2)
		}
	}
}
