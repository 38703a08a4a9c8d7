package studio

import (
	"time"

	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/room/pace"
	"github.com/tuttilive/tutti/internal/room/stage"
)

// restlessRate is how often somebody may do by themselves what everybody is told of.
var restlessRate = pace.Rate{Burst: 10, Every: 2 * time.Second}

var errRestless = &room.Refusal{Code: "rate_limited", Message: "too often: wait a moment"}

// restless refuses hands that go up and down without end, and names that change so. Lowering, declining and stepping down are never refused, nor
// is anything to those who direct. The caller holds the lock.
func (s *Studio) restless(by stage.Actor, v stage.Verb) error {
	if !s.bounded(by, v) {
		return nil
	}
	if wait := s.asks.Wait(by.Identity, restlessRate, 1, time.Now()); wait > 0 {
		s.house.shed.Count(string(v))
		return errRestless.After(wait)
	}
	return nil
}

// did counts what was not refused: of the rest nobody is told. The caller holds the lock.
func (s *Studio) did(by stage.Actor, v stage.Verb) {
	if s.bounded(by, v) {
		s.asks.Take(by.Identity, restlessRate, 1, time.Now())
	}
}

func (s *Studio) bounded(by stage.Actor, v stage.Verb) bool {
	return (v == stage.Raise || v == stage.Rename) && !by.Admin && !s.stage.RoleOf(by.Identity).Directs()
}
