package compose

import (
	"sync"
	"time"

	"github.com/tuttilive/tutti/internal/codec"
	"github.com/tuttilive/tutti/internal/program/compose/paint"
)

// startMax is how long an encoder may take to begin until it counts as too slow: a busy machine takes long for a process, and keeps up with it then.
const startMax = 10 * time.Second

// encoderRun is an encoder and the frames on their way to it. Whoever began it owns it.
type encoderRun struct {
	encoder *codec.Encoder
	queue   chan queued   // closed by end
	quit    chan struct{} // closed by close
	done    chan struct{} // closed when all has come out
	ended   bool

	mu  sync.Mutex
	err error
}

type queued struct {
	frame *paint.Frame
	at    time.Duration
}

// runEncoder has an encoder begin. It takes frames when all of the one before has come out, and gives them back to free.
func runEncoder(encoder *codec.Encoder, before *encoderRun, free chan<- *paint.Frame) *encoderRun {
	r := &encoderRun{encoder: encoder, queue: make(chan queued, canvases), quit: make(chan struct{}), done: make(chan struct{})}
	go r.run(before, free)
	return r
}

func (r *encoderRun) run(before *encoderRun, free chan<- *paint.Frame) {
	defer close(r.done)
	defer r.encoder.Finish()
	r.note(r.encoder.Begin())
	if before != nil {
		select {
		case <-before.done:
		case <-r.quit:
		}
	}
	for q := range r.queue {
		r.note(r.encoder.Write(q.frame.Pix, q.at))
		free <- q.frame
	}
}

func (r *encoderRun) note(err error) {
	r.mu.Lock()
	r.err = err
	r.mu.Unlock()
}

// problem is why the last frame was lost, nil when it was not.
func (r *encoderRun) problem() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// begins tells that the encoder takes nothing because it has not begun yet, and may need longer for that.
func (r *encoderRun) begins() bool {
	waited := r.encoder.Beginning()
	return waited > 0 && waited < startMax
}

// end has the encoder give out what it got, and end.
func (r *encoderRun) end() {
	if !r.ended {
		r.ended = true
		close(r.queue)
	}
}

// close ends the encoder and waits; frames that wait for it are lost. A nil one has ended.
func (r *encoderRun) close() {
	if r == nil {
		return
	}
	r.encoder.Stop()
	close(r.quit)
	r.end()
	<-r.done
}
