// Package compose makes one picture of several: each source is decoded in a worker process, laid out, painted into a frame, and the frame
// is encoded once.
//
// Everything lies on media time. For each tick the composer takes of each source the newest picture that was captured until then, so what
// was captured at the same time is seen at the same time, and the frame that comes out bears the tick as its time: it fits to the mix, and to
// a picture that passes through, by PTS. The composer is behind the present by as much as the latest source needs.
package compose

import (
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/tuttilive/tutti/internal/codec"
	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/program/compose/paint"
	"github.com/tuttilive/tutti/internal/program/compose/text"
	"github.com/tuttilive/tutti/internal/track"
)

const (
	// warmUp is how long the first frame waits for all sources to have a picture.
	warmUp = 800 * time.Millisecond
	// canvases is how many frames there are: one is painted, one waits for the encoder, one is in it.
	canvases = 3
	// stallMax is how far behind a composer may be and still make up for it; beyond, frames are left out.
	stallMax = 200 * time.Millisecond
)

// Config is what a composer needs.
type Config struct {
	Workers *codec.Workers
	Fonts   *text.Fonts
	// Label is used in logs.
	Label string
}

// Composer composes while it is told to run. Its methods may be called from any goroutine; only Close waits.
type Composer struct {
	cfg    Config
	output *track.Track
	news   chan struct{} // holds one token while something was set
	done   chan struct{}
	once   sync.Once
	work   sync.WaitGroup

	mu       sync.Mutex
	sources  []Source
	settings Settings
	speaking string
	levels   map[string]float64
	version  int // counts changes of what is above but levels
	running  bool
	problem  error
	stats    Stats
}

// Stats is how a composer fares.
type Stats struct {
	// Running tells that frames are made now.
	Running bool
	Width   int
	Height  int
	// FPS is how many frames are made in a second when nothing is in the way.
	FPS int
	// Frames were made, Skipped left out because the machine was too slow.
	Frames, Skipped uint64
	// Delay is how far the frames are behind their capture.
	Delay time.Duration
	// Busy is which share of the time of one core painting took, lately.
	Busy float64
	// Shed tells that less is made than is wanted, because the machine is too slow: 0 is all, then fewer, then smaller frames.
	Shed int
	// Restarts is how often a worker was replaced.
	Restarts int
	// Processes are the ids of the workers: first the encoder's, then those of decoders.
	Processes []int
}

// New makes a composer that does not run yet. It fails where there is no ffmpeg.
func New(cfg Config) (*Composer, error) {
	if cfg.Workers == nil {
		return nil, codec.ErrNoWorkers
	}
	if err := cfg.Workers.Available(); err != nil {
		return nil, err
	}
	if cfg.Fonts == nil {
		cfg.Fonts = text.Find("off")
	}
	c := &Composer{
		cfg: cfg, settings: Defaults(), news: make(chan struct{}, 1), done: make(chan struct{}),
		output: track.NewFromFrames(track.Info{ID: "TR_COMPOSED", Kind: media.Video, Codec: media.H264, Label: cfg.Label + " composed", Workers: cfg.Workers}),
	}
	c.work.Go(c.run)
	return c, nil
}

// Output is the track that holds the composed picture.
func (c *Composer) Output() *track.Track { return c.output }

// Room tells whether this machine may run the workers for so many pictures.
func (c *Composer) Room(pictures int) bool { return c.cfg.Workers.Room() > pictures }

// Set says what is composed, and how. It keeps the slice.
func (c *Composer) Set(sources []Source, s Settings) {
	c.mu.Lock()
	c.sources, c.settings = sources, s
	c.version++
	c.mu.Unlock()
	c.notify()
}

// Speaking says who leads the conversation, and how loud each is from 0 to 1, by identity. It keeps the map.
func (c *Composer) Speaking(identity string, levels map[string]float64) {
	c.mu.Lock()
	changed := c.speaking != identity
	c.speaking, c.levels = identity, levels
	if changed {
		c.version++
	}
	c.mu.Unlock()
	if changed {
		c.notify()
	}
}

