package studio

import (
	"context"
	"errors"
	"fmt"
	"image"
	"maps"
	"slices"
	"time"

	"github.com/tuttilive/tutti/internal/program/compose"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/store"
)

const (
	// imageWait is how long an image waits for those before it.
	imageWait = 5 * time.Second
	// imageAgain is after what time those are read again that could not be read, twice that after the next time, and so on to imageAgainAtMost.
	imageAgain       = time.Minute
	imageAgainAtMost = time.Hour
)

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

// recallImages reads the images that the room had before a restart, once somebody is there who may see them. The caller holds the lock.
func (s *Studio) recallImages() {
	if len(s.unread) == 0 || s.recalling || s.closed {
		return
	}
	s.recalling = true
	s.work.Go(func() {
		for again := imageAgain; s.recallAll(again == imageAgain); again = min(2*again, imageAgainAtMost) {
			select {
			case <-time.After(again):
			case <-s.stop:
				return
			}
		}
	})
}

// recallAll reads those that wait for it, and tells whether some are to be read again. The log has it where one cannot be read the first time, or is lost.
func (s *Studio) recallAll(first bool) bool {
	for _, name := range compose.ImageNames {
		if !s.house.recallImage(s.stop, func() { s.recallImage(name, first) }) {
			return false
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.recalling = len(s.unread) > 0
	return s.recalling
}

// recallImage has an image of before a restart read, one at a time in the whole house, and of those one at a time waits for its turn: whoever brings one
// waits for no more. It is false where stop was closed before.
func (h *House) recallImage(stop <-chan struct{}, read func()) bool {
	for _, turn := range []chan struct{}{h.recallTurn, h.imageTurn} {
		select {
		case turn <- struct{}{}:
			defer func() { <-turn }()
		case <-stop:
			return false
		}
	}
	read()
	return true
}

// recallImage reads one of them; where another was brought meanwhile, or it was taken away, it stays away. What can be read no more is lost, what cannot
// be read just now is kept.
func (s *Studio) recallImage(name string, first bool) {
	s.mu.Lock()
	wanted := s.unread[name] && !s.closed
	s.mu.Unlock()
	if !wanted {
		return
	}
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
	lost := errors.Is(err, store.ErrNotFound) || errors.Is(err, compose.ErrImage) && !errors.Is(err, compose.ErrLong)
	if err != nil && (first || lost) {
		s.log.Warn("an image of the program is not shown", "image", name, "lost", lost, "error", err)
	}
	if err == nil || lost {
		delete(s.unread, name)
	}
	if err == nil {
		s.setImage(name, img)
		s.emit([]room.Event{room.LiveChanged{Live: s.room.Live()}})
	}
}
