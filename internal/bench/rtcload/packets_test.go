package rtcload

import (
	"slices"
	"testing"
)

func TestPiecesHaveTheSizesOfTheirKind(t *testing.T) {
	for _, tt := range []struct {
		sizes Sizes
		size  int
		want  []int
	}{
		{Libwebrtc, 2303, []int{767, 768, 768}},
		{Libwebrtc, 2304, []int{768, 768, 768}},
		{Equal, 2303, []int{768, 768, 767}},
		{Equal, 1151, []int{576, 575}},
	} {
		got, err := tt.sizes.cut(tt.size)
		if err != nil || !slices.Equal(got, tt.want) {
			t.Errorf("%s, %d bytes: %v, %v; want %v", tt.sizes, tt.size, got, err, tt.want)
		}
	}
	if _, err := Sizes("none").cut(10); err == nil {
		t.Error("unknown sizes are taken")
	}
}
