package livekit

import (
	"errors"
	"sync/atomic"
	"time"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/studio"
	"github.com/tuttilive/tutti/internal/tally"
)

// Stats are the door's figures; all but Sessions and Away are totals since the start.
type Stats struct {
	// Sessions are open now, Away those of them whose client has no signal connection.
	Sessions, Away int
	// Joins counts requests to join by what became of them: "connected", "unconnected" (let in, but no media connection came up
	// before the end) or why they were refused: "unauthorized", "bad_request", "full", "rate_limited", "unavailable", "internal".
	Joins map[string]uint64
	// Join is how many seconds it took from the request until media could flow.
	Join tally.Distribution
	// Resumed counts clients that came back to their session, Unresumable those whose session was gone.
	Resumed, Unresumable uint64
	// Ended counts sessions by why they ended, in the words of room.LeaveReason.
	Ended map[string]uint64
	// NegotiationFailed counts sessions that ended because the descriptions of both sides did not fit.
	NegotiationFailed uint64
}

// counts are the door's counters.
type counts struct {
	joins, ended                            tally.Reasons
	join                                    *tally.Histogram
	away                                    atomic.Int64
	resumed, unresumable, negotiationFailed atomic.Uint64
}

func (c *counts) begin() {
	c.joins.Begin("connected", "unconnected", "unauthorized", "bad_request", "full", "rate_limited", "unavailable", "internal")
	c.ended.Begin(room.LeaveReasons[:]...)
}

func newJoinHistogram() *tally.Histogram {
	return tally.NewHistogram(.05, .1, .2, .35, .5, .75, 1, 1.5, 2, 3, 5, 10, 20)
}

// Stats gives the figures.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	sessions := len(s.sessions)
	s.mu.Unlock()
	c := &s.counts
	return Stats{
		Sessions: sessions, Away: int(c.away.Load()), Joins: c.joins.Read(), Join: c.join.Read(), Resumed: c.resumed.Load(),
		Unresumable: c.unresumable.Load(), Ended: c.ended.Read(), NegotiationFailed: c.negotiationFailed.Load(),
	}
}

// refusalName says why somebody was not let in.
func refusalName(err error) string {
	var no *room.Refusal
	switch {
	case errors.As(err, &no):
		return no.Code
	case errors.Is(err, auth.ErrMissing), errors.Is(err, auth.ErrInvalid), errors.Is(err, auth.ErrDenied), errors.Is(err, auth.ErrExpired):
		return "unauthorized"
	case errors.Is(err, room.ErrBadName), errors.Is(err, room.ErrBadIdentity), errors.Is(err, room.ErrTooLarge), errors.Is(err, errJoinRequest):
		return "bad_request"
	case errors.Is(err, room.ErrFull):
		return "full"
	case errors.Is(err, studio.ErrTooOften), errors.Is(err, errJoins):
		return "rate_limited"
	case errors.Is(err, studio.ErrShutdown):
		return "unavailable"
	}
	return "internal"
}

// arrived notes that media can flow for the first time.
func (s *session) arrived() {
	if s.connectedOnce {
		return
	}
	s.connectedOnce = true
	took := time.Since(s.asked)
	s.server.counts.joins.Count("connected")
	s.server.counts.join.Observe(took.Seconds())
	s.log.Info("connected", "after", took.Round(time.Millisecond))
}

// counted notes that the session ends.
func (s *session) counted(why room.LeaveReason) {
	s.server.counts.ended.Count(why.String())
	if !s.connectedOnce {
		s.server.counts.joins.Count("unconnected")
	}
	if s.conn == nil && !s.awaySince.IsZero() {
		s.server.counts.away.Add(-1)
	}
}
