// Package compose makes one picture of several: each source is decoded in a worker process, laid out, painted into a frame, and the frame
// is encoded once.
//
// Everything lies on media time. For each tick the composer takes of each source the newest picture that was captured until then, so what
// was captured at the same time is seen at the same time, and the frame that comes out bears the middle of what that can be as its time: it fits to the mix, and to
// a picture that passes through, by PTS. The composer is behind the present by as much as the latest source needs.
package compose

import (
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/tuttilive/tutti/internal/codec"
	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/program/compose/text"
	"github.com/tuttilive/tutti/internal/track"
)

// idleCheck is how often it is looked whether somebody reads the picture of a composer that rests.
const idleCheck = 100 * time.Millisecond

// Config is what a composer needs.
type Config struct {
	Workers *codec.Workers
	Fonts   *text.Fonts
	// Label is used in logs.
	Label string
	// ID is that of the track that holds the picture, "TR_..." .
	ID string
}

// Composer composes while somebody reads its track. Its methods may be called from any goroutine; only Close waits.
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
	awaited  bool
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
	// Renditions are the smaller pictures that are made beside it, because somebody reads them.
	Renditions []media.Size
	// Processes are the ids of the workers: first the encoders', then those of decoders.
	Processes []int
}

// New makes a composer. It fails where there is no ffmpeg.
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
		output: track.NewFromFrames(track.Info{ID: cfg.ID, Kind: media.Video, Codec: media.H264, Label: cfg.Label + " composed", Workers: cfg.Workers}),
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

// Await says whether somebody will read the track soon: then all is made ready for that.
func (c *Composer) Await(awaited bool) {
	c.mu.Lock()
	changed := c.awaited != awaited
	c.awaited = awaited
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
	s.Processes, s.Renditions = slices.Clone(s.Processes), slices.Clone(s.Renditions)
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
}

func (c *Composer) wanted() wanted {
	c.mu.Lock()
	defer c.mu.Unlock()
	return wanted{c.sources, c.settings, c.speaking, c.levels, c.version}
}

// isAwaited tells that somebody will read soon.
func (c *Composer) isAwaited() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.awaited
}

// run composes whenever somebody reads, or will soon, until Close.
func (c *Composer) run() {
	idle := time.NewTicker(idleCheck)
	defer idle.Stop()
	for {
		if c.output.Wanted() || c.isAwaited() {
			c.compose(c.wanted())
		}
		select {
		case <-c.done:
			return
		default:
		}
		if c.output.Wanted() || c.isAwaited() {
			continue // with other frames
		}
		select {
		case <-idle.C:
		case <-c.news:
		case <-c.done:
			return
		}
	}
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
	c.stats.Running, c.stats.Processes, c.stats.Renditions, c.stats.Busy, c.stats.Shed = false, nil, nil, 0, 0
}

func (cfg Config) log() *slog.Logger { return slog.With("room", cfg.Label) }
