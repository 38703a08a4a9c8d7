package codec

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tuttilive/tutti/internal/media"
)

const (
	// encoderHang is how long an encoder may keep pictures without giving any.
	encoderHang = 800 * time.Millisecond
	// finishMax is how long what is inside may take to come out in the end.
	finishMax = time.Second
	// encoderGOP is how much media time lies between keyframes.
	encoderGOP = 2 * time.Second
	// encoderKeyMax is how many pictures may lie between keyframes for x264; there are never so many in encoderGOP.
	encoderKeyMax = 600
)

var errEncoderStopped = errors.New("codec: the encoder was stopped")

// EncoderConfig is what is made of raw pictures.
type EncoderConfig struct {
	// Width and Height are those of the pictures that come in; OutWidth and OutHeight of those that go out, 0 for the same.
	Width, Height       int
	OutWidth, OutHeight int
	// FPS is how many pictures come a second at most; fewer may come at any time.
	FPS int
	// Bitrate bounds what comes out, in bit/s; 0 suits the size.
	Bitrate int
	// Preset is x264's effort; empty suits the size.
	Preset string
	// Out takes the frames, on a goroutine of the encoder's.
	Out func(*media.Frame)
}

// Encoder turns raw pictures into H.264 constrained baseline without B-frames, in a process that is replaced when it dies or hangs: the next picture after that is
// a keyframe with Discontinuity. Of each two seconds of media time the first picture is a keyframe, in all encoders, whenever they began: so pictures of several
// sizes can be exchanged for each other. Begin, Running, Write, Finish and Close belong to one goroutine.
//
// A process gets a picture first that nobody sees: when that has come out, it has begun.
type Encoder struct {
	workers *Workers
	cfg     EncoderConfig

	process *process
	base    time.Duration // where the process's clock begins
	head    []byte
	hang    time.Duration
	started time.Time
	retry   time.Time
	pause   time.Duration
	pid     atomic.Int64
	starts  atomic.Int64
	begins  atomic.Int64 // on media time: since when it is expected to have begun; 0 when it has

	once sync.Once
	quit chan struct{}
}

// Encode makes an encoder; its process starts with Begin, or with the first picture.
func (w *Workers) Encode(cfg EncoderConfig) (*Encoder, error) {
	if w.err != nil {
		return nil, w.err
	}
	if cfg.OutWidth == 0 {
		cfg.OutWidth, cfg.OutHeight = cfg.Width, cfg.Height
	}
	e := &Encoder{workers: w, cfg: cfg, hang: encoderHang, quit: make(chan struct{})}
	e.begins.Store(int64(media.Now()))
	if err := w.add(e); err != nil {
		return nil, err
	}
	return e, nil
}

// Stop kills the process, so that a Write does not block; Close must follow. It may be called from any goroutine.
func (e *Encoder) Stop() { e.once.Do(func() { close(e.quit) }) }

func (e *Encoder) stop() { e.Stop() }

func (e *Encoder) wait() {}

// Finish is Close, but lets what is inside come out, for a second at most.
func (e *Encoder) Finish() {
	if e.process != nil {
		e.process.drain(finishMax)
	}
	e.Close()
}

// Close ends the process and waits for it.
func (e *Encoder) Close() {
	e.Stop()
	e.end()
	e.workers.remove(e)
}

func (e *Encoder) end() {
	if e.process != nil {
		e.process.close()
		e.process = nil
		e.pid.Store(0)
	}
}

// Restarts is how many processes were started after the first.
func (e *Encoder) Restarts() int { return max(0, int(e.starts.Load())-1) }

// Process is the process that encodes now, 0 when there is none.
func (e *Encoder) Process() int { return int(e.pid.Load()) }

// Beginning is for how long the encoder, or the process that takes the place of one that died or hung, has been expected to begin; 0 when it has. It may be called
// from any goroutine.
func (e *Encoder) Beginning() time.Duration {
	since := e.begins.Load()
	if since == 0 {
		return 0
	}
	return media.Now() - time.Duration(since)
}

// Begin starts the process, for pictures that are captured about now: the first Write finds it running where Beginning is 0.
func (e *Encoder) Begin() error {
	if e.Running() {
		return nil
	}
	return e.start(media.Now())
}

// Running tells that there is a process; one that has ended is gone then.
func (e *Encoder) Running() bool {
	if e.process == nil {
		return false
	}
	select {
	case <-e.process.done:
		e.failed(e.process.err)
		return false
	default:
		return true
	}
}

