package room

import (
	"cmp"
	"time"
)

// Settings are how a room is run.
type Settings struct {
	// EmptyTimeout is how long a room stays open for the first who comes, DepartureTimeout for those who left to come back.
	EmptyTimeout, DepartureTimeout time.Duration
	// MaxParticipants bounds the room, 0 not at all. Ingests, agents, recorders and those who are hidden take no place.
	MaxParticipants int
	// Metadata is the application's own and told to everybody.
	Metadata string
}

// Within completes settings by those of the server: they fill in what is not set, and nobody gets beyond their limit on
// participants.
func (s Settings) Within(server Settings) Settings {
	s.EmptyTimeout = cmp.Or(s.EmptyTimeout, server.EmptyTimeout)
	s.DepartureTimeout = cmp.Or(s.DepartureTimeout, server.DepartureTimeout)
	if s.MaxParticipants == 0 || server.MaxParticipants > 0 && server.MaxParticipants < s.MaxParticipants {
		s.MaxParticipants = server.MaxParticipants
	}
	return s
}

// Visit notes that somebody has been here whom the room is kept for.
func (r *Room) Visit() { r.visited = true }

// Visited tells whether somebody has been here whom the room is kept for.
func (r *Room) Visited() bool { return r.visited }

// KeptFor is how long the room stays open while nobody is there whom it is kept for.
func (r *Room) KeptFor() time.Duration {
	if r.visited {
		return r.DepartureTimeout
	}
	return r.EmptyTimeout
}
