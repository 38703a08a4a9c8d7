package studio

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/tuttilive/tutti/internal/program"
	"github.com/tuttilive/tutti/internal/room"
)

// How much the program wants to show a picture: an ingest rather than what people in the room publish, of these the host.
const (
	preferPerson = iota
	preferHost
	preferIngest
	// preferBefore is what was shown before an interruption.
	preferBefore
)

// air is what is on the air: the program of a live room, its viewers and the outputs that they share.
type air struct {
	program *program.Program
	since   time.Time
	// byIngest tells that an ingest put the room on the air, so that its end is the show's end.
	byIngest bool
	// pinned is the picture that the host chose, before what was shown before an interruption; both guarded by the
	// studio's lock.
	pinned, before Choice
	absence        absence
	unrecorded     string // why it is not recorded though it should be, "" where nothing is wrong

	mu       sync.Mutex
	watching map[*Watcher]struct{} // viewers
	gone     map[string]uint64     // bytes to viewers who left, by protocol
	viewers  map[string]int        // by protocol
	total    int
	peak     int
	outputs  map[string]*output
	skips    map[string]int // by reason
	ended    bool

	sent     atomic.Uint64 // bytes to all viewers
	snapshot snapshot
}

// Summary is what is left of a show.
type Summary struct {
	Duration time.Duration
	Peak     int
}

// GoLive puts the room on the air in the name of an identity: ErrNoRoom while nobody is in it, unless to go on with a show.
func (s *Studio) GoLive(by, title string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed || len(s.members) == 0 && s.returning == nil:
		return ErrNoRoom
	case s.annex != nil: // what is said in a group is for nobody else
		return errOff
	}
	return s.goLive(by, title, false)
}

// goLive begins a show, or goes on with the one that was interrupted. The caller holds the lock.
func (s *Studio) goLive(by, title string, byIngest bool) error {
	if s.air != nil && s.air.byIngest && !byIngest {
		return s.takeOver(by, title)
	}
	show, now := Show{Title: title, Since: time.Now(), By: by, ByIngest: byIngest}, time.Now()
	begin := func() ([]room.Event, error) { return s.room.GoLive(by, title, now) }
	if r := s.takeReturning(); r != nil {
		show = r.show
		if title != "" {
			show.Title = title
		}
		if !byIngest {
			show.By, show.ByIngest = by, false
		}
		begin = func() ([]room.Event, error) {
			return s.room.Resume(room.Live{Title: show.Title, Since: show.Since, By: show.By}, now)
		}
	}
	events, err := begin()
	if err != nil {
		return err
	}
	s.air = &air{
		program: program.New(s.name, s.neededComposer()), since: show.Since, byIngest: show.ByIngest, before: show.Shown, peak: show.Peak,
		watching: map[*Watcher]struct{}{}, gone: map[string]uint64{}, viewers: map[string]int{}, outputs: map[string]*output{}, skips: map[string]int{},
	}
	if show.Pinned {
		s.air.pinned = show.Shown
	}
	for _, p := range s.room.Participants() { // in order of joining, so that the first publisher is shown
		for _, pub := range p.Publications {
			if entry := s.tracks[pub.SID]; entry != nil && entry.track != nil {
				s.show(entry)
			}
		}
	}
	s.restage()
	a := s.air
	s.work.Go(func() { s.followPicture(a) })
	s.work.Go(func() { s.watchAbsence(a) })
	s.keep()
	s.emit(events)
	s.log.Info("room is live", "by", show.By, "since", show.Since)
	return nil
}

// takeOver makes the host's what an ingest began: from now on it goes on for as long as anybody is in the room.
func (s *Studio) takeOver(by, title string) error {
	events, err := s.room.TakeOver(by, title)
	if err != nil {
		return err
	}
	s.air.byIngest = false
	s.keep()
	s.emit(events)
	s.settle()
	s.log.Info("the show of an ingest is the host's now", "by", by)
	return nil
}

// show puts a track on the stage, unless its publisher is hidden, or it is the program itself. The caller holds the lock.
func (s *Studio) show(entry *published) {
	if entry.hidden || entry.composed {
		return
	}
	a := s.air
	entry.prefer = s.preference(entry)
	a.program.Add(entry.track, entry.prefer)
	if a.pinned.names(entry) {
		a.program.Show(entry.track)
	}
}

// preference is how much the program wants to show a picture. The caller holds the lock.
func (s *Studio) preference(entry *published) int {
	switch {
	case s.air.before.names(entry):
		return preferBefore
	case s.leads(s.members[entry.identity]):
		return preferIngest
	case entry.identity == s.stage.Host():
		return preferHost
	}
	return preferPerson
}

// reprefer follows changes of who is the host. The caller holds the lock.
func (s *Studio) reprefer() {
	for _, entry := range s.tracks {
		if entry.track != nil && !entry.hidden && !entry.composed && s.preference(entry) != entry.prefer {
			s.show(entry)
		}
	}
}

// EndLive takes the room off the air.
func (s *Studio) EndLive() (Summary, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var sum Summary
	switch {
	case s.air != nil:
		sum = s.endLive()
	case s.returning != nil:
		sum = s.endReturning()
	default:
		return Summary{}, ErrNotLive
	}
	s.settle()
	return sum, nil
}

// endAir ends the program. The caller holds the lock.
func (s *Studio) endAir() *air {
	a := s.air
	s.air = nil
	s.occupy() // what was waited for was the show's
	s.closeIdleComposer(a)
	return a
}

func (s *Studio) endLive() Summary {
	a := s.endAir()
	s.house.shows.Forget(s.name)
	events, err := s.room.EndLive()
	if err != nil {
		s.log.Error("ending the show", "error", err)
	}
	s.emit(events)
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
		s.air.pinned = Choice{}
		s.air.program.Show(nil)
	} else {
		t, err := s.trackBySID(trackSID)
		if err != nil {
			return err
		}
		s.air.pinned = s.tracks[trackSID].choice()
		s.air.program.Show(t)
	}
	s.keep()
	s.emit([]room.Event{room.LiveChanged{Live: s.room.Live()}}) // whoever shows the status shows it at once
	return nil
}

// close ends the program, which ends its outputs' readers, then the outputs.
func (a *air) close() {
	a.program.Close()
	a.mu.Lock()
	a.ended = true
	outputs := a.outputs
	a.outputs = map[string]*output{}
	for _, o := range outputs {
		if o.linger != nil {
			o.linger.Stop()
		}
	}
	a.mu.Unlock()
	for _, o := range outputs {
		o.close()
	}
}
