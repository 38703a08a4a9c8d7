package codec

import (
	"sync"

	"github.com/tuttilive/tutti/internal/media"
)

// Spare is a decoder's process that has begun before there is anything to decode: on a busy machine that takes as long as all else on the way to a picture. It is
// for H.264, H.265 and VP8 of any size, without B-frames; where it does not suit it is ended, also when another process needs its place. Whoever made it closes it, unless a decoder was given it.
// A nil one is none.
type Spare struct {
	workers *Workers
	scaling Scaling

	mu      sync.Mutex
	process *process // nil when it was taken or ended
}

// Spare starts a process for a decoder to come.
func (w *Workers) Spare(s Scaling) (*Spare, error) {
	if w.err != nil {
		return nil, w.err
	}
	if w.free() < 1 {
		return nil, ErrNoRoom
	}
	p, err := w.spawn(decoderArguments(nil, w.libvpx, s))
	if err != nil {
		return nil, err
	}
	spare := &Spare{workers: w, scaling: s, process: p}
	if err := w.add(spare); err != nil {
		p.discard()
		return nil, err
	}
	return spare, nil
}

// take gives the process if it suits, and ends it else.
func (s *Spare) take(f *media.Format, scaling Scaling) *process {
	if s == nil {
		return nil
	}
	sizeKnown := f.Width > 0 && f.Height > 0 && (f.Codec == media.H264 || f.Codec == media.H265 || f.Codec == media.VP8)
	if !sizeKnown || f.Reordered || scaling != s.scaling {
		s.Close()
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.process
	s.process = nil
	s.workers.remove(s)
	return p
}

// Close ends the process, if it is still there.
func (s *Spare) Close() {
	if s == nil {
		return
	}
	s.stop()
	s.workers.remove(s)
}

func (s *Spare) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process != nil {
		s.process.discard()
		s.process = nil
	}
}

func (s *Spare) wait() {}
