package flv

import (
	"log/slog"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/mux/flv"
	"github.com/tuttilive/tutti/internal/program"
	"github.com/tuttilive/tutti/internal/studio"
	"github.com/tuttilive/tutti/internal/track"
)

// gate lets viewers in.
type gate interface {
	// open admits a viewer and gives the stream that it shares with the others.
	open(room string, c studio.Credential) (watcher, *stream, error)
}

// demandOf is what FLV players take, where conversion is nil or says why pictures cannot be converted. H.265 and AV1 go by
// FourCC. AV1 is given only where it cannot be converted: few players know it, and mpegts.js fails at the frame headers of
// small spatial layers, in which browsers send it.
func demandOf(conversion error) program.Demand {
	d := program.Demand{Video: []media.Codec{media.H264, media.H265}, Audio: []media.Codec{media.AAC}}
	if conversion != nil {
		d.Video = append(d.Video, media.AV1)
	}
	return d
}

type houseGate struct {
	house  *studio.House
	demand program.Demand
	tick   time.Duration
	log    *slog.Logger
}

func (g *houseGate) open(room string, c studio.Credential) (watcher, *stream, error) {
	if _, err := g.house.Admit(room, c, studio.ToWatch); err != nil {
		return nil, nil, err
	}
	w, err := g.house.Watch(room, "flv")
	if err != nil {
		return nil, nil, err
	}
	s, err := studio.Shared(w, "flv", func(p *program.Program) (*stream, func(), error) {
		reader, err := p.Read(g.demand)
		if err != nil {
			return nil, nil, err
		}
		s := newStream(reader, func() flv.Tracks { return expected(p, g.demand) }, g.tick, g.log.With("room", room))
		return s, s.close, nil
	})
	if err != nil {
		w.Close()
		return nil, nil, err
	}
	return w, s, nil
}

// expected tells which tracks the program has that FLV can carry, even when no frame has come yet.
func expected(p *program.Program, demand program.Demand) flv.Tracks {
	picture, _ := p.Picture()
	sound, _ := p.Sound()
	return flv.Tracks{Video: canHave(picture, demand.Video), Audio: canHave(sound, demand.Audio)}
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
