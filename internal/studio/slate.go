package studio

import (
	"context"
	"fmt"
	"image"
	"time"

	"github.com/tuttilive/tutti/internal/codec"
	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/program/compose"
	"github.com/tuttilive/tutti/internal/room/intake"
	"github.com/tuttilive/tutti/internal/track"
)

const (
	// slateEvery is how often the slate's one picture is given, slateLinger for how long it may still be read after somebody publishes
	// again: until the first keyframe.
	slateEvery  = time.Second
	slateLinger = 5 * time.Second
	// slateWithin is how long making it may take, slateAgain after what time it is tried again.
	slateWithin = 15 * time.Second
	slateAgain  = 10 * time.Second
)

// slate is what viewers see while nobody publishes. Whoever closes stop ends it.
type slate struct {
	stop  chan struct{}
	shown bool  // it has been made; the studio's lock guards it
	wrong error // why it could not be made; the studio's lock guards it
}

// startSlate has the slate made and shown. The caller holds the lock.
func (s *Studio) startSlate(a *air) *slate {
	sl := &slate{stop: make(chan struct{})}
	size := a.absence.size
	s.work.Go(func() {
		if frame := s.obtainSlate(a, sl, size); frame != nil {
			s.runSlate(a, sl, frame)
		}
	})
	return sl
}

// obtainSlate tries to make the picture until that succeeds; it gives none where the slate has been stopped, or the show has ended.
func (s *Studio) obtainSlate(a *air, sl *slate, size media.Size) *media.Frame {
	for {
		frame, err := s.house.makeSlate(a, s.house.Intake(s.name).Slate, size)
		s.mu.Lock()
		first := sl.wrong == nil
		sl.wrong = err
		s.mu.Unlock()
		if err == nil {
			return frame
		}
		if first {
			s.log.Warn("there is no slate yet: the last picture is held", "error", err)
		}
		select {
		case <-time.After(slateAgain):
		case <-sl.stop:
			return nil
		case <-a.program.Done():
			return nil
		}
	}
}

// makeSlate makes the picture, from an image or without one.
func (h *House) makeSlate(a *air, kept []byte, size media.Size) (*media.Frame, error) {
	ctx, cancel := context.WithTimeout(context.Background(), slateWithin)
	defer cancel()
	go func() {
		select {
		case <-a.program.Done():
			cancel()
		case <-ctx.Done():
		}
	}()
	var img image.Image
	if len(kept) > 0 {
		err := h.readImage(ctx, func() (err error) {
			img, err = compose.DecodeImage(kept)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	f := compose.PaintSlate(img, size.Width, size.Height)
	return h.still(ctx, &codec.Picture{Width: f.Width, Height: f.Height, Pix: f.Pix})
}

// runSlate shows the slate until it is stopped, or the show ends.
func (s *Studio) runSlate(a *air, sl *slate, still *media.Frame) {
	t := track.NewFromFrames(track.Info{
		ID: "TR_SLATE", Kind: media.Video, Codec: media.H264, Label: s.name + "/slate", Workers: s.house.workers,
	})
	defer t.Close()
	s.mu.Lock()
	wanted := s.air == a && a.absence.slate == sl
	if wanted {
		sl.shown = true
		a.program.Cover(t)
	}
	s.mu.Unlock()
	if !wanted {
		return
	}
	tick := time.NewTicker(slateEvery)
	defer tick.Stop()
	var linger <-chan time.Time
	stop := sl.stop
	for {
		f := *still
		f.DTS, f.Discontinuity = media.Now(), false
		f.PTS = f.DTS
		if err := t.WriteFrame(&f); err != nil {
			s.log.Error("showing the slate", "error", err)
			return
		}
		select {
		case <-tick.C:
		case <-stop:
			stop, linger = nil, time.After(slateLinger)
		case <-linger:
			return
		case <-a.program.Done():
			return
		}
	}
}

// SetSlate keeps a room's slate, made of a PNG or JPEG; of nothing it forgets it. It waits for its turn until ctx ends, and fails with
// ErrBadComposition or a *room.Refusal.
func (h *House) SetSlate(ctx context.Context, roomName string, b []byte) error {
	var kept []byte
	if len(b) > 0 {
		err := h.readImage(ctx, func() (err error) {
			if kept, err = compose.KeepSlate(b, intake.MaxSlate); err != nil {
				return fmt.Errorf("%w: %w", ErrBadComposition, err)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return h.ChangeIntake(roomName, func(s *intake.Settings) error {
		s.Slate = kept
		return nil
	})
}
