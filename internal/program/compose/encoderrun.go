package compose

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/tuttilive/tutti/internal/codec"
	"github.com/tuttilive/tutti/internal/program/compose/paint"
)

const (
	// startMax is how long an encoder may take to begin until it counts as too slow: a busy machine takes long for a process, and keeps up with it then.
	startMax = 10 * time.Second
	// beginAgain is how often it is looked whether one has begun that is to take over, and how often it is tried.
	beginAgain = 50 * time.Millisecond
	// endMax is how long one that has been taken over from may take for what it has.
	endMax = time.Second
)

// encoderRun is an encoder and the frames on their way to it. Whoever began it owns it.
type encoderRun struct {
	encoder *codec.Encoder
	size    effort        // of what comes out
	queue   chan queued   // closed by end
	quit    chan struct{} // closed by close
	done    chan struct{} // closed when all has come out
	ended   atomic.Bool

	mu  sync.Mutex
	err error
}

type queued struct {
	frame *paint.Frame
	at    time.Duration
}

// runEncoder has an encoder begin. It takes frames when all of the one before has come out, and gives them back to free.
func runEncoder(encoder *codec.Encoder, size effort, before *encoderRun, free chan<- *paint.Frame) *encoderRun {
	r := &encoderRun{encoder: encoder, size: size, queue: make(chan queued, canvases), quit: make(chan struct{}), done: make(chan struct{})}
	go r.run(before, free)
	return r
}

func (r *encoderRun) run(before *encoderRun, free chan<- *paint.Frame) {
	defer close(r.done)
	defer r.encoder.Finish()
	r.note(r.encoder.Begin())
	if before != nil {
		r.takeOver(before)
	}
	for q := range r.queue {
		if !r.ended.Load() || r.encoder.Running() { // for the last few no process is started
			r.note(r.encoder.Write(q.frame.Pix, q.at))
		}
		free <- q.frame
	}
}

// takeOver waits until the encoder has begun, and all of the one before has come out.
func (r *encoderRun) takeOver(before *encoderRun) {
	again := time.NewTicker(beginAgain)
	defer again.Stop()
	for r.encoder.Beginning() > 0 {
		select {
		case <-again.C:
			r.note(r.encoder.Begin())
		case <-r.quit:
			return
		}
	}
	var late <-chan time.Time
	for {
		select {
		case <-before.done:
			return
		case <-r.quit:
			return
		case <-late:
			before.encoder.Stop()
			late = nil
		case <-again.C:
			if late == nil && before.ended.Load() {
				late = time.After(endMax)
				again.Stop()
			}
		}
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
	if r.ended.CompareAndSwap(false, true) {
		close(r.queue)
	}
}

// ends tells that something is still to come out of one that has been taken over from.
func (r *encoderRun) ends() bool {
	if r == nil {
		return false
	}
	select {
	case <-r.done:
		return false
	default:
		return true
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
