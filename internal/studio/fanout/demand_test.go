package fanout

import (
	"errors"
	"slices"
	"testing"

	"github.com/tuttilive/tutti/internal/media"
)

func TestAV1IsGivenOnlyWhereItCannotBeConverted(t *testing.T) {
	for _, c := range []struct {
		name       string
		conversion error
		want       bool
	}{
		{"ffmpeg is there", nil, false},
		{"no ffmpeg", errors.New("no ffmpeg"), true},
	} {
		demand := Demand(c.conversion)
		if demand.Video[0] != media.H264 {
			t.Errorf("%s: pictures are converted to %v", c.name, demand.Video[0])
		}
		if got := slices.Contains(demand.Video, media.AV1); got != c.want {
			t.Errorf("%s: AV1 as it comes: %v, want %v", c.name, got, c.want)
		}
	}
}
