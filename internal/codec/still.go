package codec

import (
	"context"
	"time"

	"github.com/tuttilive/tutti/internal/media"
)

// Still makes a keyframe of H.264 of a picture, which may be shown again and again. It takes a process for a moment.
func (w *Workers) Still(ctx context.Context, p *Picture) (*media.Frame, error) {
	if err := w.Available(); err != nil {
		return nil, err
	}
	const step = 100 * time.Millisecond
	made := make(chan *media.Frame, 1)
	e, err := w.Encode(EncoderConfig{Width: p.Width, Height: p.Height, FPS: int(time.Second / step), Out: func(f *media.Frame) {
		select {
		case made <- f:
		default: // the first one is enough
		}
	}})
	if err != nil {
		return nil, err
	}
	defer e.Close()
	defer context.AfterFunc(ctx, e.Stop)()
	tick := time.NewTicker(step)
	defer tick.Stop()
	for at := step; ; at += step {
		if err := e.Write(p.Pix, at); err != nil {
			if ctx.Err() != nil {
				err = ctx.Err()
			}
			return nil, err
		}
		select {
		case f := <-made:
			return f, nil
		case <-tick.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
