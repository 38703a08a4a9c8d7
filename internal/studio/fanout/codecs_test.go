package fanout

import (
	"errors"
	"slices"
	"testing"

	"github.com/tuttilive/tutti/internal/codec"
	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/program"
	"github.com/tuttilive/tutti/internal/track"
)

// TestWishesThatComeToTheSameShareAStream tries all that can be wished for.
func TestWishesThatComeToTheSameShareAStream(t *testing.T) {
	none := errors.New("no ffmpeg")
	lists := []string{"", "avc1"}
	for mask := 1; mask < 16; mask++ {
		var list string
		for i, name := range []string{"hvc1", "hevc", "av01", "Opus"} {
			if mask>>i&1 == 1 {
				list += name + ","
			}
		}
		lists = append(lists, list)
	}
	workers := codec.FindWorkers("")
	for _, c := range []struct {
		picture, sound media.Codec
		conversion     error
		streams        int
	}{
		{media.H264, media.AAC, nil, 2},
		{media.H264, media.AAC, none, 6},
		{media.H265, media.AAC, nil, 3},
		{media.H265, media.Opus, nil, 6},
		{media.AV1, media.AAC, nil, 4},
	} {
		if c.conversion == nil && c.picture != media.H264 && workers.Available() != nil {
			continue // it cannot be converted here
		}
		p := program.New("test", nil)
		defer p.Close()
		for _, one := range []media.Codec{c.picture, c.sound} {
			source := track.NewFromFrames(track.Info{ID: "TR_" + one.String(), Kind: one.Kind(), Codec: one, Workers: workers})
			defer source.Close()
			p.Add(source, 0)
		}
		streams := map[string]bool{}
		for _, list := range lists {
			own := ParseCodecs(list)
			share := own.Share(p, c.conversion)
			streams[share.String()] = true
			takes, gets := own.Demand(c.conversion), share.Demand(c.conversion)
			for _, one := range slices.Concat(gets.Video, gets.Audio) {
				if !slices.Contains(slices.Concat(takes.Video, takes.Audio), one) {
					t.Errorf("%q may be given %s", list, one)
				}
			}
			alonePicture, aloneSound := p.Codecs(takes)
			picture, sound := p.Codecs(gets)
			if picture != alonePicture || sound != aloneSound {
				t.Errorf("%q is given %s and %s, alone %s and %s", list, picture, sound, alonePicture, aloneSound)
			}
			if picture == media.H265 && share.oldHEVC != own.oldHEVC {
				t.Errorf("%q is given the wrong H.265", list)
			}
		}
		if len(streams) != c.streams {
			t.Errorf("%d streams of %s and %s (conversion: %v), want %d", len(streams), c.picture, c.sound, c.conversion, c.streams)
		}
		// Before there is anything nothing is known, so nothing is left out.
		if got := ParseCodecs("hevc,av01,Opus"); got.Share(program.New("test", nil), c.conversion) != got {
			t.Error("something is left out before the show")
		}
	}
}

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
