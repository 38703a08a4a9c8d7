package studio

import (
	"slices"
	"time"

	"github.com/tuttilive/tutti/internal/room"
)

// settle follows who is there now: a room, or a show, without anybody that it is for waits some time for people to come,
// then it ends. The caller holds the lock.
func (s *Studio) settle() {
	switch {
	case s.closed:
	case s.attended():
		s.occupy()
	case s.returning != nil || s.vacancy != nil: // the time runs
	default:
		s.vacate()
	}
}

// attended tells that there is somebody whom the room is kept open for. A show that an ingest began is for ingests: it
// must not go on with the people in the room when the ingest has ended.
func (s *Studio) attended() bool {
	return slices.ContainsFunc(s.room.Participants(), func(p room.Participant) bool {
		return p.Kind == room.Ingest || !p.Dependent() && (s.air == nil || !s.air.byIngest)
	})
}

// HasPlace tells whether somebody could join now.
func (s *Studio) HasPlace(j room.Join) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.room.HasPlace(j)
}

// occupy stops the waiting. The caller holds the lock.
func (s *Studio) occupy() {
	if s.vacancy != nil {
		s.vacancy.Stop()
		s.vacancy = nil
	}
}

// vacate begins to wait. The caller holds the lock.
func (s *Studio) vacate() {
	patience := s.room.KeptFor()
	if s.air != nil {
		patience = s.house.awayGrace
	}
	if patience == 0 {
		s.giveUp()
		return
	}
	s.wait(patience)
}

// wait gives up after some time, unless somebody comes. The caller holds the lock.
func (s *Studio) wait(patience time.Duration) {
	var timer *time.Timer
	timer = time.AfterFunc(patience, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.vacancy == timer { // else it was stopped too late
			s.vacancy = nil
			s.giveUp()
		}
	})
	s.vacancy = timer
}

// giveUp ends a show whose people stayed away, else the room. The caller holds the lock.
func (s *Studio) giveUp() {
	switch {
	case s.returning != nil: // that has a time of its own
		return
	case s.air == nil:
		s.close(room.LeftRoomClosed)
		return
	}
	s.endLive()
	s.settle()
}
