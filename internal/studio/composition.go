package studio

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/program/compose"
	"github.com/tuttilive/tutti/internal/program/compose/layout"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/room/scenes"
)

// ErrBadComposition tells that a composition cannot be as it was asked for.
var ErrBadComposition = errors.New("studio: the composition cannot be like this")

// Composition is how the pictures of a room are put together for those who watch, now or once it is on the air.
type Composition struct {
	compose.Settings
	// Composed tells that pictures are composed at the moment; Resolved is the layout that is then used.
	Composed bool        `json:"composed"`
	Resolved layout.Name `json:"resolvedLayout"`
	// Sources are those that can be shown, in order.
	Sources []CompositionSource `json:"sources"`
	// Images are the names of those that were brought.
	Images []string `json:"images"`
	// Layouts are the names that there are; Unavailable says why nothing can be composed on this server.
	Layouts     []layout.Name `json:"layouts"`
	Unavailable string        `json:"unavailable,omitempty"`
	// Figures tell how composing fares.
	Figures *CompositionFigures `json:"figures,omitempty"`
}

// CompositionFigures tell how composing fares.
type CompositionFigures struct {
	Width  int `json:"width"`
	Height int `json:"height"`
	FPS    int `json:"fps"`
	// Frames were made, Skipped left out because the machine was too slow; Shed says that less is made for that reason (0 is all).
	Frames  uint64 `json:"frames"`
	Skipped uint64 `json:"skipped"`
	Shed    int    `json:"shed"`
	// Renditions are the smaller pictures that are made at the moment.
	Renditions []Size `json:"renditions"`
	// Delay is in seconds, Painting a share of one core.
	Delay    float64 `json:"delay"`
	Painting float64 `json:"painting"`
	// Restarts is how often a worker was replaced.
	Restarts int `json:"restarts"`
}

func figuresOf(s compose.Stats) *CompositionFigures {
	f := &CompositionFigures{s.Width, s.Height, s.FPS, s.Frames, s.Skipped, s.Shed, []Size{}, s.Delay.Seconds(), s.Busy, s.Restarts}
	for _, r := range s.Renditions {
		f.Renditions = append(f.Renditions, Size(r))
	}
	return f
}

// Size is a picture's, in pixels.
type Size struct {
	Width  int `json:"width"`
	Height int `json:"height"`
}

// CompositionSource is somebody who can be shown.
type CompositionSource struct {
	ID       string `json:"id"`
	Identity string `json:"identity"`
	Name     string `json:"name"`
	Seat     int    `json:"seat,omitempty"`
	Screen   bool   `json:"screen,omitempty"`
	Picture  bool   `json:"picture"`
}

// initialComposition is how a room of a scene begins.
func (h *House) initialComposition(scene *scenes.Scene) compose.Settings {
	c := compose.Defaults()
	if scene.Orientation == string(compose.Portrait) {
		c.Orientation = compose.Portrait
	}
	switch name := layout.Name(scene.Layout); {
	case name == layout.Single: // until the host wants otherwise
		c.Mode = compose.ModeDirect
	case name == layout.Grid: // of what is there: a shared screen, or voices alone, are shown as suits them
	case slices.Contains(layout.Names, name):
		c.Layout = name
	}
	if len(scene.Renditions) > 0 {
		c.Renditions = scene.Renditions
	}
	c.InRoom = scene.InRoom
	if h.compose != "" {
		c.Mode = h.compose
	}
	return c
}

// keptComposition is the composition for after a restart, nil where nobody has chosen it. The caller holds the lock.
func (s *Studio) keptComposition() *compose.Settings {
	if !s.arranged {
		return nil
	}
	c := s.composition
	return &c
}

// recallComposition makes the composition what it was; its images are read when there is somebody to see them. The caller holds the lock.
func (s *Studio) recallComposition(l Left) {
	if l.Composition == nil {
		return
	}
	s.arranged = true
	b, err := json.Marshal(l.Composition)
	if err == nil {
		var next compose.Settings
		if next, err = s.composition.Patched(b); err == nil {
			s.composition = next
		}
	}
	if err != nil {
		s.log.Warn("the composition is the scene's again", "error", err)
	}
	s.unread = map[string]bool{}
	for _, name := range l.Images {
		s.unread[name] = true
	}
}

// neededComposer gives what composes this room's pictures, made for the first who needs it; nil where that cannot be. The caller holds
// the lock.
func (s *Studio) neededComposer() *compose.Composer {
	if s.composer == nil {
		c, err := compose.New(compose.Config{Workers: s.house.workers, Fonts: s.house.fonts, Label: s.name, ID: room.NewSID("TR_")})
		if err != nil {
			return nil // the server said so at its start, and warnings do
		}
		c.Set(s.staged())
		s.composer = c
		s.recallImages()
	}
	return s.composer
}

// closeIdleComposer ends what was on the air, if anything, and the composer if nobody needs it any more. The caller holds the lock.
func (s *Studio) closeIdleComposer(a *air) {
	var idle *compose.Composer
	if s.air == nil && (s.closed || !s.composition.InRoom) {
		idle, s.composer = s.composer, nil
	}
	s.work.Go(func() {
		if a != nil {
			a.close()
		}
		if idle != nil {
			idle.Close()
		}
	})
}