// Run starts and stops the work.
func (c *Composer) Run(on bool) {
	c.mu.Lock()
	changed := c.running != on
	c.running = on
	c.mu.Unlock()
	if changed {
		c.notify()
	}
}

// Problem is why the picture is not as it should be, nil when it is.
func (c *Composer) Problem() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.problem
}

// Stats tells how it fares.
func (c *Composer) Stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.stats
	s.Processes = slices.Clone(s.Processes)
	return s
}

// Close ends everything and waits.
func (c *Composer) Close() {
	c.once.Do(func() { close(c.done) })
	c.work.Wait()
	c.output.Close()
}

func (c *Composer) notify() {
	select {
	case c.news <- struct{}{}:
	default:
	}
}

// wanted is what the composer is to do now.
type wanted struct {
	sources  []Source
	settings Settings
	speaking string
	levels   map[string]float64
	version  int
	running  bool
}

func (c *Composer) wanted() wanted {
	c.mu.Lock()
	defer c.mu.Unlock()
	return wanted{c.sources, c.settings, c.speaking, c.levels, c.version, c.running}
}

// run composes whenever it is wanted, until Close.
func (c *Composer) run() {
	for {
		w := c.wanted()
		if w.running {
			c.compose(w)
		}
		select {
		case <-c.done:
			return
		default:
		}
		if c.wanted().running {
			continue // with another size
		}
		select {
		case <-c.news:
		case <-c.done:
			return
		}
	}
}

// compose makes frames of one size until that changes, or nobody wants them.
func (c *Composer) compose(w wanted) {
	width, height := w.settings.Size()
	fps := w.settings.FPS
	sc := newScene(c.cfg, width, height)
	defer sc.close()
	out, err := c.openEncoder(width, height, w.settings.FPS)
	if err != nil {
		c.fail(err)
		return
	}
	defer func() { out.close() }()
	defer c.rest()
	var shed shedder
	c.cfg.log().Info("composing", "width", width, "height", height, "fps", w.settings.FPS)
	defer c.cfg.log().Info("composing ended")
	t := ticker{step: time.Second / time.Duration(w.settings.FPS)}
	timer := time.NewTimer(0)
	defer timer.Stop()
	begin := media.Now()
	sc.set(w, begin)
	for version := w.version; ; {
		now := media.Now()
		wait, due := t.next(now, sc.lateness(now))
		if due && !(sc.begun || sc.ready() || now-begin >= warmUp) {
			sc.look(now)
			t.skip()
			due, wait = false, t.step/2
		}
		if due {
			made := c.paint(sc, out, t.take())
			if shed.tell(made, now) {
				out.close()
				fps, outWidth, outHeight := shed.effort(w.settings.FPS, width, height)
				c.cfg.log().Warn("composing costs more than the machine has, or it has again", "fps", fps, "width", outWidth, "height", outHeight)
				out.restart(c, fps, outWidth, outHeight)
				t.step = time.Second / time.Duration(fps)
				t.skip()
				shed.pause(now)
				c.setShed(shed.level)
			}
			continue
		}
		timer.Reset(wait)
		select {
		case <-timer.C:
		case <-c.news:
			if w = c.wanted(); !w.running {
				return
			}
			if nw, nh := w.settings.Size(); nw != width || nh != height || w.settings.FPS != fps {
				return
			}
			if w.version != version {
				version = w.version
				sc.set(w, media.Now())
			}
		case <-c.done:
			return
		}
	}
}

// paint makes the frame of a tick, unless the encoder has all it can take.
func (c *Composer) paint(sc *scene, out *encoding, at time.Duration) (made bool) {
	begin := time.Now()
	frame := out.canvas()
	if frame != nil {
		sc.paint(frame, at, media.Now(), c.levelsNow())
		out.send(frame, at)
	} else {
		sc.look(media.Now())
	}
	spent := time.Since(begin)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stats.Running, c.stats.Width, c.stats.Height, c.stats.FPS = true, out.width, out.height, out.fps
	c.stats.Delay = sc.delay.now
	c.stats.Busy += (spent.Seconds()*float64(out.fps) - c.stats.Busy) / 32
	if frame != nil {
		c.stats.Frames++
	} else {
		c.stats.Skipped++
	}
	c.stats.Restarts, c.stats.Processes = sc.restarts(), c.stats.Processes[:0]
	if out.encoder != nil {
		c.stats.Restarts += out.encoder.Restarts()
		c.stats.Processes = append(c.stats.Processes, out.encoder.Process())
	}
	c.stats.Processes = sc.processes(c.stats.Processes)
	c.problem = errors.Join(sc.problem(), out.problem())
	return frame != nil
}

