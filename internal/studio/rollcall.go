package studio

import (
	"time"

	"github.com/tuttilive/tutti/internal/room/rollcall"
	"github.com/tuttilive/tutti/internal/studio/talk"
)

// RollCall is the last roll call of a room as hosts may know it; its number is 0 where there was none.
type RollCall struct {
	talk.RollCall
	People []rollcall.Person
}

// RollCall is the last one, with all who were asked or answered.
func (s *Studio) RollCall() RollCall {
	s.mu.Lock()
	defer s.mu.Unlock()
	return RollCall{RollCall: s.rollCall(), People: s.roll.People()}
}

// rollCall is how it stands. The caller holds the lock.
func (s *Studio) rollCall() talk.RollCall {
	r := &s.roll
	answered, of := r.Answered()
	return talk.RollCall{Number: r.ID, Begun: r.Begun, Ends: r.Ends, Open: r.Open(time.Now()), Answered: answered, Of: of}
}

// rollState is what newcomers are told, nil where there was none. The caller holds the lock.
func (s *Studio) rollState() *talk.RollCall {
	if s.roll.ID == 0 {
		return nil
	}
	r := s.rollCall()
	return &r
}

func (s *Studio) callRoll(_ Actor, r talk.Request) talk.Reply {
	takes := time.Duration(r.Seconds) * time.Second
	if err := s.roll.Begin(s.asked(), takes, time.Now()); err != nil {
		return talk.Reply{Err: err}
	}
	s.awaitRollEnd()
	s.rollChanged()
	return talk.Reply{}
}

// awaitRollEnd has everybody told when the roll call that goes on has had its time. The caller holds the lock.
func (s *Studio) awaitRollEnd() {
	if t := s.rollEnds; t != nil {
		t.Stop()
	}
	if !s.roll.Open(time.Now()) {
		return
	}
	s.rollEnds = time.AfterFunc(time.Until(s.roll.Ends), func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		switch {
		case s.closed:
		case s.roll.Open(time.Now()): // the clock was set back, which is all that its end goes by after a restart
			s.awaitRollEnd()
		default:
			s.tell(s.rollCall())
		}
	})
}

// rollChanged tells everybody how it stands, and has that kept. The caller holds the lock.
func (s *Studio) rollChanged() {
	s.keepLater(partAttendance)
	s.tell(s.rollCall())
}

func (s *Studio) answerRoll(a Actor, r talk.Request) talk.Reply {
	a, err := s.whose(a, r)
	if err != nil {
		return talk.Reply{Err: err}
	}
	first, err := s.roll.Answer(rollcall.Person{Identity: a.Identity, Name: a.Name}, time.Now())
	if first {
		s.rollChanged()
	}
	return talk.Reply{Err: err}
}

func (s *Studio) endRoll(_ Actor, _ talk.Request) talk.Reply {
	err := s.roll.Close(time.Now())
	if err == nil {
		s.awaitRollEnd()
		s.rollChanged()
	}
	return talk.Reply{Err: err}
}

// asked are those who are asked: all who are there but do not direct. The caller holds the lock.
func (s *Studio) asked() []rollcall.Person {
	var people []rollcall.Person
	for _, stay := range s.attendance.List(time.Now()) {
		if stay.Here && !s.stage.RoleOf(stay.Identity).Directs() {
			people = append(people, rollcall.Person{Identity: stay.Identity, Name: stay.Name})
		}
	}
	return people
}
