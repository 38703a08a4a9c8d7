package bench

import (
	"context"
	"time"
)

// Pause lets time go by. It ends early, with ctx's error, when ctx does.
func Pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
