package fanout

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/mux/flv"
)

// testRing holds seconds of one chunk each; every other one begins with a keyframe.
func testRing(limits media.Limits, seconds int, header *flv.Header) *media.Ring[*chunk] {
	ring := media.NewRing[*chunk](limits)
	appendSeconds(ring, 0, seconds, header)
	return ring
}

func appendSeconds(ring *media.Ring[*chunk], from, to int, header *flv.Header) {
	for i := from; i < to; i++ {
		c := &chunk{bytes: []byte{byte(i)}, header: header, timestamp: uint32(i * 1000)}
		ring.Append(c, media.Mark{Bytes: 1, Time: time.Duration(i) * time.Second, Key: i%2 == 0})
	}
	ring.Flush()
}

func headerOf(t *testing.T, video *media.Format) *flv.Header {
	t.Helper()
	m := flv.NewMuxer(0, flv.Tracks{})
	if err := m.Know(video, nil); err != nil {
		t.Fatal(err)
	}
	return m.Header()
}

func TestFeedBeginsAtTheLastKeyframe(t *testing.T) {
	h := headerOf(t, testVideo)
	f := newFeed(testRing(keptChunks, 8, h), FLV, newFakeWatcher())
	bufs, err := f.next(nil, 1)
	if want := [][]byte{h.AppendStart(nil, 6000), {6}, {7}}; err != nil || !equal(bufs, want) {
		t.Fatalf("%x, %v; want %x", bufs, err, want)
	}
	if bufs, err = f.next(nil, 1); len(bufs) > 0 || err != nil {
		t.Errorf("then %x, %v", bufs, err)
	}
}

func TestFeedSkipsToTheNewestKeyframe(t *testing.T) {
	h := headerOf(t, testVideo)
	tests := map[string]struct {
		limits media.Limits
		until  int
		next   *flv.Header
		reason string
		want   [][]byte
	}{
		"when it lags":                       {keptChunks, 13, h, "behind", [][]byte{{12}}},
		"when the ring has overrun it":       {media.Limits{Items: 3}, 30, h, "overrun", [][]byte{{28}, {29}}},
		"with new parameters, if they are":   {keptChunks, 13, headerOf(t, testVideo), "behind", [][]byte{headerOf(t, testVideo).AppendSequence(nil, 12000), {12}}},
		"not when no newer keyframe is here": {keptChunks, 8, h, "", [][]byte{{7}}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			ring := testRing(test.limits, 7, h)
			w := newFakeWatcher()
			f := newFeed(ring, FLV, w)
			f.next(nil, 1)
			appendSeconds(ring, 7, test.until, test.next)
			bufs, err := f.next(nil, 2)
			if err != nil || !equal(bufs, test.want) {
				t.Errorf("%x, %v; want %x", bufs, err, test.want)
			}
			if (test.reason != "") != (w.skips[test.reason] == 1) || len(w.skips) > 1 {
				t.Errorf("counted %v", w.skips)
			}
		})
	}
}

func TestFeedCutsOffWhoSkipsTooOften(t *testing.T) {
	for name, test := range map[string]struct {
		every time.Duration
		cut   bool
	}{"often": {9 * time.Second, true}, "seldom": {11 * time.Second, false}} {
		t.Run(name, func(t *testing.T) {
			h := headerOf(t, testVideo)
			ring := testRing(keptChunks, 1, h)
			w := newFakeWatcher()
			f := newFeed(ring, FLV, w)
			f.next(nil, 1)
			var err error
			for i := range 5 {
				appendSeconds(ring, 1+i*10, 11+i*10, h)
				if _, err = f.next(nil, time.Second+time.Duration(i)*test.every); err != nil {
					break
				}
				for bufs, _ := f.next(nil, 0); len(bufs) > 0; bufs, _ = f.next(nil, 0) {
				}
			}
			if errors.Is(err, errTooSlow) != test.cut || (w.skips["cut off"] == 1) != test.cut {
				t.Errorf("error %v, counted %v", err, w.skips)
			}
		})
	}
}

func TestFeedEndsAfterTheLastChunk(t *testing.T) {
	ring := testRing(keptChunks, 1, headerOf(t, testVideo))
	f := newFeed(ring, FLV, newFakeWatcher())
	ring.Close(io.EOF)
	if bufs, err := f.next(nil, 1); len(bufs) != 2 || err != nil {
		t.Errorf("%d buffers, %v", len(bufs), err)
	}
	if bufs, err := f.next(nil, 1); len(bufs) != 0 || err != io.EOF {
		t.Errorf("%d buffers, %v", len(bufs), err)
	}
}

func equal(a, b [][]byte) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !bytes.Equal(a[i], b[i]) {
			return false
		}
	}
	return true
}
