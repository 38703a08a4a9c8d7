package compose

import (
	"slices"

	"github.com/tuttilive/tutti/internal/program/compose/layout"
	"github.com/tuttilive/tutti/internal/track"
)

// MaxSources is how many sources one program shows; more are left out.
const MaxSources = 9

// Source is somebody on stage: a camera, a shared screen, an ingest, or a voice alone.
type Source struct {
	// ID names the source for as long as it is on stage: the identity, for a shared screen with ScreenSuffix.
	ID string
	// Identity is whose it is, Name what is written.
	Identity, Name string
	// Picture is nil for a voice alone.
	Picture *track.Track
	Sounds  []*track.Track
	// Seat is its number on the stage from 1, 0 without one.
	Seat   int
	Screen bool
	// Music tells that the sound is music that the same participant's voice is sung to; there is no picture.
	Music bool
	// Pinned sources are shown large.
	Pinned bool
	// Muted tells that the microphone is off.
	Muted bool
	// Poor tells that the connection is bad.
	Poor bool
	// Coming tells that a picture is about to come, for which all is made ready. Until then there is nothing to see of it, but for a voice.
	Coming bool
}

// absent tells that there is nothing of it yet.
func (s *Source) absent() bool { return s.Coming && s.Picture == nil && s.Sounds == nil }

// ScreenSuffix tells a shared screen's ID from that of its publisher's camera.
const ScreenSuffix = ":screen"

// visible tells whether there is a picture to show now.
func (s *Source) visible() bool {
	return s.Picture != nil && !s.Picture.Muted() && !s.Picture.Info().Encrypted
}

// Present are those of which there is something.
func Present(sources []Source) []Source {
	return slices.DeleteFunc(slices.Clone(sources), func(x Source) bool { return x.absent() })
}

// expected are sources as they are laid out when the pictures have come that are about to: a voice may be there before.
func expected(sources []Source) []Source {
	list := slices.Clone(sources)
	for i := range list {
		if list[i].Coming {
			list[i].Sounds = nil
		}
	}
	return list
}

// arrange lays sources out.
func arrange(sources []Source, speaking string, s Settings) []layout.Tile {
	list := make([]layout.Source, len(sources))
	for i := range sources {
		src := &sources[i]
		list[i] = layout.Source{
			ID: src.ID, Screen: src.Screen, Picture: src.Picture != nil || src.absent(), Pinned: src.Pinned || src.ID == s.Pinned, Seat: src.Seat,
			Speaking: speaking != "" && src.Identity == speaking && !src.Screen,
		}
	}
	w, h := s.Size()
	return layout.Arrange(list, layout.Options{Name: s.Layout, W: w, H: h, Places: s.Places})
}

// Shown are the pictures that are seen of some sources.
func Shown(sources []Source, s Settings) map[*track.Track]bool {
	pictures := map[*track.Track]bool{}
	list := shown(Present(sources), s)
	for _, tile := range arrange(list, "", s) {
		if src := &list[tile.Source]; src.Picture != nil {
			pictures[src.Picture] = true
		}
	}
	return pictures
}
