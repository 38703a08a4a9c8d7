package compose

import (
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/program/compose/paint"
	"github.com/tuttilive/tutti/internal/track"
)

// rendition is the picture once more, smaller: each frame is scaled once and encoded once, while somebody reads it.
type rendition struct {
	cfg     Config
	size    media.Size
	rid     string
	fps     int
	output  *track.Rendition // nil while there is none, because the machine is too slow
	encoder *encoding        // nil while nobody reads
	wanted  time.Duration    // when somebody did last
	painter paint.Painter
}

// offer has the rendition be there, or not.
func (r *rendition) offer(t *track.Track, on bool) {
	switch {
	case on && r.output == nil:
		output, err := t.AddRendition(r.rid, r.size)
		if err != nil {
			return // the track has ended
		}
		r.output = output
	case !on && r.output != nil:
		r.stop()
		r.output.Remove()
		r.output = nil
	}
}

// send scales a frame and has it encoded, while somebody wants it. It is false when the encoder has all it can take,
// unless it only begins.
func (r *rendition) send(frame *paint.Frame, at, now time.Duration) bool {
	if r.output == nil {
		return true
	}
	if r.output.Wanted() {
		r.wanted = now
	}
	if r.wanted == 0 || now-r.wanted >= linger {
		r.stop()
		return true
	}
	if r.encoder == nil {
		r.encoder = newEncoding(r.cfg, r.size.Width, r.size.Height, r.output.WriteFrame)
		if err := r.encoder.start(effort{fps: r.fps, width: r.size.Width, height: r.size.Height}); err != nil { // the server ends
			r.stop()
			return true
		}
	}
	canvas := r.encoder.canvas()
	if canvas == nil {
		return r.encoder.begins()
	}
	r.painter.Picture(canvas, paint.Rect{W: canvas.Width, H: canvas.Height}, frame, paint.View{Alpha: 256})
	r.encoder.send(canvas, at)
	return true
}

// stop ends the encoder.
func (r *rendition) stop() {
	if r.encoder != nil {
		r.encoder.close()
		r.encoder = nil
	}
}

func (r *rendition) close(t *track.Track) { r.offer(t, false) }
