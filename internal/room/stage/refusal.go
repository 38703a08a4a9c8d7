package stage

import "github.com/tuttilive/tutti/internal/room/refuse"

// What actions are refused with.
var (
	ErrForbidden    = &refuse.Refusal{Code: "forbidden", Message: "only a host may do this"}
	ErrOff          = &refuse.Refusal{Code: "off", Message: "this room does not have that"}
	ErrUnknown      = &refuse.Refusal{Code: "bad_request", Message: "there is no such action"}
	ErrPast         = &refuse.Refusal{Code: "bad_request", Message: "for: seconds from now on, 0 for as long as the room is open"}
	ErrTooLong      = &refuse.Refusal{Code: "too_long", Message: "a name has at most 256 bytes, a note 200"}
	ErrNoPerson     = &refuse.Refusal{Code: "not_found", Message: "nobody of this identity is here"}
	ErrNoSeat       = &refuse.Refusal{Code: "no_seat", Message: "there is no seat of this number"}
	ErrSeatTaken    = &refuse.Refusal{Code: "seat_taken", Message: "somebody sits there"}
	ErrSeatLocked   = &refuse.Refusal{Code: "seat_locked", Message: "this seat is locked"}
	ErrSeatReserved = &refuse.Refusal{Code: "seat_reserved", Message: "this seat is kept for somebody else"}
	ErrStageFull    = &refuse.Refusal{Code: "stage_full", Message: "no seat is free"}
	ErrOnStage      = &refuse.Refusal{Code: "on_stage", Message: "is on the stage already"}
	ErrNotSeated    = &refuse.Refusal{Code: "not_seated", Message: "does not sit on the stage"}
	ErrAsked        = &refuse.Refusal{Code: "already_asked", Message: "the hand is raised already"}
	ErrNotAsked     = &refuse.Refusal{Code: "not_asked", Message: "did not raise a hand"}
	ErrInvited      = &refuse.Refusal{Code: "already_invited", Message: "is invited already"}
	ErrNotInvited   = &refuse.Refusal{Code: "not_invited", Message: "is not invited, or not any more"}
	ErrQueueFull    = &refuse.Refusal{Code: "queue_full", Message: "too many hands are raised"}
	ErrCohosts      = &refuse.Refusal{Code: "too_many_cohosts", Message: "there are as many co-hosts as there can be"}
	ErrNotCohost    = &refuse.Refusal{Code: "not_cohost", Message: "is no co-host"}
	ErrBanned       = &refuse.Refusal{Code: "banned", Message: "is banned from this room"}
	ErrNotBanned    = &refuse.Refusal{Code: "not_banned", Message: "is not banned"}
	ErrSilenced     = &refuse.Refusal{Code: "silenced", Message: "a host does not let you write"}
	ErrNotSilenced  = &refuse.Refusal{Code: "not_silenced", Message: "is not silenced"}
	ErrLocked       = &refuse.Refusal{Code: "locked", Message: "this room is locked"}
	ErrWaiting      = &refuse.Refusal{Code: "waiting", Message: "waits to be let in"}
	ErrWaitingFull  = &refuse.Refusal{Code: "waiting_full", Message: "too many wait to be let in"}
)
