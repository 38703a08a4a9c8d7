package fanout

import (
	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/mux/flv"
	"github.com/tuttilive/tutti/internal/program"
	"github.com/tuttilive/tutti/internal/track"
)

// Expected tells which tracks a program has that can be carried, even when no frame has come yet, and how players want them.
func Expected(p *program.Program, demand program.Demand, codecs Codecs) func() flv.Tracks {
	return func() flv.Tracks {
		picture, _ := p.Picture()
		sound, _ := p.Sound()
		return flv.Tracks{Video: canHave(picture, demand.Video), Audio: canHave(sound, demand.Audio), OldHEVC: codecs.oldHEVC}
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
