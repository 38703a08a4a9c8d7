package intake

import (
	"time"

	"github.com/tuttilive/tutti/internal/room/refuse"
)

// Absence is what becomes of a show while nobody publishes.
type Absence string

const (
	// Hold, also the zero value, holds the last picture. Slate shows a picture of the room's. End ends the show of an encoder with its
	// connection.
	Hold  Absence = "hold"
	Slate Absence = "slate"
	End   Absence = "end"
)

// Valid tells whether this is one of those that exist.
func (a Absence) Valid() bool { return a == "" || a == Hold || a == Slate || a == End }

const (
	// MaxWait bounds for how long a room waits for its publisher.
	MaxWait = 24 * time.Hour
	// MaxSlate bounds a slate as it is kept, MaxSlates those of all rooms together, in bytes: they stay in memory.
	MaxSlate  = 128 << 10
	MaxSlates = 64 << 20
)

// Why a change is refused.
var (
	ErrAbsence = &refuse.Refusal{Code: "bad_request", Message: "absence is hold, slate or end"}
	ErrSlates  = &refuse.Refusal{Code: "full", Message: "the server keeps as many slates as it may"}
	ErrWait    = &refuse.Refusal{Code: "bad_request", Message: "wait is 0 to 86400 seconds"}
)
