package program

import (
	"time"

	"github.com/tuttilive/tutti/internal/program/compose"
	"github.com/tuttilive/tutti/internal/program/compose/layout"
	"github.com/tuttilive/tutti/internal/track"
)

const (
	// aloneFor is how long a program stays composed that has only one picture left: whoever is gone may come back.
	aloneFor = 3 * time.Second
)

// stage is what is composed, and whether it is. The program's lock guards it.
type stage struct {
	composer *compose.Composer // nil where pictures cannot be composed
	sources  []compose.Source
	settings compose.Settings
	mixing   mixing

	composing bool
	awaited   bool          // it is about to be composed
	refused   bool          // there is no room for the workers
	several   time.Duration // when there was more than one picture last
}

// Stage says who is on stage, and how that is composed. What is heard, and what is shown while one picture passes through, is
// said by Add. It keeps the slice.
func (p *Program) Stage(sources []compose.Source, settings compose.Settings) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	p.stage.sources, p.stage.settings = sources, settings
	p.stage.mixing = mixingOf(sources, settings)
	p.mixer.shape(p.stage.mixing)
	if c := p.stage.composer; c != nil {
		c.Set(sources, settings)
	}
	p.update()
}

// Speaking says who leads the conversation, and how loud each is from 0 to 1, by identity. It keeps the map.
func (p *Program) Speaking(identity string, levels map[string]float64) {
	p.mixer.setLead(identity)
	if c := p.stage.composer; c != nil { // which does not change
		c.Speaking(identity, levels)
	}
}

// Composed tells whether the picture is composed, and how that fares.
func (p *Program) Composed() (compose.Stats, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.plan.composed {
		return compose.Stats{}, false
	}
	return p.stage.composer.Stats(), true
}

// Shows are the pictures that the composed one is made of, nil when it is not composed.
func (p *Program) Shows() map[*track.Track]bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.plan.composed {
		return nil
	}
	return compose.Shown(p.stage.sources, p.stage.settings)
}

// pictures is how many pictures there are on stage.
func (s *stage) pictures() (n int) {
	for i := range s.sources {
		if t := s.sources[i].Picture; t != nil && !t.Info().Encrypted {
			n++
		}
	}
	return n
}

// coming is how many pictures are about to come.
func (s *stage) coming() (n int) {
	for i := range s.sources {
		if s.sources[i].Coming && s.sources[i].Picture == nil {
			n++
		}
	}
	return n
}

// compose tells whether the picture is to be composed, and has the composer made ready where it soon will be. pinned tells that one is shown alone.
func (s *stage) compose(pinned, closed bool, now time.Duration) bool {
	n, coming := s.pictures(), s.coming()
	if n > 1 {
		s.several = now
	}
	want := false
	switch s.settings.Mode {
	case compose.ModeComposed:
		want = len(compose.Present(s.sources)) > 0
	case compose.ModeAuto:
		want = s.settings.Layout != layout.Single && (n > 1 || s.composing && n == 1 && (coming > 0 || now-s.several < aloneFor))
	}
	possible := s.composer != nil && !pinned && !closed
	want = want && possible
	s.refused = want && !s.composing && !s.awaited && !s.composer.Room(min(n, compose.MaxSources))
	s.composing = want && !s.refused
	if s.composer != nil {
		soon := possible && !want && s.settings.Mode == compose.ModeAuto && s.settings.Layout != layout.Single && n > 0 && coming > 0
		s.awaited = soon && (s.awaited || s.composer.Room(min(n+coming, compose.MaxSources)))
		s.composer.Await(s.awaited)
	}
	return s.composing
}
