package compose

import (
	"time"

	"github.com/tuttilive/tutti/internal/codec"
	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/program/compose/paint"
	"github.com/tuttilive/tutti/internal/track"
)

// canvases is how many frames there are: one is painted, one waits for the encoder, one is in it.
const canvases = 3

// encoding has frames of a size encoded, in one output after the other without a pause between. The composer's goroutine owns it.
type encoding struct {
	cfg           Config
	width, height int                      // of the frames
	write         func(*media.Frame) error // takes what comes out
	effort        effort                   // of what comes out, or will
	fps           int                      // how many frames come a second at most
	free          chan *paint.Frame
	now           *encoderRun // takes the frames; nil before start and after close
	next          *encoderRun // begins, to take the place of now; nil while none does
	ended         *encoderRun // gives out its last pictures, or has; nil when now is the first
	replaced      int         // how many workers were, in those that have ended
}

// newEncoding makes an encoding of frames of a size that does not run yet.
func newEncoding(cfg Config, width, height int, write func(*media.Frame) error) *encoding {
	e := &encoding{cfg: cfg, width: width, height: height, write: write, free: make(chan *paint.Frame, canvases)}
	for range canvases {
		e.free <- paint.NewFrame(width, height)
	}
	return e
}

// start has an encoder begin, whose output may be smaller than the frames.
func (e *encoding) start(out effort) (err error) {
	e.effort, e.fps = out, out.fps
	e.now, err = e.begin(out)
	return err
}

// change makes the output another. One of another size comes from another encoder, which takes the frames when it has begun: until then the one of before goes on, and
// for good where that one cannot begin.
func (e *encoding) change(out effort) (err error) {
	before := e.effort
	e.effort = out
	if out.width == before.width && out.height == before.height {
		return nil
	}
	e.next.close()
	e.next, err = e.begin(out)
	return err
}

func (e *encoding) begin(out effort) (*encoderRun, error) {
	encoder, err := e.cfg.Workers.Encode(codec.EncoderConfig{
		Width: e.width, Height: e.height, OutWidth: out.width, OutHeight: out.height, FPS: e.fps, Out: func(f *media.Frame) {
			if err := e.write(f); err != nil && err != track.ErrClosed {
				e.cfg.log().Warn("a composed picture does not fit", "error", err)
			}
		},
	})
	if err != nil {
		return nil, err
	}
	return runEncoder(encoder, out, e.now, e.free), nil
}

// begins tells that an encoder takes nothing because it has not begun yet.
func (e *encoding) begins() bool { return e.next != nil || e.ended.ends() || e.now.begins() }

// canvas gives a frame to paint, nil while the encoder has them all.
func (e *encoding) canvas() *paint.Frame {
	select {
	case f := <-e.free:
		return f
	default:
		return nil
	}
}

// send hands in a frame that was painted.
func (e *encoding) send(f *paint.Frame, at time.Duration) {
	switch {
	case e.next == nil:
	case e.next.encoder.Beginning() == 0:
		e.ended.close()
		e.replaced += e.now.encoder.Restarts()
		e.now.end()
		e.now, e.next, e.ended = e.next, nil, e.now
	case !e.next.begins():
		e.cfg.log().Warn("an encoder for another size does not begin", "error", e.next.problem())
		e.next.close()
		e.next = nil
		e.effort.width, e.effort.height = e.now.size.width, e.now.size.height
	}
	e.now.queue <- queued{f, at}
}

func (e *encoding) problem() error {
	if e.now == nil {
		return nil
	}
	return e.now.problem()
}

// restarts is how many workers were replaced.
func (e *encoding) restarts() int {
	if e.now == nil {
		return e.replaced
	}
	return e.replaced + e.now.encoder.Restarts()
}

// processes appends the ids of the workers.
func (e *encoding) processes(ids []int) []int {
	for _, r := range []*encoderRun{e.now, e.next} {
		if r != nil {
			ids = append(ids, r.encoder.Process())
		}
	}
	return ids
}

// close ends all encoders; frames that wait for them are lost.
func (e *encoding) close() {
	for _, r := range []*encoderRun{e.ended, e.now, e.next} {
		r.close()
	}
	e.ended, e.now, e.next = nil, nil, nil
}
