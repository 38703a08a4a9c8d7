package sfu

import "time"

const (
	// keyframeInterval is the least time between two requests for a keyframe of one layer.
	keyframeInterval = 400 * time.Millisecond
	// keyframePatience is added to the round trip before a request is repeated: time to encode and send a keyframe.
	keyframePatience = 200 * time.Millisecond
	// wishInterval is how often one subscriber's wish for a keyframe is heard in the long run, wishBurst how many are at once.
	wishInterval = 2 * time.Second
	wishBurst    = 10
	// keyframeRequests is how often a keyframe is asked for until somebody wants one anew.
	keyframeRequests = 12
)

// keyframes decides when to ask a publisher for a keyframe of one layer (PLI, RFC 4585, section 6.3.1): the first wish
// goes at once, further ones are throttled, and a request without an answer is repeated. It is pure: time is an argument.
type keyframes struct {
	wanted   bool
	asked    bool // at least once, at
	at       time.Duration
	requests int
}

// want notes a wish and tells whether to ask at once.
func (k *keyframes) want(now time.Duration) (ask bool) {
	if !k.wanted {
		k.wanted, k.requests = true, 0
	}
	if k.asked && now-k.at < keyframeInterval {
		return false
	}
	return k.ask(now)
}

// due tells whether to ask now for what was put off or not answered. Call it some times in a keyframeInterval.
func (k *keyframes) due(now, rtt time.Duration) (ask bool) {
	if !k.wanted {
		return false
	}
	wait := keyframeInterval
	if k.requests > 0 {
		// Twice as patient from the fifth time on: the publisher may have nothing to encode.
		wait = max(wait, rtt+keyframePatience) << min(k.requests/4, 3)
	}
	if k.asked && now-k.at < wait {
		return false
	}
	return k.ask(now)
}

func (k *keyframes) ask(now time.Duration) bool {
	if k.requests == keyframeRequests {
		k.wanted = false
		return false
	}
	k.asked, k.at = true, now
	k.requests++
	return true
}

// came notes that a keyframe began.
func (k *keyframes) came() { k.wanted = false }

// wishes bounds how often one subscriber can have a publisher asked for a keyframe. All who watch pay for one, so somebody who
// asks without end, out of malice or over a way that brings nothing, must not set the pace for all. It is pure: time is an argument.
type wishes struct {
	left   float64 // of wishBurst, as of at
	at     time.Duration
	filled bool
}

// allow tells whether to pass a wish on.
func (w *wishes) allow(now time.Duration) bool {
	if !w.filled {
		w.filled, w.left = true, wishBurst
	} else {
		w.left = min(w.left+float64(now-w.at)/float64(wishInterval), wishBurst)
	}
	w.at = now
	if w.left < 1 {
		return false
	}
	w.left--
	return true
}
