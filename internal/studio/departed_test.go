package studio

import (
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/room/stage"
)

// TestWhoWaitedIsNotToldWhoLeftMeanwhile, though it is told of those who left later; and after a while nobody is kept.
func TestWhoWaitedIsNotToldWhoLeftMeanwhile(t *testing.T) {
	onStage(t, "conference", func(t *testing.T, h *House, s *Studio) {
		enter(t, h, "host", asHost)
		carl, dora := enter(t, h, "carl", nil), enter(t, h, "dora", nil)
		act(t, s, "host", stage.Action{Verb: stage.OpenWaiting})
		ann := enter(t, h, "ann", nil)
		time.Sleep(time.Second)
		carl.Leave(room.LeftByItself)
		time.Sleep(time.Second)
		act(t, s, "host", stage.Action{Verb: stage.Admit, Identity: "ann"})
		time.Sleep(time.Second)
		dora.Leave(room.LeftByItself)
		if told := ann.Departed(time.Now().Add(-time.Minute)); len(told) != 1 || told[0].Participant.Identity != "dora" {
			t.Errorf("told of %v", told)
		}
		time.Sleep(departuresKept + 2*gradeInterval)
		s.mu.Lock()
		defer s.mu.Unlock()
		if len(s.departures) > 0 {
			t.Errorf("kept are %v", s.departures)
		}
	})
}
