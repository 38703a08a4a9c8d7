package codec

import (
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/tuttilive/tutti/internal/media"
)

const (
	// queueMax bounds the frames that wait for a worker: about two seconds.
	queueMax      = 64
	queueMaxBytes = 8 << 20
	// restartMax is the longest pause between two tries to start a worker.
	restartMax = 5 * time.Second
	// behindFor is how long it is told that pictures were left out, because the process took too long for them.
	behindFor = 15 * time.Second
	// healthy is how long a worker must live for the next one to be started at once.
	healthy = 10 * time.Second
)

var errBehind = errors.New("this machine is too slow for it")

// VideoConverter re-encodes one stream to H.264 constrained baseline without B-frames, at the same size or smaller, in a process
// that is restarted when it dies. Its methods may be called from any goroutine, but not from the functions that it calls.
type VideoConverter struct {
	workers  *Workers
	lines    int
	out      func(*media.Frame)
	keyframe func()

	mu      sync.Mutex
	queue   []*media.Frame
	bytes   int
	seeking bool          // what comes is of no use until a keyframe
	dropped bool          // frames were dropped and a keyframe was not asked for yet
	behind  time.Duration // on media time: when frames were dropped last, 0 for never
	closed  bool
	err     error
	wake    chan struct{} // holds one token while there is news
	quit    chan struct{}
	done    chan struct{}
}

// Convert starts a converter. lines are those of the pictures' shorter side that come out, where they come in with more; 0 leaves their size. out is called from one goroutine, with frames whose PTS are those of the input; keyframe
// is called when the converter needs one to go on (after a start or a restart).
func (w *Workers) Convert(lines int, out func(*media.Frame), keyframe func()) (*VideoConverter, error) {
	if w.err != nil {
		return nil, w.err
	}
	v := &VideoConverter{
		workers: w, lines: lines, out: out, keyframe: keyframe, seeking: true,
		wake: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{}),
	}
	if err := w.add(v); err != nil {
		return nil, err
	}
	go v.run()
	return v, nil
}

// Write hands in a frame; it never blocks: a converter that cannot keep up drops up to the next keyframe.
func (v *VideoConverter) Write(f *media.Frame) {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case v.closed, v.seeking && !f.Keyframe:
		return
	case len(v.queue) >= queueMax, v.bytes+len(f.Payload) > queueMaxBytes:
		v.queue, v.bytes = v.queue[:0], 0
		v.behind = media.Now()
		if v.seeking = !f.Keyframe; v.seeking {
			v.dropped = true
			v.notify()
			return
		}
	}
	v.seeking = false
	v.queue = append(v.queue, f)
	v.bytes += len(f.Payload)
	v.notify()
}

func (v *VideoConverter) notify() {
	select {
	case v.wake <- struct{}{}:
	default:
	}
}

// RequestKeyframe makes the next output frame a keyframe where that is possible within a second: the output has one
// wherever the input has, so it asks the source.
func (v *VideoConverter) RequestKeyframe() { v.keyframe() }

// Err is why there is no output at the moment, nil while there is or may soon be.
func (v *VideoConverter) Err() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.err == nil && v.behind > 0 && media.Now()-v.behind < behindFor {
		return errBehind
	}
	return v.err
}

// Close ends the process and waits for it.
func (v *VideoConverter) Close() {
	v.stop()
	v.wait()
}

func (v *VideoConverter) wait() { <-v.done }

func (v *VideoConverter) stop() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.closed {
		v.closed = true
		close(v.quit)
	}
}

// take gives the next frame; nil when there is none.
func (v *VideoConverter) take() *media.Frame {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.queue) == 0 {
		return nil
	}
	f := v.queue[0]
	v.queue[0] = nil
	v.queue = v.queue[1:]
	if len(v.queue) == 0 {
		v.queue = nil
	}
	v.bytes -= len(f.Payload)
	return f
}

// seek drops what waits up to the next keyframe and asks for one when there is none.
func (v *VideoConverter) seek() {
	v.mu.Lock()
	i := slices.IndexFunc(v.queue, func(f *media.Frame) bool { return f.Keyframe })
	if i < 0 {
		v.queue, v.bytes, v.seeking = nil, 0, true
	} else {
		v.queue = v.queue[i:]
		v.bytes = 0
		for _, f := range v.queue {
			v.bytes += len(f.Payload)
		}
	}
	v.mu.Unlock()
	if i < 0 {
		v.keyframe()
	}
}

// recoverDropped asks for a keyframe after frames were dropped.
func (v *VideoConverter) recoverDropped() {
	v.mu.Lock()
	dropped := v.dropped && v.seeking
	v.dropped = false
	v.mu.Unlock()
	if dropped {
		v.keyframe()
	}
}

// run feeds one worker after the other.
func (v *VideoConverter) run() {
	defer close(v.done)
	defer v.workers.remove(v)
	var k *worker
	defer func() {
		if k != nil {
			k.close()
		}
	}()
	v.keyframe()
	pause, started := time.Duration(0), time.Time{}
	for {
		var gone <-chan struct{}
		if k != nil {
			gone = k.done
		}
		f := v.take()
		if f == nil {
			select {
			case <-v.quit:
				return
			case <-v.wake:
				v.recoverDropped()
				continue
			case <-gone:
			}
		}
		var err error
		switch {
		case f == nil:
			err = k.err
		case f.Keyframe && (k == nil || !sameStream(k.format, f.Format)):
			if k != nil {
				k.drain(v.workers.drain)
				k.close()
				k = nil
			}
			if err = checkSize(f); err == nil {
				if k, err = v.workers.startConverter(f, v.lines, v.out, v.quit); err == nil {
					started = time.Now()
					err = k.write(f)
				}
			}
		case k == nil:
			continue // nothing to decode it with
		case f.Keyframe && f.Format.Codec == media.VP8 && checkSize(f) != nil:
			err = checkSize(f)
		default:
			err = k.write(f)
		}
		v.setErr(err)
		if err == nil {
			continue
		}
		if k != nil {
			k.close()
			if k.err != nil && k.count.Load() == 0 {
				err = k.err
			}
			k = nil
		}
		if time.Since(started) > healthy {
			pause = 0
		}
		slog.Warn("picture conversion stopped", "error", err, "retry", pause)
		if !v.pause(pause) {
			return
		}
		pause = min(max(2*pause, 250*time.Millisecond), restartMax)
		v.seek()
	}
}

func (v *VideoConverter) setErr(err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.err = err
}

// pause waits before the next try; false when the converter was closed.
func (v *VideoConverter) pause(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-v.quit:
		return false
	case <-t.C:
		return true
	}
}

// sameStream tells whether one decoder and one encoder can serve both formats.
func sameStream(a, b *media.Format) bool {
	return a == b || a.Codec == b.Codec && a.Width == b.Width && a.Height == b.Height && a.Reordered == b.Reordered &&
		slices.Equal(a.SPS, b.SPS) && slices.Equal(a.PPS, b.PPS) && slices.Equal(a.VPS, b.VPS)
}
