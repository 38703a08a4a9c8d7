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
	// encoderGOP is how many pictures lie between keyframes at 30 a second: two seconds.
	encoderGOP = 60
)

var errEncoderStopped = errors.New("codec: the encoder was stopped")

// EncoderConfig is what is made of raw pictures.
type EncoderConfig struct {
	// Width and Height are those of the pictures that come in; OutWidth and OutHeight of those that go out, 0 for the same.
	Width, Height       int
	OutWidth, OutHeight int
	// FPS is how many pictures come a second at most.
	FPS int
	// Bitrate bounds what comes out, in bit/s; 0 suits the size.
	Bitrate int
	// Preset is x264's effort; empty suits the size.
	Preset string
	// Out takes the frames, on a goroutine of the encoder's.
	Out func(*media.Frame)
}

// Encoder turns raw pictures into H.264 constrained baseline without B-frames, with a keyframe every two seconds of media time, in a process that is
// replaced when it dies or hangs: the next picture after that is a keyframe with Discontinuity. Write and Close belong to one goroutine.
type Encoder struct {
	workers *Workers
	cfg     EncoderConfig

	process *process
	written int64 // pictures, to the process
	hang    time.Duration
	started time.Time
	retry   time.Time
	pause   time.Duration
	pid     atomic.Int64
	starts  atomic.Int64
	begins  atomic.Int64 // on media time: since when there is a process, or one was tried, and no picture of it; 0 when there is one

	once sync.Once
	quit chan struct{}
}

// Encode makes an encoder; its process starts with the first picture.
func (w *Workers) Encode(cfg EncoderConfig) (*Encoder, error) {
	if w.err != nil {
		return nil, w.err
	}
	if cfg.OutWidth == 0 {
		cfg.OutWidth, cfg.OutHeight = cfg.Width, cfg.Height
	}
	e := &Encoder{workers: w, cfg: cfg, hang: encoderHang, quit: make(chan struct{})}
	if err := w.add(e); err != nil {
		return nil, err
	}
	return e, nil
}

// Stop kills the process, so that a Write does not block; Close must follow. It may be called from any goroutine.
func (e *Encoder) Stop() { e.once.Do(func() { close(e.quit) }) }

func (e *Encoder) stop() { e.Stop() }

func (e *Encoder) wait() {}

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

// Beginning is for how long the encoder, or the process that takes the place of one that died or hung, has been expected to give its first picture; 0 when it
// has, and before the first Write. It may be called from any goroutine.
func (e *Encoder) Beginning() time.Duration {
	since := e.begins.Load()
	if since == 0 {
		return 0
	}
	return media.Now() - time.Duration(since)
}

// Inside is how many pictures the process has not given back yet.
func (e *Encoder) Inside() int {
	if e.process == nil {
		return 0
	}
	return e.process.owed.inside()
}

// Write hands in a picture of Width x Height that was captured at pts, which must grow. It blocks while the process takes nothing, at most
// until that is replaced; an error says why the picture was lost.
func (e *Encoder) Write(pix []byte, pts time.Duration) error {
	if len(pix) != PictureBytes(e.cfg.Width, e.cfg.Height) {
		return fmt.Errorf("codec: picture of %d bytes for an encoder of %dx%d", len(pix), e.cfg.Width, e.cfg.Height)
	}
	if p := e.process; p != nil {
		select {
		case <-p.done:
			e.failed(p.err)
		default:
		}
	}
	if e.process == nil {
		select {
		case <-e.quit:
			return errEncoderStopped
		default:
		}
		if err := e.start(pts); err != nil {
			return err
		}
	}
	at := e.clock()
	if at > clockMax {
		e.end() // FLV's clock has come to its end
		return e.Write(pix, pts)
	}
	if _, err := e.process.owed.enter(at, pts); err != nil {
		e.failed(err)
		return err
	}
	if err := e.process.send(pix); err != nil {
		e.failed(err)
		return err
	}
	e.written++
	return nil
}

// clock is the time of the next picture on the process's clock, which counts pictures: in milliseconds, rounded as ffmpeg does.
func (e *Encoder) clock() int64 {
	fps := int64(e.cfg.FPS)
	return (2000*e.written + fps) / (2 * fps)
}

// start runs a process whose first picture was captured at first.
func (e *Encoder) start(first time.Duration) error {
	if wait := time.Until(e.retry); wait > 0 {
		return fmt.Errorf("codec: the encoder starts again in %v", wait.Round(time.Millisecond))
	}
	e.begins.CompareAndSwap(0, int64(media.Now()))
	p, err := e.workers.startProcess(encoderArguments(e.cfg, first), e.hang, e.quit, func(p *process, stdout io.Reader) error {
		return p.readH264(stdout, func(f *media.Frame) {
			e.begins.Store(0)
			e.cfg.Out(f)
		})
	})
	if err != nil {
		e.delay()
		return err
	}
	e.process, e.written, e.started = p, 0, time.Now()
	e.pid.Store(int64(p.cmd.Process.Pid))
	e.starts.Add(1)
	return nil
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

func encoderArguments(c EncoderConfig, first time.Duration) []string {
	preset, bitrate, threads := workerEffort(c.OutWidth, c.OutHeight)
	if c.Bitrate > 0 {
		bitrate = c.Bitrate
	}
	if c.Preset != "" {
		preset = c.Preset
	}
	args := []string{
		"-hide_banner", "-nostdin", "-nostats", "-loglevel", "error", "-protocol_whitelist", "pipe",
		"-probesize", "32", "-analyzeduration", "0", "-f", "rawvideo", "-pix_fmt", "yuv420p",
		"-s", fmt.Sprintf("%dx%d", c.Width, c.Height), "-framerate", strconv.Itoa(c.FPS), "-i", "pipe:0",
		"-map", "0:v:0", "-an", "-sn", "-dn", "-vsync", "passthrough", "-pix_fmt", "yuv420p",
	}
	if c.OutWidth != c.Width || c.OutHeight != c.Height {
		args = append(args, "-vf", fmt.Sprintf("scale=%d:%d:flags=bilinear", c.OutWidth, c.OutHeight))
	}
	args = append(args, x264Arguments(preset, bitrate, threads, c.FPS)...)
	gop := max(1, encoderGOP*c.FPS/30)
	args = append(args, "-g", strconv.Itoa(gop))
	args = append(args, "-forced-idr", "1", "-force_key_frames", fmt.Sprintf("expr:not(mod(n+%d,%d))", pictureNumber(first, c.FPS)%gop, gop))
	return append(args, toFLV...)
}

// pictureNumber counts pictures since media time began. Keyframes lie at the same numbers in all encoders, whenever they began: so
// pictures of several sizes can be exchanged for each other.
func pictureNumber(pts time.Duration, fps int) int {
	return int(pts * time.Duration(fps) / time.Second)
}
