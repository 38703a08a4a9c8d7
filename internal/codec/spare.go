package codec

import (
	"slices"
	"sync"
)

// Spare is a decoder's process that has begun before there is anything to decode: on a busy machine that takes as long as all else on the way to a picture. It is
// for H.264, H.265 and VP8 of any size, without B-frames; where it does not suit it is ended. Whoever made it closes it, unless a decoder was given it.
// A nil one is none.
type Spare struct {
	workers *Workers
	args    []string

	mu      sync.Mutex
	process *process // nil when it was taken or ended
}

// Spare starts a process for a decoder to come.
func (w *Workers) Spare(s Scaling) (*Spare, error) {
	if w.err != nil {
		return nil, w.err
	}
	args := decoderArguments(nil, w.libvpx, s)
	p, err := w.spawn(args)
	if err != nil {
		return nil, err
	}
	spare := &Spare{workers: w, args: args, process: p}
	if err := w.add(spare); err != nil {
		p.discard()
		return nil, err
	}
	return spare, nil
}

// take gives the process if it was started with these arguments. It is called once by a decoder that was given it.
func (s *Spare) take(args []string) *process {
	if s == nil {
		return nil
	}
	if !slices.Equal(args, s.args) {
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
