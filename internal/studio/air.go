package studio

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tuttilive/tutti/internal/program"
	"github.com/tuttilive/tutti/internal/room"
)

// How much the program wants to show a picture: an ingest rather than what people in the room publish.
const (
	preferPerson = iota
	preferIngest
)

// air is what is on the air: the program of a live room, its viewers and the outputs that they share.
type air struct {
	program *program.Program
	since   time.Time
	// byIngest tells that an ingest put the room on the air, so that its end is the show's end.
	byIngest bool

	mu      sync.Mutex
	viewers map[string]int // by protocol
	total   int
	peak    int
	outputs map[string]*output
	skips   map[string]int // by reason
	ended   bool

	sent atomic.Uint64 // bytes to all viewers
}

// Summary is what is left of a show.
type Summary struct {
	Duration time.Duration
	Peak     int
}

// GoLive puts the room on the air in the name of an identity.
func (s *Studio) GoLive(by, title string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrNoRoom
	}
	return s.goLive(by, title, false)
}

func (s *Studio) goLive(by, title string, byIngest bool) error {
	events, err := s.room.GoLive(by, title, time.Now())
	if errors.Is(err, room.ErrAlreadyOnAir) && !byIngest && s.air.byIngest {
		return s.takeOver(by, title)
	}
	if err != nil {
		return err
	}
	s.air = &air{
		program: program.New(s.name), since: time.Now(), byIngest: byIngest,
		viewers: map[string]int{}, outputs: map[string]*output{}, skips: map[string]int{},
	}
	for _, p := range s.room.Participants() { // in order of joining, so that the first publisher is shown
		for _, pub := range p.Publications {
			if entry := s.tracks[pub.SID]; entry != nil && entry.track != nil {
				s.air.add(entry)
			}
		}
	}
	s.emit(events)
	s.log.Info("room is live", "by", by)
	return nil
}

// takeOver makes the host's what an ingest began: from now on it goes on for as long as anybody is in the room.
func (s *Studio) takeOver(by, title string) error {
	events, err := s.room.TakeOver(by, title)
	if err != nil {
		return err
	}
	s.air.byIngest = false
	s.emit(events)
	s.settle()
	s.log.Info("the show of an ingest is the host's now", "by", by)
	return nil
}

// add puts a track on the stage, unless its publisher is hidden.
func (a *air) add(entry *published) {
	if entry.hidden {
		return
	}
	prefer := preferPerson
	if entry.ingest {
		prefer = preferIngest
	}
	a.program.Add(entry.track, prefer)
}

// EndLive takes the room off the air.
func (s *Studio) EndLive() (Summary, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.air == nil {
		return Summary{}, ErrNotLive
	}
	sum := s.endLive()
	s.settle()
	return sum, nil
}

func (s *Studio) endLive() Summary {
	a := s.air
	s.air = nil
	events, err := s.room.EndLive()
	if err != nil {
		s.log.Error("ending the show", "error", err)
	}
	s.emit(events)
	s.work.Go(a.close)
	a.mu.Lock()
	defer a.mu.Unlock()
	s.log.Info("room is off the air", "duration", time.Since(a.since).Round(time.Second), "peak", a.peak)
	return Summary{Duration: time.Since(a.since), Peak: a.peak}
}

// Show chooses the picture that viewers see by its track; "" lets the program choose.
func (s *Studio) Show(trackSID string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.air == nil {
		return ErrNotLive
	}
	if trackSID == "" {
		s.air.program.Show(nil)
		return nil
	}
	t, err := s.trackBySID(trackSID)
	if err != nil {
		return err
	}
	s.air.program.Show(t)
	return nil
}

// close ends the program, which ends its outputs' readers, then the outputs.
func (a *air) close() {
	a.program.Close()
	a.mu.Lock()
	a.ended = true
	outputs := a.outputs
	a.outputs = map[string]*output{}
	a.mu.Unlock()
	for _, o := range outputs {
		o.close()
	}
}
