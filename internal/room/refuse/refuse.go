// Package refuse has the form in which the rules of a room say no.
package refuse

import "time"

// Refusal is why something in a room was not done: a stable code for programs and a sentence for people. It is immutable.
type Refusal struct {
	Code, Message string
	// Wait is after how long it may be tried again, 0 where that does not help.
	Wait time.Duration
}

func (r *Refusal) Error() string { return r.Message }

// After is the refusal with a time to wait.
func (r *Refusal) After(wait time.Duration) *Refusal {
	return &Refusal{Code: r.Code, Message: r.Message, Wait: wait}
}

// Is makes a refusal with a time to wait the same as the one without.
func (r *Refusal) Is(target error) bool {
	other, ok := target.(*Refusal)
	return ok && other.Code == r.Code && other.Message == r.Message
}
