package studio

import (
	"slices"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/room"
)

// returning is a show that a restart of the server interrupted, for as long as its people may come back.
type returning struct {
	show  Show
	timer *time.Timer
}

// awaitReturn opens a room whose show was interrupted.
func (h *House) awaitReturn(roomName string, show Show) {
	s, _, err := h.open(roomName, room.Settings{})
	if err != nil {
		h.shows.Forget(roomName) // its name is no longer allowed
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.emit(s.room.Interrupt(room.Live{Title: show.Title, Since: show.Since, By: show.By}))
	r := &returning{show: show}
	r.timer = time.AfterFunc(h.returnGrace, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.returning == r { // else it was stopped too late
			s.stopWaiting()
		}
	})
	s.returning = r
	s.log.Info("the show was interrupted: waiting for its people", "limit", h.returnGrace)
}

// hostIsBack tells whether somebody is there with whom an interrupted show goes on. The show of an ingest goes on when an
// ingest publishes, which needs nobody's word. The caller holds the lock.
func (s *Studio) hostIsBack() bool {
	show := s.returning.show
	return !show.ByIngest && slices.ContainsFunc(s.room.Participants(), func(p room.Participant) bool {
		return show.Hostless || p.Permission.Admin || p.Identity == show.By
	})
}

// tryReturn goes on with an interrupted show once its host is back and there is something to show. The caller holds the
// lock.
func (s *Studio) tryReturn() {
	if s.returning == nil || !s.hostIsBack() {
		return
	}
	for _, entry := range s.tracks {
		if entry.track != nil && !entry.hidden {
			s.goOn()
			return
		}
	}
}

// goOn puts an interrupted show on the air again. The caller holds the lock.
func (s *Studio) goOn() {
	if err := s.goLive(s.returning.show.By, "", false); err != nil {
		s.log.Error("going on with an interrupted show", "error", err)
	}
}

// stopWaiting is called when the time is over: a host who is there goes on even with nothing to show yet, else the show
// has ended. The caller holds the lock.
func (s *Studio) stopWaiting() {
	if s.hostIsBack() {
		s.goOn()
		return
	}
	s.endReturning()
	s.settle()
	s.log.Info("nobody came back to the show")
}

// endReturning ends an interrupted show that did not go on. The caller holds the lock.
func (s *Studio) endReturning() Summary {
	show := s.takeReturning().show
	events, err := s.room.EndLive()
	if err != nil {
		s.log.Error("ending an interrupted show", "error", err)
	}
	s.emit(events)
	s.house.shows.Forget(s.name)
	return Summary{Duration: time.Since(show.Since), Peak: show.Peak}
}

// takeReturning ends the waiting. The caller holds the lock.
func (s *Studio) takeReturning() *returning {
	r := s.returning
	s.returning = nil
	if r != nil {
		r.timer.Stop()
	}
	return r
}

// keep notes what is on the air, for after a restart. The caller holds the lock.
func (s *Studio) keep() {
	if s.air == nil {
		return
	}
	a, live := s.air, s.room.Live()
	show := Show{
		Title: live.Title, Since: live.Since, By: live.By, ByIngest: a.byIngest, Shown: a.pinned, Pinned: a.pinned != Choice{},
		Hostless: !slices.ContainsFunc(s.room.Participants(), func(p room.Participant) bool { return p.Permission.Admin }),
	}
	if !show.Pinned {
		if picture, _ := a.program.Picture(); picture != nil {
			show.Shown = s.tracks[picture.Info().ID].choice()
		}
	}
	a.mu.Lock()
	show.Peak = a.peak
	a.mu.Unlock()
	s.house.shows.Keep(s.name, show)
}

// choice names the picture of a publication in a way that outlives it.
func (p *published) choice() Choice {
	if p == nil {
		return Choice{}
	}
	return Choice{p.identity, p.pub.Source, p.ingest}
}

// names tells whether a publication is the one that was chosen.
func (c Choice) names(p *published) bool {
	return c != Choice{} && p.pub.Kind == media.Video && c.Source == p.pub.Source && (c.Identity == p.identity || c.Ingest && p.ingest)
}

// interrupt ends the program because the server stops: the show stays kept, and whoever asks until the process has ended
// is told that it comes back. The caller holds the lock.
func (s *Studio) interrupt() {
	live := s.room.Live()
	s.keep()
	if s.air != nil {
		s.endAir()
	}
	s.takeReturning()
	if !live.On && !live.Returning {
		return
	}
	events := s.room.Interrupt(live)
	s.house.noteInterrupted(s.name, s.room.Live())
	s.emit(events)
}

// Live is what a room has on the air, whether or not it is running: also a show that is coming back.
func (h *House) Live(roomName string) room.Live {
	h.mu.Lock()
	s, live := h.studios[roomName], h.interrupted[roomName]
	h.mu.Unlock()
	if s == nil {
		return live
	}
	return s.Info().Live
}

// noteInterrupted is called by a studio that closes because the server stops.
func (h *House) noteInterrupted(roomName string, live room.Live) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.interrupted[roomName] = live
}

// NotLive says why there is nothing to watch in a room.
func (h *House) NotLive(roomName string) error {
	if h.Live(roomName).Returning {
		return ErrReturning
	}
	return ErrNotLive
}
