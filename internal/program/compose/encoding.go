package compose

import (
	"sync"
	"time"

	"github.com/tuttilive/tutti/internal/codec"
	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/program/compose/paint"
	"github.com/tuttilive/tutti/internal/track"
)

const (
	// canvases is how many frames there are: one is painted, one waits for the encoder, one is in it.
	canvases = 3
	// startMax is how long an encoder may take to begin until it counts as too slow: a busy machine takes long for a process, and keeps up with it then.
	startMax = 10 * time.Second
)

// encoding is an encoder and the frames on their way to it. The composer's goroutine owns it.
type encoding struct {
	cfg     Config
	write   func(*media.Frame) error // takes what comes out
	effort  effort                   // of what comes out
	encoder *codec.Encoder
	free    chan *paint.Frame
	queue   chan queued
	done    chan struct{}

	mu  sync.Mutex
	err error
}

type queued struct {
	frame *paint.Frame
	at    time.Duration
}

// newEncoding makes an encoding of frames of a size that does not run yet.
func newEncoding(cfg Config, width, height int, write func(*media.Frame) error) *encoding {
	e := &encoding{cfg: cfg, write: write, free: make(chan *paint.Frame, canvases)}
	for range canvases {
		e.free <- paint.NewFrame(width, height)
	}
	return e
}

// start runs an encoder, whose output may be smaller than the frames. It is called before the first frame, or after close.
func (e *encoding) start(out effort) (err error) {
	f := <-e.free // all are free
	e.free <- f
	e.effort = out
	e.queue, e.done = make(chan queued, canvases), make(chan struct{})
	e.encoder, err = e.cfg.Workers.Encode(codec.EncoderConfig{
		Width: f.Width, Height: f.Height, OutWidth: out.width, OutHeight: out.height, FPS: out.fps, Out: func(f *media.Frame) {
			if err := e.write(f); err != nil && err != track.ErrClosed {
				e.cfg.log().Warn("a composed picture does not fit", "error", err)
			}
		},
	})
	if err != nil {
		return err
	}
	go e.run(e.encoder, e.queue, e.done)
	return nil
}

// run hands frames to the encoder.
func (e *encoding) run(encoder *codec.Encoder, queue <-chan queued, done chan<- struct{}) {
	defer close(done)
	for q := range queue {
		err := encoder.Write(q.frame.Pix, q.at)
		e.mu.Lock()
		e.err = err
		e.mu.Unlock()
		e.free <- q.frame
	}
	encoder.Close()
}

// begins tells that the encoder takes nothing because it has not begun yet.
func (e *encoding) begins() bool {
	waited := e.encoder.Beginning()
	return waited > 0 && waited < startMax
}

// canvas gives a frame to paint, nil while the encoder has them all.
func (e *encoding) canvas() *paint.Frame {
	select {
	case f := <-e.free:
		return f
	default:
		return nil
	}
}

func (e *encoding) send(f *paint.Frame, at time.Duration) { e.queue <- queued{f, at} }

func (e *encoding) problem() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.err
}

func (e *encoding) restarts() int {
	if e.encoder == nil {
		return 0
	}
	return e.encoder.Restarts()
}

// close ends the encoder; frames that wait for it are lost.
func (e *encoding) close() {
	if e.encoder == nil {
		return
	}
	e.encoder.Stop()
	close(e.queue)
	<-e.done
	e.encoder = nil
}
