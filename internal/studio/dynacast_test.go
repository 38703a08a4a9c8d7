package studio

import (
	"fmt"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/room"
)

func TestDynacast(t *testing.T) {
	const h264, vp8 = media.H264, media.VP8
	type step struct {
		at          time.Duration
		first, more int8 // what is wanted in H.264 and VP8
		tell        string
		wait        time.Duration
	}
	none := room.NotWanted
	tests := map[string][]step{
		"what is sent from the beginning is not told": {{0, 2, none, "", 0}},
		"less is told after a while": {
			{0, none, none, "", 5 * time.Second},
			{4 * time.Second, none, none, "", time.Second},
			{5 * time.Second, none, none, "h264:-1 vp8:-1", 0},
			{9 * time.Second, none, none, "", 0},
		},
		"more is told at once": {
			{0, none, none, "", 5 * time.Second},
			{5 * time.Second, none, none, "h264:-1 vp8:-1", 0},
			{6 * time.Second, 0, none, "h264:0 vp8:-1", 0},
			{6 * time.Second, 2, none, "h264:2 vp8:-1", 0},
		},
		"whoever looks away for a moment changes nothing": {
			{0, 0, none, "", 5 * time.Second},
			{2 * time.Second, 2, none, "", 0},
			{4 * time.Second, 0, none, "", 5 * time.Second},
			{9 * time.Second, 0, none, "h264:0 vp8:-1", 0},
		},
		"a backup comes at once and does not take the first away before its time": {
			{0, none, 1, "h264:2 vp8:1", 5 * time.Second},
			{5 * time.Second, none, 1, "h264:-1 vp8:1", 0},
			{6 * time.Second, none, none, "", 5 * time.Second},
			{11 * time.Second, none, none, "h264:-1 vp8:-1", 0},
		},
	}
	for name, steps := range tests {
		t.Run(name, func(t *testing.T) {
			d, start := newDynacast(h264), time.Now()
			for i, s := range steps {
				tell, wait := d.look([]room.CodecDemand{{Codec: h264, Quality: s.first}, {Codec: vp8, Quality: s.more}}, start.Add(s.at))
				said := ""
				for j, c := range tell {
					if j > 0 {
						said += " "
					}
					said += fmt.Sprintf("%v:%d", c.Codec, c.Quality)
				}
				if said != s.tell || wait != s.wait {
					t.Errorf("step %d: told %q, look again in %v; want %q, %v", i, said, wait, s.tell, s.wait)
				}
			}
		})
	}
}

func TestWishOfLayers(t *testing.T) {
	three := []room.PublishedLayer{{Quality: 0, Width: 320, Height: 180}, {Quality: 1, Width: 640, Height: 360}, {Quality: 2, Width: 1280, Height: 720}}
	tests := []struct {
		name   string
		wish   wish
		layers []room.PublishedLayer
		want   int8
	}{
		{"anything", wish{}, three, 2},
		{"nothing", wish{paused: true, width: 1280, height: 720}, three, room.NotWanted},
		{"a thumbnail", wish{width: 200, height: 112}, three, 0},
		{"between two", wish{width: 400, height: 225}, three, 1},
		{"larger than any", wish{width: 3840, height: 2160}, three, 2},
		{"a quality", wish{quality: 1, byQuality: true}, three, 1},
		{"a size where none is known", wish{width: 200, height: 112}, nil, 2},
	}
	for _, tt := range tests {
		if got := tt.wish.of(tt.layers); got != tt.want {
			t.Errorf("%s: quality %d, want %d", tt.name, got, tt.want)
		}
	}
}