func (c *Composer) setShed(level int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stats.Shed = level
}

func (c *Composer) levelsNow() map[string]float64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.levels
}

func (c *Composer) fail(err error) {
	c.mu.Lock()
	c.problem = err
	c.mu.Unlock()
	c.cfg.log().Warn("composing", "error", err)
	select {
	case <-time.After(time.Second):
	case <-c.done:
	}
}

func (c *Composer) rest() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stats.Running, c.stats.Processes, c.stats.Busy, c.stats.Shed = false, nil, 0, 0
}

func (cfg Config) log() *slog.Logger { return slog.With("room", cfg.Label) }

// ticker says when the frame of which tick is due. Ticks are multiples of the step in media time.
type ticker struct {
	step time.Duration
	at   time.Duration // the tick to come, 0 before the first
	last time.Duration
}

// next tells how long it is until the next tick is due, or that it is.
func (t *ticker) next(now, delay time.Duration) (wait time.Duration, due bool) {
	if t.at == 0 {
		t.at = max((now-delay)/t.step*t.step, t.last+t.step)
	}
	if behind := now - delay - t.at; behind > stallMax {
		t.at += behind / t.step * t.step
	}
	wait = t.at + delay - now
	return wait, wait <= 0
}

// take gives the tick that is due.
func (t *ticker) take() time.Duration {
	t.last = t.at
	t.at += t.step
	return t.last
}

// skip leaves out what is due.
func (t *ticker) skip() { t.at = 0 }

// encoding is an encoder and the frames on their way to it.
type encoding struct {
	width, height, fps int // of what comes out
	encoder            *codec.Encoder
	free               chan *paint.Frame
	queue              chan queued
	done               chan struct{}

	mu  sync.Mutex
	err error
}

type queued struct {
	frame *paint.Frame
	at    time.Duration
}

func (c *Composer) openEncoder(width, height, fps int) (*encoding, error) {
	e := &encoding{free: make(chan *paint.Frame, canvases)}
	for range canvases {
		e.free <- paint.NewFrame(width, height)
	}
	return e, e.start(c, width, height, fps, width, height)
}

// start runs an encoder for frames of a size, whose output may have another.
func (e *encoding) start(c *Composer, width, height, fps, outWidth, outHeight int) (err error) {
	e.width, e.height, e.fps = outWidth, outHeight, fps
	e.queue, e.done = make(chan queued, canvases), make(chan struct{})
	e.encoder, err = c.cfg.Workers.Encode(codec.EncoderConfig{
		Width: width, Height: height, OutWidth: outWidth, OutHeight: outHeight, FPS: fps, Out: func(f *media.Frame) {
			if err := c.output.WriteFrame(f); err != nil && err != track.ErrClosed {
				c.cfg.log().Warn("a composed picture does not fit", "error", err)
			}
		},
	})
	if err != nil {
		close(e.done)
		return err
	}
	go e.run(e.encoder, e.queue, e.done)
	return nil
}

// restart is start after close. The frames are free by then.
func (e *encoding) restart(c *Composer, fps, outWidth, outHeight int) {
	f := <-e.free
	e.free <- f
	if err := e.start(c, f.Width, f.Height, fps, outWidth, outHeight); err != nil { // the server ends
		c.cfg.log().Warn("composing", "error", err)
	}
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

func (e *encoding) close() {
	if e.encoder == nil {
		return
	}
	e.encoder.Stop()
	close(e.queue)
	<-e.done
}
