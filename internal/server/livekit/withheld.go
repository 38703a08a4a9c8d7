package livekit

import (
	"sync"
	"time"
)

const (
	// rulesLapse is how long a client that has joined anew is held to the rules of its visit before. Clients that connect anew by
	// themselves send their rules again, but only after their tracks; a page that was loaded anew knows nothing of them.
	rulesLapse = 15 * time.Second
	// withheldLife is how long a client may stay away between two visits.
	withheldLife = time.Minute
	maxWithheld  = 1000
)

// withheld are the rules for tracks of clients that have gone without a word, so that nobody gets what was withheld when they
// come back.
type withheld struct {
	mu   sync.Mutex
	kept map[place]keptRules
}

type keptRules struct {
	permission rulesOfTracks
	until      time.Time
}

// keep remembers the rules of a visit that has ended.
func (w *withheld) keep(at place, r rulesOfTracks) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	for p, old := range w.kept {
		if now.After(old.until) {
			delete(w.kept, p)
		}
	}
	if len(w.kept) >= maxWithheld {
		return
	}
	if w.kept == nil {
		w.kept = map[place]keptRules{}
	}
	w.kept[at] = keptRules{r, now.Add(withheldLife)}
}

// take gives the rules of the visit before, once.
func (w *withheld) take(at place) (r rulesOfTracks, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	k, ok := w.kept[at]
	delete(w.kept, at)
	return k.permission, ok && !time.Now().After(k.until)
}
