package fanout

import (
	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/mux/flv"
	"github.com/tuttilive/tutti/internal/program"
	"github.com/tuttilive/tutti/internal/track"
)

// Demand is what players of FLV and RTMP take, where conversion is nil or says why pictures cannot be converted. H.265 and AV1 go by
// FourCC. AV1 is given only where it cannot be converted: few players know it, and mpegts.js fails at the frame headers of
// small spatial layers, in which browsers send it.
func Demand(conversion error) program.Demand {
	d := program.Demand{Video: []media.Codec{media.H264, media.H265}, Audio: []media.Codec{media.AAC}}
	if conversion != nil {
		d.Video = append(d.Video, media.AV1)
	}
	return d
}

// Expected tells which tracks a program has that can be carried, even when no frame has come yet.
func Expected(p *program.Program, demand program.Demand) func() flv.Tracks {
	return func() flv.Tracks {
		picture, _ := p.Picture()
		sound, _ := p.Sound()
		return flv.Tracks{Video: canHave(picture, demand.Video), Audio: canHave(sound, demand.Audio)}
	}
}

func canHave(t *track.Track, codecs []media.Codec) bool {
	if t == nil {
		return false
	}
	for _, c := range codecs {
		if t.CanConvert(c) == nil {
			return true
		}
	}
	return false
}
