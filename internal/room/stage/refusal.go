package stage

// Refusal says why an action is not done, with a stable code for programs.
type Refusal struct{ Code, Message string }

func (r *Refusal) Error() string { return r.Message }

// What actions are refused with.
var (
	ErrForbidden    = &Refusal{"forbidden", "only a host may do this"}
	ErrOff          = &Refusal{"off", "this room does not have that"}
	ErrUnknown      = &Refusal{"bad_request", "there is no such action"}
	ErrTooLong      = &Refusal{"too_long", "a name has at most 256 bytes, a note 200"}
	ErrNoPerson     = &Refusal{"not_found", "nobody of this identity is here"}
	ErrNoSeat       = &Refusal{"no_seat", "there is no seat of this number"}
	ErrSeatTaken    = &Refusal{"seat_taken", "somebody sits there"}
	ErrSeatLocked   = &Refusal{"seat_locked", "this seat is locked"}
	ErrSeatReserved = &Refusal{"seat_reserved", "this seat is kept for somebody else"}
	ErrStageFull    = &Refusal{"stage_full", "no seat is free"}
	ErrOnStage      = &Refusal{"on_stage", "is on the stage already"}
	ErrNotSeated    = &Refusal{"not_seated", "does not sit on the stage"}
	ErrAsked        = &Refusal{"already_asked", "the hand is raised already"}
	ErrNotAsked     = &Refusal{"not_asked", "did not raise a hand"}
	ErrInvited      = &Refusal{"already_invited", "is invited already"}
	ErrNotInvited   = &Refusal{"not_invited", "is not invited, or not any more"}
	ErrQueueFull    = &Refusal{"queue_full", "too many hands are raised"}
	ErrCohosts      = &Refusal{"too_many_cohosts", "there are as many co-hosts as there can be"}
	ErrNotCohost    = &Refusal{"not_cohost", "is no co-host"}
	ErrBanned       = &Refusal{"banned", "is banned from this room"}
	ErrNotBanned    = &Refusal{"not_banned", "is not banned"}
	ErrNotSilenced  = &Refusal{"not_silenced", "is not silenced"}
	ErrLocked       = &Refusal{"locked", "this room is locked"}
	ErrWaiting      = &Refusal{"waiting", "waits to be let in"}
	ErrWaitingFull  = &Refusal{"waiting_full", "too many wait to be let in"}
)
