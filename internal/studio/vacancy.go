package studio

import (
	"time"

	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/room/intake"
	"github.com/tuttilive/tutti/internal/room/stage"
)

// settle follows who is there now: a room, or a show, without anybody that it is for waits some time for people to come,
// then it ends. The caller holds the lock.
func (s *Studio) settle() {
	switch {
	case s.closed, s.arriving:
	case s.attended():
		s.occupy()
	case s.returning != nil || s.vacancy != nil: // the time runs
	default:
		s.vacate()
	}
}

// attended tells that there is somebody whom the room is kept open for. A show that an ingest began is for ingests: it
// must not go on with the people in the room when the ingest has ended. A show with a stage is for its hosts; who watches over
// the audience's channel keeps a room open as those do who are in it.
func (s *Studio) attended() bool {
	switch {
	case s.air != nil && !s.air.byIngest && s.scene.HasStage():
		return s.stage.Attended() || s.room.Any(func(p room.Participant) bool { return s.leads(s.members[p.Identity]) })
	case s.air == nil && (len(s.groups.inside) > 0 || s.crowd != nil && len(s.crowd.people) > 0):
		return true
	}
	return s.room.Any(func(p room.Participant) bool {
		return s.leads(s.members[p.Identity]) || !p.Dependent() && (s.air == nil || !s.air.byIngest)
	})
}

// MayEnter tells whether somebody could join now: room.ErrFull or room.ErrTooLarge, or a *room.Refusal of those who are banned or meet a locked door.
func (s *Studio) MayEnter(j room.Join) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mayEnter(j)
}

// mayEnter is MayEnter for a caller that holds the lock. A ban holds in whatever way somebody comes.
func (s *Studio) mayEnter(j room.Join) error {
	if s.stage.Banned(j.Identity) {
		return stage.ErrBanned
	}
	if !hasRole(j.Kind, j.Permission) {
		return s.room.CheckJoin(j)
	}
	j.Attributes = s.marked(j.Attributes)
	if err := s.room.CheckJoin(j); err != nil {
		return err
	}
	return s.stage.MayCome(j.Identity, j.Permission.Admin)
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
		patience = s.awayFor()
	}
	if patience == 0 {
		s.giveUp()
		return
	}
	s.wait(patience)
}

// awayFor is for how long a show waits for its people. The caller holds the lock.
func (s *Studio) awayFor() time.Duration {
	switch in := s.house.Intake(s.name); {
	case in.Absence == intake.End && s.air.byIngest:
		return 0
	case in.Wait > 0:
		return in.Wait
	}
	return s.house.awayGrace
}

// rewait waits anew, after for how long has changed. The caller holds the lock.
func (s *Studio) rewait() {
	if s.vacancy != nil && s.air != nil {
		s.occupy()
		s.vacate()
	}
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