// Composition tells how the room's pictures are put together.
func (s *Studio) Composition() Composition {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := Composition{Settings: s.composition, Layouts: layout.Names, Sources: []CompositionSource{}, Images: s.imageNames()}
	sources, staged := s.staged()
	sources = compose.Present(sources)
	list := make([]layout.Source, len(sources))
	for i, src := range sources {
		c.Sources = append(c.Sources, CompositionSource{src.ID, src.Identity, src.Name, src.Seat, src.Screen, src.Picture != nil})
		list[i] = layout.Source{Screen: src.Screen, Picture: src.Picture != nil}
	}
	c.Resolved = layout.Resolve(staged.Layout, list)
	if err := s.house.workers.Available(); err != nil {
		c.Unavailable = err.Error()
	}
	if s.air != nil {
		_, c.Composed = s.air.program.Composed()
	}
	if s.composer != nil {
		if stats := s.composer.Stats(); stats.Running || c.Composed {
			c.Figures = figuresOf(stats)
		}
	}
	return c
}

// Compose changes the composition by a JSON object with the fields of compose.Settings that are to change. It fails with
// ErrBadComposition, which is wrapped in what is wrong.
func (s *Studio) Compose(patch []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrNoRoom
	}
	next, err := s.composition.Patched(patch)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrBadComposition, err)
	}
	s.composition, s.arranged = next, true
	s.keepLater(partRoom)
	s.followComposition()
	s.restage()
	s.emit([]room.Event{room.LiveChanged{Live: s.room.Live()}}) // whoever shows the status shows it at once
	return nil
}

// restage tells the program who is on stage. The caller holds the lock.
func (s *Studio) restage() {
	switch {
	case s.air != nil:
		s.reprefer()
		s.air.program.Stage(s.staged())
	case s.composer != nil:
		s.composer.Set(s.staged())
	}
}

// staged are who is shown, and how. The caller holds the lock.
func (s *Studio) staged() ([]compose.Source, compose.Settings) {
	return s.faceOff(s.stageSources(), s.composition)
}

// stageSources are all who can be shown, by seat, then in order of joining. The caller holds the lock.
func (s *Studio) stageSources() []compose.Source {
	var list []compose.Source
	for _, p := range s.room.Participants() {
		if p.Permission.Hidden || p.Kind == room.Composed {
			continue
		}
		list = append(list, s.sourcesOf(&p)...)
	}
	list = s.awaited(list)
	slices.SortStableFunc(list, func(a, b compose.Source) int { return seatOrder(a.Seat) - seatOrder(b.Seat) })
	return list
}

func seatOrder(seat int) int {
	if seat == 0 {
		return 1 << 20
	}
	return seat
}

// sourcesOf gives a participant's camera or voice, then its shared screen.
func (s *Studio) sourcesOf(p *room.Participant) []compose.Source {
	name := strings.TrimSpace(p.Name)
	if name == "" {
		name = p.Identity
	}
	self := compose.Source{
		ID: p.Identity, Identity: p.Identity, Name: name, Seat: s.stage.SeatOf(p.Identity), Muted: true, Poor: s.poor(p.Identity),
	}
	screen := compose.Source{ID: p.Identity + compose.ScreenSuffix, Identity: p.Identity, Name: name, Seat: self.Seat, Screen: true}
	for _, pub := range p.Publications {
		entry := s.tracks[pub.SID]
		if entry == nil || entry.track == nil || entry.hidden {
			continue
		}
		switch {
		case pub.Kind == media.Audio && pub.Source != room.ScreenShareAudio:
			self.Sounds = append(self.Sounds, entry.track)
			self.Muted = self.Muted && pub.Muted
		case pub.Kind == media.Audio:
			screen.Sounds = append(screen.Sounds, entry.track)
		case pub.Kind == media.Video && pub.Source == room.ScreenShare:
			screen.Picture = entry.track
		case pub.Kind == media.Video && self.Picture == nil:
			self.Picture = entry.track
		}
	}
	var list []compose.Source
	if self.Picture != nil || self.Sounds != nil {
		list = append(list, self)
	}
	if screen.Picture != nil || screen.Sounds != nil {
		screen.Music = s.scene.Audio == "music" && screen.Picture == nil
		list = append(list, screen)
	}
	return list
}

// poor tells that somebody's connection is bad.
func (s *Studio) poor(identity string) bool {
	m := s.members[identity]
	return m != nil && m.quality.SID != "" && m.quality.Level <= 1
}

// hearLevels keeps how loud each is, for those who see it in the program. The caller holds the lock.
func (s *Studio) hearLevels(changed []room.Speaker) {
	if s.air == nil && s.composer == nil {
		return
	}
	if len(changed) > 0 {
		levels := make(map[string]float64, len(s.levels)+len(changed))
		for identity, level := range s.levels {
			if s.members[identity] != nil {
				levels[identity] = level
			}
		}
		for _, c := range changed {
			levels[c.Identity] = float64(c.Level)
		}
		s.levels = levels
	}
	if s.air != nil {
		s.air.program.Speaking(s.speakers.Dominant(), s.levels)
	} else {
		s.composer.Speaking(s.speakers.Dominant(), s.levels)
	}
}
