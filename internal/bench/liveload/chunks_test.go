package liveload

import (
	"testing"

	"github.com/tuttilive/tutti/internal/mux/flv"
	"github.com/tuttilive/tutti/internal/mux/rtmp"
)

// written is messages as a server writes them.
func written() (b []byte, want []tag) {
	size := rtmp.InitialChunkSize
	add := func(m rtmp.Message) {
		b = rtmp.AppendMessage(b, m, size)
		if m.Type == rtmp.TypeVideo || m.Type == rtmp.TypeAudio {
			want = append(want, tag{kind: flv.TagType(m.Type), timestamp: m.Timestamp, size: len(m.Body)})
		}
	}
	for i := range uint32(6) {
		add(rtmp.Message{Type: rtmp.TypeVideo, Stream: 1, ChunkStream: 6, Timestamp: i * 33, Body: make([]byte, 1000)})
		add(rtmp.Message{Type: rtmp.TypeAudio, Stream: 1, ChunkStream: 4, Timestamp: 0xfffff0 + i*10, Body: make([]byte, 300)})
		if i == 2 {
			add(rtmp.SetChunkSize(4096))
			size = 4096
		}
	}
	return b, want
}

func TestChunksAreFoundInReadsOfAnySize(t *testing.T) {
	b, want := written()
	for _, step := range []int{1, 7, 128, 1000, len(b)} {
		var c chunks
		var got []tag
		for at := 0; at < len(b); at += step {
			if err := c.feed(b[at:min(len(b), at+step)], func(t tag) { got = append(got, t) }); err != nil {
				t.Fatal(err)
			}
		}
		if len(got) != len(want) {
			t.Fatalf("in steps of %d: %d of %d", step, len(got), len(want))
		}
		for i, g := range got {
			if g.kind != want[i].kind || g.timestamp != want[i].timestamp || g.size != want[i].size || len(g.front) != min(g.size, frontSize) {
				t.Fatalf("in steps of %d: %d is %+v, want %+v", step, i, g, want[i])
			}
		}
	}
}

func FuzzChunks(f *testing.F) {
	b, _ := written()
	f.Add(b, 7)
	f.Fuzz(func(t *testing.T, b []byte, step int) {
		if step < 1 {
			return
		}
		var c chunks
		for ; len(b) > 0; b = b[min(step, len(b)):] {
			if c.feed(b[:min(step, len(b))], func(tag) {}) != nil {
				return
			}
		}
	})
}
