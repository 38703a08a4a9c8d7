package studio

import (
	"context"
	"time"

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
