package liveload

import (
	"bytes"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/bench"
	"github.com/tuttilive/tutti/internal/bench/ingest"
	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/media/bitstream"
	"github.com/tuttilive/tutti/internal/mux/flv"
)

// testStream is a stream with a stamped picture and sound.
func testStream(t testing.TB, stamped time.Time) []byte {
	t.Helper()
	m := flv.NewMuxer(0, flv.Tracks{})
	if err := m.Know(ingest.PictureFormat, ingest.SoundFormat); err != nil {
		t.Fatal(err)
	}
	b := m.Header().AppendStart(nil, 0)
	picture := &media.Frame{Format: ingest.PictureFormat, DTS: 40 * time.Millisecond, PTS: 40 * time.Millisecond, Keyframe: true}
	slice, _ := bench.NewPicture(1_000_000).Next(stamped)
	picture.Payload = bitstream.AppendUnit(nil, slice)
	sound := &media.Frame{Format: ingest.SoundFormat, DTS: 43 * time.Millisecond, PTS: 43 * time.Millisecond, Payload: []byte{1}}
	for _, f := range []*media.Frame{picture, sound} {
		var err error
		if b, err = m.Append(b, f); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

func TestParserFollowsReadsOfAnySize(t *testing.T) {
	now := time.Now()
	b := testStream(t, now.Add(-time.Second))
	for _, step := range []int{1, 2, 7, 100, len(b)} {
		var p parser
		var kinds []byte
		for rest := b; len(rest) > 0; {
			n := min(step, len(rest))
			err := p.feed(rest[:n], func(t1 tag) {
				kinds = append(kinds, byte(t1.kind))
				if t1.config() {
					kinds = append(kinds, 'c')
				}
				if age, ok := bench.Age(t1.front, now); t1.kind == flv.VideoTag && !t1.config() && (!ok || age != time.Second) {
					t.Errorf("reads of %d: age %v, %v", step, age, ok)
				}
				if t1.kind == flv.ScriptTag && flv.ParseMetadata(t1.front).Encoder != "Tutti" {
					t.Errorf("reads of %d: metadata", step)
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		// A script tag is neither a frame nor a configuration; nobody asks it.
		if want := []byte{18, 9, 'c', 8, 'c', 9, 8}; !bytes.Equal(bytes.Replace(kinds, []byte{18, 'c'}, []byte{18}, 1), want) {
			t.Errorf("reads of %d: tags %v, want %v", step, kinds, want)
		}
	}
}

func FuzzParser(f *testing.F) {
	f.Add(testStream(f, time.Now()), 3)
	f.Fuzz(func(t *testing.T, b []byte, step int) {
		var p parser
		for step = max(step, 1); len(b) > 0; {
			n := min(step, len(b))
			if p.feed(b[:n], func(t tag) { t.config(); bench.Age(t.front, time.Now()) }) != nil {
				return
			}
			b = b[n:]
		}
	})
}
