package track

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/media"
)

func TestReorder(t *testing.T) {
	const ms = time.Millisecond
	type step struct {
		at   time.Duration
		seq  uint64 // to push; 0 for none
		ssrc uint32
		want string // what comes out, "!" before what follows a loss
	}
	tests := []struct {
		name  string
		kind  media.Kind
		steps []step
	}{
		{"in order", media.Video, []step{{0, 1, 0, "1"}, {1, 2, 0, "2"}}},
		{"swapped", media.Video, []step{{0, 1, 0, "1"}, {1, 3, 0, ""}, {2, 2, 0, "2 3"}}},
		{"duplicates", media.Video, []step{{0, 1, 0, "1"}, {1, 1, 0, ""}, {2, 2, 0, "2"}, {3, 2, 0, ""}}},
		{"repaired in time", media.Video, []step{{0, 1, 0, "1"}, {1 * ms, 4, 0, ""}, {100 * ms, 3, 0, ""}, {200 * ms, 2, 0, "2 3 4"}}},
		{"given up after 200 ms", media.Video, []step{{0, 1, 0, "1"}, {1 * ms, 3, 0, ""}, {200 * ms, 0, 0, ""}, {201 * ms, 0, 0, "!3"}, {202 * ms, 2, 0, ""}, {203 * ms, 4, 0, "4"}}},
		{"sound given up after 60 ms", media.Audio, []step{{0, 1, 0, "1"}, {1 * ms, 3, 0, ""}, {60 * ms, 0, 0, ""}, {61 * ms, 0, 0, "!3"}}},
		{"a second gap has its own patience", media.Video, []step{
			{0, 1, 0, "1"}, {1 * ms, 3, 0, ""}, {150 * ms, 5, 0, ""}, {201 * ms, 0, 0, "!3"}, {349 * ms, 0, 0, ""}, {350 * ms, 0, 0, "!5"}}},
		{"many lost", media.Video, []step{{0, 1, 0, "1"}, {1 * ms, 900, 0, ""}, {201 * ms, 0, 0, "!900"}}},
		{"a jump that cannot be a gap", media.Video, []step{{0, 1, 0, "1"}, {1, 90_000, 0, "!90000"}, {2, 90_001, 0, "90001"}}},
		{"another source", media.Video, []step{{0, 70_000, 1, "70000"}, {1, 66_000, 2, "!66000"}, {2, 66_001, 2, "66001"}}},
		{"over the 16-bit wrap", media.Video, []step{{0, 131_071, 0, "131071"}, {1, 131_073, 0, ""}, {2, 131_072, 0, "131072 131073"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newReorder(tt.kind)
			for i, s := range tt.steps {
				if s.seq != 0 {
					r.push(&media.Packet{Seq: s.seq, SSRC: s.ssrc, Arrival: s.at})
				}
				got := ""
				for {
					p, lost := r.pop(s.at)
					if p == nil {
						break
					}
					if got != "" {
						got += " "
					}
					if lost {
						got += "!"
					}
					got += fmt.Sprint(p.Seq)
				}
				if got != s.want {
					t.Fatalf("step %d: got %q, want %q", i, got, s.want)
				}
				if at, waiting := r.deadline(); waiting && at <= s.at {
					t.Errorf("step %d: deadline %v has passed", i, at)
				}
			}
		})
	}
}

// FuzzReorder pushes packets in any order: what comes out increases strictly and was pushed.
func FuzzReorder(f *testing.F) {
	f.Add([]byte{1, 2, 4, 3, 3, 200, 5, 90})
	f.Fuzz(func(t *testing.T, b []byte) {
		r := newReorder(media.Audio)
		var now time.Duration
		var pushed []uint64
		last := uint64(0)
		seq := uint64(firstSeq)
		for _, v := range b {
			now += time.Duration(v>>4) * 5 * time.Millisecond
			seq += uint64(v & 15)
			if v&0x80 != 0 {
				seq -= min(seq-firstSeq, 20)
			}
			if v == 0xff {
				seq += 1000
			}
			pushed = append(pushed, seq)
			r.push(&media.Packet{Seq: seq, Arrival: now})
			for {
				p, _ := r.pop(now)
				if p == nil {
					break
				}
				if p.Seq <= last || !slices.Contains(pushed, p.Seq) {
					t.Fatalf("%d after %d", p.Seq, last)
				}
				last = p.Seq
			}
		}
	})
}
