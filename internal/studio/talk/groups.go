package talk

import "github.com/tuttilive/tutti/internal/room/breakout"

type (
	// Groups is how a room's groups are.
	Groups struct{ breakout.View }
	// Moved tells somebody to go into another room on this server: a group's, with a token for it, or, without one, back to the main
	// room, with what they came into that.
	Moved struct {
		Room  string `json:"room"`
		Token string `json:"token,omitempty"`
		Group int    `json:"group,omitempty"`
		Name  string `json:"name,omitempty"`
	}
)

func (Groups) Kind() string { return "groups" }
func (Moved) Kind() string  { return "moved" }

func (Groups) Key() string { return "groups" }

// ForHosts implements Split: they know what is only planned, and who belongs to no group.
func (g Groups) ForHosts() Event { return g }

// ForAll implements Split.
func (g Groups) ForAll() Event { return Groups{g.Public()} }
