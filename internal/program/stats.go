package program

import (
	"github.com/tuttilive/tutti/internal/codec"
	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/track"
)

// Stats is what the program is made of now, for the console.
type Stats struct {
	// Picture and Sound are zero where there is none.
	Picture, Sound Source
	// Sounds is how many sounds are on stage. More than one are mixed; then Sound describes the mix.
	Sounds int
}

// Source is a picture or a sound as its source sends it.
type Source struct {
	TrackID string
	Codec   media.Codec
	track.Stats
}

// Stats looks at the sources; it is cheap.
func (p *Program) Stats() Stats {
	p.mu.Lock()
	plan := p.plan
	p.mu.Unlock()
	s := Stats{Sounds: len(plan.sounds)}
	if plan.picture != nil {
		s.Picture = describe(plan.picture)
	}
	switch {
	case plan.single != nil:
		s.Sound = describe(plan.single)
	case len(plan.sounds) > 0:
		s.Sound = p.mixer.describe()
	}
	return s
}

func describe(t *track.Track) Source {
	return Source{TrackID: t.Info().ID, Codec: t.Info().Codec, Stats: t.Stats()}
}

// describe tells of the output that is wanted, of AAC if there are several.
func (m *mixer) describe() Source {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range []media.Codec{media.AAC, media.Opus} {
		if o := m.outputs[codec.PlainForm(c)]; o != nil && o.users > 0 {
			return describe(o.track)
		}
	}
	for _, o := range m.outputs { // one that only steady readers want
		if o.users > 0 {
			return describe(o.track)
		}
	}
	return Source{}
}
