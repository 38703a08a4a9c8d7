package studio

import (
	"context"
	"fmt"
	"image"
	"maps"
	"slices"
	"time"

	"github.com/tuttilive/tutti/internal/program/compose"
	"github.com/tuttilive/tutti/internal/room"
)

// imageWait is how long an image waits for those before it.
const imageWait = 5 * time.Second

var errManyImages = &room.Refusal{Code: "unavailable", Message: "the server is busy with other images: try again in a moment"}

// readImage has one image read at a time in the whole house: the worst takes a core for three seconds, and the memory of all its pixels. It fails
// with a *room.Refusal when the turn does not come in time, else with what read fails with.
func (h *House) readImage(ctx context.Context, read func() error) error {
	ctx, cancel := context.WithTimeout(ctx, imageWait)
	defer cancel()
	select {
	case h.imageTurn <- struct{}{}:
	case <-ctx.Done():
		return errManyImages
	}
	defer func() { <-h.imageTurn }()
	return read()
}

// ComposeImage takes an image (one of compose.ImageNames) as PNG or JPEG, or takes it away when b is empty. It fails with
// ErrBadComposition, and with a *room.Refusal when its turn to be read does not come before ctx ends.
func (s *Studio) ComposeImage(ctx context.Context, name string, b []byte) error {
	if !slices.Contains(compose.ImageNames, name) {
		return fmt.Errorf("%w: an image is named %s or %s", ErrBadComposition, compose.BackgroundImage, compose.LogoImage)
	}
	var img image.Image
	if len(b) > 0 {
		err := s.house.readImage(ctx, func() (err error) { // not under the lock: it takes a while
			if img, err = compose.DecodeImage(b); err != nil {
				return fmt.Errorf("%w: %w", ErrBadComposition, err)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrNoRoom
	}
	delete(s.unread, name)
	s.setImage(name, img)
	s.arranged = true
	s.keepRoom()
	if s.annex == nil {
		s.house.running.KeepImage(s.name, name, b)
	}
	s.emit([]room.Event{room.LiveChanged{Live: s.room.Live()}})
	return nil
}

// setImage shows an image, or none when it is nil. The caller holds the lock.
func (s *Studio) setImage(name string, img image.Image) {
	images := map[string]image.Image{}
	maps.Copy(images, s.composition.Images)
	if delete(images, name); img != nil {
		images[name] = img
	}
	s.composition.Images = images
	s.restage()
}

// imageNames are the names of the images to keep: those that are shown, and those that will be once they have been read. The caller holds the lock.
func (s *Studio) imageNames() []string {
	return slices.DeleteFunc(slices.Clone(compose.ImageNames), func(name string) bool {
		return s.composition.Images[name] == nil && !s.unread[name]
	})
}

// recallImages reads the images that the room had before a restart: one at a time in the whole house, like those that are brought. The caller holds
// the lock.
func (s *Studio) recallImages(names []string) {
	if len(names) == 0 {
		return
	}
	s.unread = map[string]bool{}
	for _, name := range names {
		s.unread[name] = true
	}
	s.work.Go(func() {
		for _, name := range names {
			select {
			case s.house.imageTurn <- struct{}{}:
			case <-s.stop:
				return
			}
			s.recallImage(name)
			<-s.house.imageTurn
		}
	})
}

// recallImage reads one of them; where another was brought meanwhile, or it was taken away, it stays away.
func (s *Studio) recallImage(name string) {
	var img image.Image
	b, err := s.house.running.Image(s.name, name)
	if err == nil {
		img, err = compose.DecodeImage(b)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.unread[name] || s.closed {
		return
	}
	delete(s.unread, name)
	if err != nil {
		s.log.Warn("an image of the program is lost", "image", name, "error", err)
		return
	}
	s.setImage(name, img)
	s.emit([]room.Event{room.LiveChanged{Live: s.room.Live()}})
}
