package sfu

import "testing"

func TestSequence(t *testing.T) {
	type step struct {
		restart bool
		wire    uint16
		seq     uint64
		what    arrival
	}
	const base = 1 << 16
	tests := []struct {
		name  string
		steps []step
	}{
		{"in order over the wrap", []step{
			{wire: 65534, seq: base + 65534, what: newest},
			{wire: 65535, seq: base + 65535, what: newest},
			{wire: 0, seq: base + 65536, what: newest},
			{wire: 1, seq: base + 65537, what: newest},
		}},
		{"reordered over the wrap", []step{
			{wire: 65534, seq: base + 65534, what: newest},
			{wire: 1, seq: base + 65537, what: newest},
			{wire: 65535, seq: base + 65535, what: late},
			{wire: 0, seq: base + 65536, what: late},
		}},
		{"earlier than the first, below zero on the wire", []step{
			{wire: 0, seq: base, what: newest},
			{wire: 65535, seq: base - 1, what: late},
			{wire: 65535, what: rejected},
		}},
		{"duplicates", []step{
			{wire: 10, seq: base + 10, what: newest},
			{wire: 10, what: rejected},
			{wire: 12, seq: base + 12, what: newest},
			{wire: 10, what: rejected},
			{wire: 11, seq: base + 11, what: late},
			{wire: 11, what: rejected},
		}},
		{"a gap stays a gap", []step{
			{wire: 10, seq: base + 10, what: newest},
			{wire: 2010, seq: base + 2010, what: newest},
			{wire: 1000, seq: base + 1000, what: late},
			{wire: 10, what: rejected},
		}},
		{"one wild number is ignored", []step{
			{wire: 10, seq: base + 10, what: newest},
			{wire: 30000, what: rejected},
			{wire: 11, seq: base + 11, what: newest},
			{wire: 30001, what: rejected},
			{wire: 12, seq: base + 12, what: newest},
		}},
		{"two in a row far away are a restart", []step{
			{wire: 30000, seq: base + 30000, what: newest},
			{wire: 5, what: rejected},
			{wire: 6, seq: base + 30001, what: restarted},
			{wire: 8, seq: base + 30003, what: newest},
			{wire: 7, seq: base + 30002, what: late},
			{wire: 5, what: rejected},
		}},
		{"another source goes on", []step{
			{wire: 65000, seq: base + 65000, what: newest},
			{restart: true, wire: 64000, seq: base + 65001, what: restarted},
			{wire: 64001, seq: base + 65002, what: newest},
			{wire: 63999, what: rejected},
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var s sequence
			for i, step := range test.steps {
				if step.restart {
					s.restart()
				}
				seq, what := s.extend(step.wire)
				if what != step.what || what != rejected && seq != step.seq {
					t.Fatalf("step %d: %d gives %d, %d; want %d, %d", i, step.wire, seq, what, step.seq, step.what)
				}
				if what != rejected && s.wire(seq) != step.wire {
					t.Fatalf("step %d: back on the wire %d is %d", i, seq, s.wire(seq))
				}
			}
		})
	}
}

// FuzzSequence checks what forwarders rely on: no number comes twice, and the highest never goes back.
func FuzzSequence(f *testing.F) {
	f.Add([]byte{0, 1, 0, 2, 0xff, 0xff, 0, 0, 0, 1})
	f.Add([]byte{0x80, 0, 0x80, 1, 0, 5, 0, 6, 0, 7, 0x80, 2})
	f.Fuzz(func(t *testing.T, data []byte) {
		var s sequence
		given := map[uint64]bool{}
		var highest uint64
		for ; len(data) >= 2; data = data[2:] {
			wire := uint16(data[0])<<8 | uint16(data[1])
			if wire == 0xdead {
				s.restart()
			}
			seq, what := s.extend(wire)
			if s.highest < highest {
				t.Fatalf("highest went back from %d to %d", highest, s.highest)
			}
			if what == rejected {
				continue
			}
			if given[seq] {
				t.Fatalf("%d was given twice", seq)
			}
			given[seq] = true
			if what != late && seq <= highest || what == late && seq >= highest {
				t.Fatalf("%d after %d is %d", seq, highest, what)
			}
			if s.wire(seq) != wire {
				t.Fatalf("%d came as %d, not %d", seq, wire, s.wire(seq))
			}
			highest = s.highest
		}
	})
}
