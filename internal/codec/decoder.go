package codec

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tuttilive/tutti/internal/media"
)

const (
	// decoderHang is how long a decoder may keep pictures without giving any. Whoever shows them holds the last one meanwhile.
	decoderHang = 700 * time.Millisecond
	// decoderHangMax is what that grows to when a decoder hangs again and again: then it is the machine that is slow.
	decoderHangMax = 5 * time.Second
)

// Picture is one raw picture: three planes (I420, limited range) one after the other, without gaps between lines.
type Picture struct {
	Width, Height int // even
	Pix           []byte
	// PTS is when it was captured.
	PTS time.Duration
	// Past tells that this was before the first picture came out of the process that decoded it, and so says nothing of how long decoding takes.
	Past bool
}

// PictureBytes is how many bytes a picture has.
func PictureBytes(width, height int) int { return width * height * 3 / 2 }

// DecoderConfig is what a decoder does with a stream.
type DecoderConfig struct {
	// Scaling is how large the pictures become.
	Scaling Scaling
	// Ahead is how far ahead of their time frames are decoded at most, 0 for whenever they come.
	Ahead time.Duration
	// Spare is the process to begin with, if it suits, nil for none. It is the decoder's then.
	Spare *Spare
	// Buffer gives the picture to fill, with as many bytes as PictureBytes says; nil leaves the picture out.
	Buffer func(width, height int) *Picture
	// Out takes it, on the same goroutine.
	Out func(*Picture)
	// Keyframe asks the source for a keyframe.
	Keyframe func()
}

// Decoder turns the frames in a ring into raw pictures in a process that is replaced when it dies or hangs: it begins anew with the last
// keyframe in the ring. Its methods may be called from any goroutine, but not from the functions that it calls.
type Decoder struct {
	workers *Workers
	ring    *media.Ring[*media.Frame]
	cfg     DecoderConfig

	err    atomic.Pointer[error]
	pid    atomic.Int64
	starts atomic.Int64
	once   sync.Once
	quit   chan struct{}
	done   chan struct{}
}

// Decode starts a decoder. It ends by Close, or with the ring.
func (w *Workers) Decode(ring *media.Ring[*media.Frame], cfg DecoderConfig) (*Decoder, error) {
	if w.err != nil {
		return nil, w.err
	}
	d := &Decoder{workers: w, ring: ring, cfg: cfg, quit: make(chan struct{}), done: make(chan struct{})}
	if err := w.add(d); err != nil {
		return nil, err
	}
	go d.run()
	return d, nil
}

// Err is why there are no pictures at the moment, nil while there are or may soon be.
func (d *Decoder) Err() error {
	if err := d.err.Load(); err != nil {
		return *err
	}
	return nil
}

// Restarts is how many processes were started after the first.
func (d *Decoder) Restarts() int { return max(0, int(d.starts.Load())-1) }

// Process is the process that decodes now, 0 when there is none.
func (d *Decoder) Process() int { return int(d.pid.Load()) }

// Close ends the process and waits for it.
func (d *Decoder) Close() {
	d.stop()
	d.wait()
}

func (d *Decoder) stop() { d.once.Do(func() { close(d.quit) }) }
func (d *Decoder) wait() { <-d.done }

func (d *Decoder) fail(err error) {
	if err == nil {
		d.err.Store(nil)
	} else {
		d.err.Store(&err)
	}
}

// decoding is the state of a decoder's goroutine.
type decoding struct {
	worker  *worker
	hang    time.Duration
	pause   time.Duration
	started time.Time
}

// run feeds one process after the other.
func (d *Decoder) run() {
	defer close(d.done)
	defer d.workers.remove(d)
	defer d.cfg.Spare.Close()
	s := decoding{hang: decoderHang}
	defer func() {
		if s.worker != nil {
			s.worker.close()
		}
	}()
	cursor := d.begin()
	var batch [8]*media.Frame
	for {
		woken := d.ring.Woken()
		until := d.until()
		n, _, next, err := cursor.ReadUntil(batch[:], until)
		if n == 0 && err != nil {
			return
		}
		for _, f := range batch[:n] {
			if err = d.write(&s, f); err != nil {
				break
			}
		}
		clear(batch[:n])
		if n > 0 && err == nil {
			continue
		}
		if err == nil {
			err = d.sleep(&s, woken, next-until)
		}
		if err == io.EOF {
			return
		}
		if err != nil {
			if !d.recover(&s, err) {
				return
			}
			cursor = d.begin()
		}
	}
}

// until is the time until which frames are decoded now.
func (d *Decoder) until() time.Duration {
	if d.cfg.Ahead == 0 {
		return 1<<63 - 1
	}
	return media.Now() + d.cfg.Ahead
}

