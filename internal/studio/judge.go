package studio

import (
	"time"

	"github.com/tuttilive/tutti/internal/room/stage"
)

// What holds against somebody in a room holds in those under it: who is silenced or banned is so in all. So does who directs. It is decided by
// the main room, wherever it is asked for, and the others adopt it.

func decidedAbove(v stage.Verb) bool { return v.Judges() || v == stage.Promote || v == stage.Demote }

// judge has the main room decide what somebody under it wants to hold against another, or no longer, or whom they want to direct. Their word is
// what it is there, not what the token for the group says.
func (s *Studio) judge(who Actor, a stage.Action) error {
	main, err := s.house.Studio(s.annex.main)
	if err != nil {
		return err
	}
	main.mu.Lock()
	who.Admin = main.groups.went[who.Identity].Video.RoomAdmin
	main.mu.Unlock()
	if err := main.StageAct(who, a); err != nil {
		return err
	}
	s.adopt(main)
	return nil
}

// adopt takes over what the main room has decided.
func (s *Studio) adopt(main *Studio) {
	main.relaying.Lock()
	defer main.relaying.Unlock()
	main.mu.Lock()
	sanctions, directors := main.stage.Sanctions(), main.directors()
	main.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.stageChanged(s.stage.Adopt(sanctions, time.Now()))
		s.depose(directors)
	}
}
