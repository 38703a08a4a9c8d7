package studio

import (
	"time"

	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/room/board"
	"github.com/tuttilive/tutti/internal/room/rollcall"
)

// lesson is what a room has for those who teach in it: a whiteboard, roll calls, the list of who was there. It is guarded by the
// studio's lock.
type lesson struct {
	board *board.Board           // nil before anybody had use for it
	hands map[string]*board.Pace // of those who draw, by identity

	roll       rollcall.Roll
	rollEnds   *time.Timer
	attendance rollcall.Attendance
}

// noteAttendance follows in the list who comes and goes as a participant. The caller holds the lock.
func (s *Studio) noteAttendance(e room.Event) {
	switch e := e.(type) {
	case room.ParticipantJoined:
		s.noteHere(e.Participant)
	case room.ParticipantChanged:
		s.noteHere(e.Participant)
	case room.ParticipantShown:
		s.noteHere(e.Participant)
	case room.ParticipantLeft:
		s.noteGone(e.Participant.Identity)
	}
}

func (s *Studio) noteHere(p room.Participant) {
	if hasRole(p.Kind, p.Permission) {
		s.attendance.Came(p.Identity, p.Name, true, time.Now())
		s.keepAttendance()
	}
}

// noteGone notes that somebody has left as a participant, or the audience: who is still there otherwise has not. The caller holds
// the lock.
func (s *Studio) noteGone(identity string) {
	if _, takesPart := s.room.Participant(identity); !takesPart && !s.there(identity) {
		s.attendance.Went(identity, time.Now())
		s.keepAttendance()
	}
}

// keepAttendance has the list kept, for after a restart, where there is use for it. The caller holds the lock.
func (s *Studio) keepAttendance() {
	if s.scene.Has("rollcall") {
		s.keepLater(partAttendance)
	}
}

// Attendance is the list of all who were in the room as the audience or participants, in the order in which they came.
func (s *Studio) Attendance() []rollcall.Stay {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.attendance.List(time.Now())
}
