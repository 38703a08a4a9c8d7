package sfu

import "testing"

func TestChoose(t *testing.T) {
	three := []candidate{{320, 180, true}, {640, 360, true}, {1280, 720, true}}
	noLarge := []candidate{{320, 180, true}, {640, 360, true}, {1280, 720, false}}
	noSmall := []candidate{{320, 180, false}, {640, 360, true}, {1280, 720, true}}
	stopped := []candidate{{320, 180, false}, {640, 360, false}, {1280, 720, false}}
	unknown := []candidate{{0, 0, true}, {0, 0, true}}
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
	}
	for _, test := range tests {
		if got := choose(test.wish, test.layers); got != test.want {
			t.Errorf("%s: %d, want %d", test.name, got, test.want)
		}
	}
}
