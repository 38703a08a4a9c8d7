package fanout

import (
	"errors"
	"slices"
	"testing"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/program"
)

func TestWhatPlayersTake(t *testing.T) {
	const h264, h265, av1, aac, opus = media.H264, media.H265, media.AV1, media.AAC, media.Opus
	for _, c := range []struct {
		list       string
		conversion error
		video      []media.Codec
		audio      []media.Codec
		old        bool
	}{
		{"", nil, []media.Codec{h264, h265}, []media.Codec{aac}, false},
		{"", errors.New("no ffmpeg"), []media.Codec{h264, h265, av1}, []media.Codec{aac}, false},
		{"avc1,mp4a", errors.New("no ffmpeg"), []media.Codec{h264}, []media.Codec{aac}, false},
		{"hvc1", nil, []media.Codec{h264, h265}, []media.Codec{aac}, false},
		{"hevc", nil, []media.Codec{h264, h265}, []media.Codec{aac}, true},
		{"hevc,hvc1", nil, []media.Codec{h264, h265}, []media.Codec{aac}, false},
		{"av01,Opus,nonsense,,", nil, []media.Codec{h264, av1}, []media.Codec{aac, opus}, false},
		{"*", nil, []media.Codec{h264, h265, av1}, []media.Codec{aac, opus}, false},
	} {
		codecs := ParseCodecs(c.list)
		demand := codecs.Demand(c.conversion)
		if !slices.Equal(demand.Video, c.video) || !slices.Equal(demand.Audio, c.audio) {
			t.Errorf("%q: takes %v, %v", c.list, demand.Video, demand.Audio)
		}
		if got := Expected(program.New("test", nil), demand, codecs)().OldHEVC; got != c.old {
			t.Errorf("%q: H.265 by number: %v", c.list, got)
		}
	}
	names := map[string]string{}
	for _, list := range []string{"", "avc1", "hvc1", "hevc", "av01", "Opus", "*"} {
		name := ParseCodecs(list).String()
		if other, taken := names[name]; taken {
			t.Errorf("%q and %q share a stream", list, other)
		}
		names[name] = list
	}
	if asked := ParseCodecs("hevc"); ParseCodecs("").Or(asked) != asked || asked.Or(ParseCodecs("*")) != asked {
		t.Error("what is said first does not hold")
	}
}
