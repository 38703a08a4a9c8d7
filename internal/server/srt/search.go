package srt

import (
	"math"
	"sync"
	"time"

	gosrt "github.com/datarhei/gosrt"
)

const (
	// explains is how many repeats are free for each packet that is counted as lost, once a gap more than are: four where single ones get lost. Encoders send again
	// on every report, and most of what they do has been acknowledged when it comes; but it is not told which.
	explains = 2
	// recent is for how long what is not used of that is good, and for how long what was searched counts in who is ended.
	recent = 2 * time.Second
)

// search reckons what the library spends on finding the place of packets that are not the newest: it passes what waits from the oldest on. Such fill a gap, which has
// been counted as loss before, or have come already. It reckons with too much rather than too little, but for the repeats that loss explains: with those it can be up to
// three times as much. It is of one goroutine.
type search struct {
	unique, lost, again uint64  // as of the last look
	held                float64 // packets that waited then
	most                float64 // that can have waited at once between the last two looks
	gaps                float64 // that can still be filled; they have been paid for as if most waited
	explained           float64 // passes that repeats may still cost
}

// look gives how many packets were passed since the last look.
func (h *search) look(st *gosrt.Statistics, elapsed time.Duration) float64 {
	a := &st.Accumulated
	again := a.PktRecvDrop - a.PktRecvBelated // those that come when what they repeat was taken out cost nothing
	unique, lost, repeats := float64(a.PktRecvUnique-h.unique), float64(a.PktRecvLoss-h.lost), float64(again-h.again)
	h.unique, h.lost, h.again = a.PktRecvUnique, a.PktRecvLoss, again

	held, most := float64(st.Instantaneous.PktRecvBuf), h.held+unique
	fills := lost*most + h.gaps*max(most-h.most, 0)
	if h.gaps += lost; most > 0 { // gaps end with what surrounds them
		h.gaps *= min(held/most, 1)
	}
	h.held, h.most = held, most

	h.explained = h.explained*fade(elapsed) + explains*lost*most
	free := min(repeats*most, h.explained)
	h.explained -= free
	return fills + repeats*most - free
}

// fade is what is left of something after a time.
func fade(elapsed time.Duration) float64 { return math.Exp(-elapsed.Seconds() / recent.Seconds()) }

// bucket is what was searched, less what is allowed for the time. It may be used by any goroutine.
type bucket struct {
	mu    sync.Mutex
	level float64
	at    time.Time
}

// add tells that there is too much in it, with what is added.
func (b *bucket) add(passed, perSecond float64, now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if elapsed := now.Sub(b.at); elapsed > 0 {
		b.level, b.at = max(b.level-elapsed.Seconds()*perSecond, 0), now
	}
	b.level += passed
	return b.level > searchBurst*perSecond
}

// relieve makes room when somebody was ended for all, so that the next is not for the same.
func (b *bucket) relieve(perSecond float64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.level = min(b.level, searchBurst*perSecond/2)
}
