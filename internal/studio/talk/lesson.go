package talk

import (
	"time"

	"github.com/tuttilive/tutti/internal/room/board"
)

type (
	// Board is the whiteboard apart from what is on it.
	Board struct{ board.State }
	// Drawn is what somebody drew, changed or removed.
	Drawn struct{ board.Drawing }
	// Trace is the next piece of a line that somebody is drawing.
	Trace struct {
		Trace board.Trace `json:"trace"`
		By    string      `json:"by"`
	}
	// RollCall is how a roll call stands; those who are asked answer until Ends.
	RollCall struct {
		Number   int       `json:"number"`
		Begun    time.Time `json:"begun"`
		Ends     time.Time `json:"ends"`
		Open     bool      `json:"open"`
		Answered int       `json:"answered"`
		Of       int       `json:"of"`
	}
)

func (Board) Kind() string    { return "board" }
func (Drawn) Kind() string    { return "drawn" }
func (Trace) Kind() string    { return "trace" }
func (RollCall) Kind() string { return "rollcall" }

func (Board) Key() string    { return "board" }
func (RollCall) Key() string { return "rollcall" }
