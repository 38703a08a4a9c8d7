package codec

import "github.com/tuttilive/tutti/internal/media"

// VideoConverter re-encodes one stream to H.264 constrained baseline without B-frames at the same size, in a process
// that is restarted when it dies.
type VideoConverter struct{}

// Convert starts a converter. out is called from one goroutine, with frames whose PTS are those of the input; keyframe
// is called when the converter needs one to go on (after a start or a restart).
func (w *Workers) Convert(out func(*media.Frame), keyframe func()) (*VideoConverter, error) {
	return nil, ErrNoWorkers
}

// Write hands in a frame; it never blocks: a converter that cannot keep up drops up to the next keyframe.
func (v *VideoConverter) Write(f *media.Frame) {}

// RequestKeyframe makes the next output frame a keyframe where that is possible within a second.
func (v *VideoConverter) RequestKeyframe() {}

// Close ends the process and waits for it.
func (v *VideoConverter) Close() {}
