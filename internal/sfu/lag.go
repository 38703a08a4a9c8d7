package sfu

import "time"

const (
	// A sender that falls behind goes on at a newer keyframe, if there is one, when it is later than skipAfter, and waits
	// for one when it is later than waitAfter.
	skipAfter, waitAfter = 300 * time.Millisecond, time.Second
)

// lag is how far a sender is behind its layer. It is pure.
type lag struct {
	// begun is how old the first packet was that had to wait. Who begins in the past is late from the start.
	begun time.Duration
}

type verdict uint8

const (
	goOn      verdict = iota
	skipAhead         // to a newer keyframe if there is one
	giveUp            // and wait for a keyframe: nobody wants what is left
)

// judge says what to do when the next packet is of some age.
func (l lag) judge(age time.Duration) verdict {
	switch late := age - l.begun; {
	case late > waitAfter:
		return giveUp
	case late > skipAfter:
		return skipAhead
	}
	return goOn
}
