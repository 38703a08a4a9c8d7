package sfu

import (
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/track"
)

func TestChoose(t *testing.T) {
	three := []candidate{{width: 320, height: 180, active: true}, {width: 640, height: 360, active: true}, {width: 1280, height: 720, active: true}}
	noLarge := []candidate{{width: 320, height: 180, active: true}, {width: 640, height: 360, active: true}, {width: 1280, height: 720, active: false}}
	noSmall := []candidate{{width: 320, height: 180, active: false}, {width: 640, height: 360, active: true}, {width: 1280, height: 720, active: true}}
	stopped := []candidate{{width: 320, height: 180, active: false}, {width: 640, height: 360, active: false}, {width: 1280, height: 720, active: false}}
	unknown := []candidate{{width: 0, height: 0, active: true}, {width: 0, height: 0, active: true}}
	l := new(track.Layer)
	step := func(spatial, temporal uint8, fps int) candidate {
		return candidate{
			layer: l, selection: selection{spatial, temporal}, width: 320 << spatial, height: 180 << spatial, fps: fps,
			partial: fps < 30, active: true,
		}
	}
	scalable := []candidate{step(0, 0, 7), step(0, 1, 15), step(0, 2, 30), step(1, 1, 15), step(1, 2, 30), step(2, 1, 15), step(2, 2, 30)}
	tests := []struct {
		name   string
		wish   wish
		layers []candidate
		want   int
	}{
		{"nothing there", wish{}, nil, -1},
		{"no wish", wish{}, three, 2},
		{"no wish, the largest stopped", wish{}, noLarge, 1},
		{"no wish, all stopped", wish{}, stopped, 2},
		{"exactly as large", wish{width: 640, height: 360}, three, 1},
		{"a little larger", wish{width: 660, height: 380}, three, 1},
		{"clearly larger", wish{width: 800, height: 450}, three, 2},
		{"larger than all", wish{width: 3840, height: 2160}, three, 2},
		{"small", wish{width: 160, height: 90}, three, 0},
		{"small, the smallest stopped", wish{width: 160, height: 90}, noSmall, 1},
		{"upright", wish{width: 360, height: 640}, three, 1},
		{"sizes unknown", wish{width: 160, height: 90}, unknown, 1},
		{"by place", wish{byIndex: true, index: 0}, three, 0},
		{"by place, stopped layers do not count", wish{byIndex: true, index: 0}, noSmall, 1},
		{"by place, beyond the last", wish{byIndex: true, index: 2}, noLarge, 1},
		{"scalable, no wish", wish{}, scalable, 6},
		{"scalable, small", wish{width: 160, height: 90}, scalable, 2},
		{"scalable, small and slow", wish{width: 160, height: 90, fps: 5}, scalable, 0},
		{"scalable, medium at half the rate", wish{width: 640, height: 360, fps: 15}, scalable, 3},
		{"scalable, any size at half the rate", wish{fps: 15}, scalable, 5},
		{"scalable, faster than it is", wish{width: 640, height: 360, fps: 60}, scalable, 4},
		{"scalable, by place", wish{byIndex: true, index: 1}, scalable, 4},
		{"scalable, by place beyond the last", wish{byIndex: true, index: 7}, scalable, 6},
	}
	for _, test := range tests {
		if got := choose(test.wish, test.layers); got != test.want {
			t.Errorf("%s: %d, want %d", test.name, got, test.want)
		}
	}
}

func TestCandidatesOfALayerWithLayersWithin(t *testing.T) {
	tr := track.NewFromPackets(track.Info{Kind: media.Video, Codec: media.VP8}, nil)
	defer tr.Close()
	small, large := tr.AddLayer("q"), tr.AddLayer("f")
	var now time.Duration
	for i := range 60 {
		now = time.Minute + time.Duration(i)*33*ms
		for _, l := range []*track.Layer{small, large} {
			l.Write(&media.Packet{
				Seq: 1<<16 + uint64(i), Timestamp: uint32(i) * 3000, Arrival: now, SSRC: 1, Payload: make([]byte, 100), Temporal: []uint8{0, 2, 1, 2}[i%4],
			})
		}
	}
	list := appendCandidates(appendCandidates(nil, small, now), large, now)
	type step struct {
		layer *track.Layer
		selection
		fps int
	}
	want := []step{{small, selection{0, 0}, 7}, {small, selection{0, 1}, 15}, {small, selection{0, 2}, 30}, {large, selection{0, 1}, 15}, {large, selection{0, 2}, 30}}
	if len(list) != len(want) {
		t.Fatalf("%d steps: %+v", len(list), list)
	}
	for i, w := range want {
		if c := list[i]; (step{c.layer, c.selection, c.fps}) != w || c.partial != (w.fps < 30) || !c.active {
			t.Errorf("step %d is %+v", i, c)
		}
	}
	if whole, half := large.SublayerBitrate(0, 2, now), large.SublayerBitrate(0, 1, now); whole < 18*half/10 || whole > 22*half/10 {
		t.Errorf("half the pictures take %d of %d bit/s", half, whole)
	}
}
