package codec

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/tuttilive/tutti/internal/media"
)

const (
	// soundWait is how long a worker is waited for with each frame. It answers within a millisecond; what comes later is taken with the
	// next frame.
	soundWait = 10 * time.Millisecond
	// soundMax is how much sound may wait to be taken, in samples.
	soundMax = 4 * SampleRate
	// soundLag is how far the output may be behind what went in: then frames went in of which none came out.
	soundLag = 2 * SampleRate
)

// errSoundWorker is what a decoder answers between two processes.
var errSoundWorker = errors.New("codec: the process that decodes sound is not running")

// soundWorker decodes in an ffmpeg process what the decoder in this process does not know: HE-AAC, and more than two channels, which
// become two. The process is replaced when it dies. It belongs to one goroutine, but for stop and wait.
type soundWorker struct {
	workers *Workers
	format  *media.Format
	rate    int64 // of the coded frames, in Hz
	in, out int64 // frames that went in, samples that were taken
	buf     []byte
	pause   time.Duration
	again   time.Time // when the next process may be started
	quit    chan struct{}
	once    sync.Once

	mu   sync.Mutex // guards what follows
	p    *process
	pcm  []float32
	came chan struct{} // holds one token while there is news
}

// newSoundWorker fails where there are no workers, or the server ends.
func newSoundWorker(w *Workers, f *media.Format) (*soundWorker, error) {
	if err := w.Available(); err != nil {
		return nil, err
	}
	c, ok := parseAACConfig(f.Config)
	if !ok {
		return nil, unsupported("AAC with a broken configuration")
	}
	s := &soundWorker{workers: w, format: f, rate: int64(c.rate), quit: make(chan struct{}), came: make(chan struct{}, 1)}
	if err := w.add(s); err != nil {
		return nil, err
	}
	return s, nil
}

// samples is how many samples so many coded frames become.
func (s *soundWorker) samples(frames int64) int64 {
	return frames * aacFrameSize * SampleRate / s.rate
}

// Delay is what is inside the process.
func (s *soundWorker) Delay() int {
	return int(s.samples(s.in) - s.out)
}

func (s *soundWorker) Decode(pcm []float32, payload []byte) ([]float32, error) {
	if len(payload) == 0 || len(payload) > aacMaxUnit {
		return pcm, fmt.Errorf("codec: decoding AAC: access unit of %d bytes", len(payload))
	}
	if err := s.start(); err != nil {
		return pcm, err
	}
	at := s.samples(s.in) * 1000 / SampleRate
	_, err := s.p.owed.enter(s.in, 0)
	if err == nil {
		s.buf = matroskaFrame(s.buf[:0], at, true, payload)
		err = s.p.send(s.buf)
	}
	s.in++
	if err == nil && s.out > 0 && s.Delay() > soundLag {
		err = errors.New("codec: the process that decodes sound gives none")
	}
	if err != nil {
		return pcm, s.fail(err)
	}
	return s.take(pcm), nil
}

// start has a process, if one may run now.
func (s *soundWorker) start() error {
	if s.p != nil {
		select {
		case <-s.p.done:
			return s.fail(s.p.err)
		default:
			return nil
		}
	}
	select {
	case <-s.quit:
		return errSoundWorker
	default:
	}
	if time.Now().Before(s.again) {
		return errSoundWorker
	}
	s.in, s.out = 0, 0
	p, err := s.workers.startProcess(soundArguments(s.format, s.workers.libvpx), s.workers.hang, s.quit, s.read)
	if err != nil {
		return s.fail(err)
	}
	s.mu.Lock()
	s.p, s.pcm = p, nil
	s.mu.Unlock()
	if err := p.send(matroskaSound(s.format)); err != nil {
		return s.fail(err)
	}
	return nil
}

// fail ends the process, and says when the next may be started.
func (s *soundWorker) fail(err error) error {
	s.end()
	s.in, s.out = 0, 0
	s.pause = min(max(2*s.pause, 250*time.Millisecond), restartMax)
	s.again = time.Now().Add(s.pause)
	return fmt.Errorf("codec: decoding sound: %w", err)
}

func (s *soundWorker) end() {
	s.mu.Lock()
	p := s.p
	s.p, s.pcm = nil, nil
	s.mu.Unlock()
	if p != nil {
		p.close()
	}
}

// take appends what has come, after a moment if that is nothing.
func (s *soundWorker) take(pcm []float32) []float32 {
	limit := time.NewTimer(soundWait)
	defer limit.Stop()
	for {
		s.mu.Lock()
		got := s.pcm
		s.pcm = nil
		s.mu.Unlock()
		if len(got) > 0 {
			s.out += int64(len(got) / Channels)
			s.pause = 0
			return append(pcm, got...)
		}
		select {
		case <-s.came:
		case <-limit.C:
			return pcm
		}
	}
}

// read takes samples of a process until it ends.
func (s *soundWorker) read(p *process, stdout io.Reader) error {
	const sample = 2 * Channels
	raw, have, total := make([]byte, 32<<10), 0, int64(0)
	for {
		n, err := stdout.Read(raw[have:])
		have += n
		whole := have / sample * sample
		if whole > 0 {
			total += int64(whole / sample)
			p.count.Add(1)
			p.owed.leave((total+s.samples(1)/2)*s.rate/(aacFrameSize*SampleRate) - 1)
			s.give(p, raw[:whole])
			have = copy(raw, raw[whole:have])
		}
		if err != nil {
			return err
		}
	}
}

// give puts samples where take finds them, unless another process has taken over.
func (s *soundWorker) give(p *process, raw []byte) {
	s.mu.Lock()
	if s.p == p && len(s.pcm) < soundMax*Channels {
		for i := 0; i+1 < len(raw); i += 2 {
			s.pcm = append(s.pcm, float32(int16(binary.LittleEndian.Uint16(raw[i:])))/32768)
		}
	}
	s.mu.Unlock()
	select {
	case s.came <- struct{}{}:
	default:
	}
}

func (s *soundWorker) Conceal(pcm []float32, n int) []float32 {
	return appendSilence(pcm, n)
}

// Close ends the process and waits for it.
func (s *soundWorker) Close() {
	s.stop()
	s.end()
	s.workers.remove(s)
}

func (s *soundWorker) stop() { s.once.Do(func() { close(s.quit) }) }

func (s *soundWorker) wait() {
	s.mu.Lock()
	p := s.p
	s.mu.Unlock()
	if p != nil {
		<-p.done
	}
}

func soundArguments(f *media.Format, libvpx bool) []string {
	return append(sourceArguments(f, libvpx),
		"-map", "0:a:0", "-vn", "-sn", "-dn", "-ac", "2", "-ar", "48000", "-c:a", "pcm_s16le", "-flush_packets", "1", "-f", "s16le", "pipe:1")
}