// begin begins with the last keyframe whose time has come, and asks for another one.
func (d *Decoder) begin() *media.Cursor[*media.Frame] {
	defer d.cfg.Keyframe()
	return d.ring.FromKeyUntil(d.until())
}

// sleep waits for frames, or until the next one's time has come where that is there; io.EOF says that the decoder was closed.
func (d *Decoder) sleep(s *decoding, woken <-chan struct{}, due time.Duration) error {
	var gone <-chan struct{}
	if s.worker != nil {
		gone = s.worker.done
	}
	var ready <-chan time.Time
	if due > 0 {
		timer := time.NewTimer(due)
		defer timer.Stop()
		woken, ready = nil, timer.C
	}
	select {
	case <-d.quit:
		return io.EOF
	case <-gone:
		return s.worker.err
	case <-woken:
		return nil
	case <-ready:
		return nil
	}
}

// write hands a frame to a process of its format.
func (d *Decoder) write(s *decoding, f *media.Frame) error {
	select {
	case <-d.quit:
		return io.EOF
	default:
	}
	if !f.Keyframe && s.worker == nil {
		return nil // nothing to decode it with
	}
	if f.Keyframe && (f.Format.Codec == media.VP8 || s.worker == nil) {
		if err := checkSize(f); err != nil {
			return err
		}
	}
	if f.Keyframe && (s.worker == nil || !sameStream(s.worker.format, f.Format)) {
		if s.worker != nil {
			s.worker.drain(s.worker.workers.drain)
			s.worker.close()
			s.worker = nil
		}
		if err := checkSize(f); err != nil {
			return err
		}
		k, err := d.start(s, f)
		if err != nil {
			return err
		}
		s.worker, s.started = k, time.Now()
		d.pid.Store(int64(k.cmd.Process.Pid))
		d.starts.Add(1)
		d.fail(nil)
	}
	return s.worker.write(f)
}

func (d *Decoder) start(s *decoding, f *media.Frame) (*worker, error) {
	width, height := d.cfg.Scaling.size(f.Format)
	args := decoderArguments(f.Format, d.workers.libvpx, d.cfg.Scaling)
	began := time.Duration(0)
	return d.workers.startWorker(f, args, d.cfg.Spare.take(f.Format, d.cfg.Scaling), s.hang, d.quit, func(p *process, stdout io.Reader) error {
		return p.readRaw(stdout, width, height, d.cfg.Buffer, func(picture *Picture) {
			if began == 0 {
				began = media.Now()
			}
			picture.Past = picture.PTS < began
			d.cfg.Out(picture)
		})
	})
}

// recover ends a process that failed and waits before the next; false when the decoder was closed.
func (d *Decoder) recover(s *decoding, err error) bool {
	if k := s.worker; k != nil {
		hung := k.owed.overdue(time.Now(), s.hang)
		k.close()
		d.pid.Store(0)
		if k.err != nil && k.count.Load() == 0 {
			err = k.err
		}
		if hung {
			s.hang = min(2*s.hang, decoderHangMax)
		}
		s.worker = nil
	}
	if time.Since(s.started) > healthy {
		s.pause = 0
	}
	slog.Warn("decoding of a picture stopped", "error", err, "retry", s.pause)
	d.fail(err)
	t := time.NewTimer(s.pause)
	defer t.Stop()
	s.pause = min(max(2*s.pause, 250*time.Millisecond), restartMax)
	select {
	case <-d.quit:
		return false
	case <-t.C:
		return true
	}
}

// decoderArguments are for a format, or without one for a spare.
func decoderArguments(f *media.Format, libvpx bool, s Scaling) []string {
	args := append(sourceArguments(f, libvpx), passTimes...)
	return append(args,
		"-vf", s.filter(f),
		"-c:v", "rawvideo", "-threads", "1", "-flush_packets", "1", "-f", "nut", "pipe:1",
	)
}

// readRaw gives out raw pictures of a size until the process ends.
func (p *process) readRaw(stdout io.Reader, width, height int, buffer func(int, int) *Picture, out func(*Picture)) error {
	r := nutReader{r: bufio.NewReaderSize(stdout, 4<<10)}
	for {
		at, size, err := r.next()
		if err != nil {
			return err
		}
		if size != PictureBytes(width, height) {
			return fmt.Errorf("codec: worker gave a picture of %d bytes", size)
		}
		pts, known := p.owed.leave(at)
		p.count.Add(1)
		var picture *Picture
		if known {
			picture = buffer(width, height)
		}
		if picture == nil {
			if _, err := r.r.Discard(size); err != nil {
				return err
			}
			continue
		}
		if _, err := io.ReadFull(r.r, picture.Pix[:size]); err != nil {
			return err // the picture is lost with the process
		}
		picture.Width, picture.Height, picture.PTS = width, height, pts
		out(picture)
	}
}