// Write hands in a picture of Width x Height that was captured at pts, which must grow. It blocks while the process takes nothing, at most
// until that is replaced; an error says why the picture was lost.
func (e *Encoder) Write(pix []byte, pts time.Duration) error {
	if len(pix) != PictureBytes(e.cfg.Width, e.cfg.Height) {
		return fmt.Errorf("codec: picture of %d bytes for an encoder of %dx%d", len(pix), e.cfg.Width, e.cfg.Height)
	}
	if at := e.clock(pts); e.process != nil && (at <= 0 || at >= clockMax) {
		e.end()
	}
	if !e.Running() {
		if err := e.start(pts); err != nil {
			return err
		}
	}
	if err := e.send(pix, pts); err != nil {
		e.failed(err)
		return err
	}
	return nil
}

// clock is a time on the process's clock, in milliseconds; the picture that nobody sees is at 0.
func (e *Encoder) clock(pts time.Duration) int64 { return (pts - e.base).Milliseconds() }

// send gives the process a picture.
func (e *Encoder) send(pix []byte, pts time.Duration) error {
	at, err := e.process.owed.enter(e.clock(pts), pts)
	if err != nil {
		return err
	}
	e.head = matroskaFrameHead(e.head[:0], at, true, len(pix))
	if err := e.process.send(e.head); err != nil {
		return err
	}
	return e.process.send(pix)
}

// start runs a process for pictures that are captured from about first on.
func (e *Encoder) start(first time.Duration) error {
	select {
	case <-e.quit:
		return errEncoderStopped
	default:
	}
	if wait := time.Until(e.retry); wait > 0 {
		return fmt.Errorf("codec: the encoder starts again in %v", wait.Round(time.Millisecond))
	}
	e.begins.CompareAndSwap(0, int64(media.Now()))
	p, err := e.workers.startProcess(encoderArguments(e.cfg), e.hang, e.quit, e.read)
	if err != nil {
		e.delay()
		return err
	}
	e.process, e.started = p, time.Now()
	e.base = first.Truncate(encoderGOP) - clockStart*time.Millisecond
	e.pid.Store(int64(p.cmd.Process.Pid))
	e.starts.Add(1)
	err = p.send(matroskaRaw(e.cfg.Width, e.cfg.Height))
	if err == nil {
		err = e.send(make([]byte, PictureBytes(e.cfg.Width, e.cfg.Height)), e.base)
	}
	if err != nil {
		e.failed(err)
	}
	return err
}

// read gives out what a process makes.
func (e *Encoder) read(p *process, stdout io.Reader) error {
	came := 0
	return p.readH264(stdout, func(f *media.Frame) {
		if came++; came == 1 {
			e.begins.Store(0)
			return // nobody is to see it
		}
		f.Discontinuity = came == 2
		e.cfg.Out(f)
	})
}

// failed ends a process that died or hung; the next picture starts another.
func (e *Encoder) failed(err error) {
	if e.process.owed.overdue(time.Now(), e.hang) {
		e.hang = min(2*e.hang, decoderHangMax)
	}
	p := e.process
	e.end()
	if p.err != nil && p.count.Load() == 0 {
		err = p.err
	}
	select {
	case <-e.quit:
		return
	default:
	}
	if time.Since(e.started) > healthy {
		e.pause = 0
	}
	slog.Warn("encoding of a picture stopped", "error", err, "retry", e.pause)
	e.delay()
}

func (e *Encoder) delay() {
	e.retry = time.Now().Add(e.pause)
	e.pause = min(max(2*e.pause, 100*time.Millisecond), restartMax)
}

func encoderArguments(c EncoderConfig) []string {
	preset, bitrate, threads := workerEffort(c.OutWidth, c.OutHeight)
	if c.Bitrate > 0 {
		bitrate = c.Bitrate
	}
	if c.Preset != "" {
		preset = c.Preset
	}
	args := []string{
		"-hide_banner", "-nostdin", "-nostats", "-loglevel", "error", "-protocol_whitelist", "pipe",
		"-probesize", "32", "-analyzeduration", "0", "-f", "matroska", "-i", "pipe:0",
	}
	args = append(args, passTimes...)
	args = append(args, "-pix_fmt", "yuv420p")
	if c.OutWidth != c.Width || c.OutHeight != c.Height {
		args = append(args, "-vf", fmt.Sprintf("scale=%d:%d:flags=bilinear", c.OutWidth, c.OutHeight))
	}
	args = append(args, x264Arguments(preset, bitrate, threads, c.FPS)...)
	gop := int(encoderGOP.Seconds())
	args = append(args, "-g", strconv.Itoa(encoderKeyMax), "-forced-idr", "1")
	args = append(args, "-force_key_frames", fmt.Sprintf("expr:lt(n,2)+gt(floor(t/%d),floor(prev_forced_t/%d))", gop, gop))
	return append(args, toFLV...)
}
