package sfu

import (
	"math"
	"time"
)

const (
	// decisionInterval is the time between two looks for another dominant speaker.
	decisionInterval = 300 * time.Millisecond
	// A frame has up to bands steps of 10 dB, a block blockFrames frames, and the past longBlocks blocks.
	bands, blockFrames, longBlocks = 13, 5, framesKept / 5
	// activeFrames is how many frames with a voice make a block one with speech.
	activeFrames = 4
	// leastSpeech is how many blocks with speech somebody needs to become dominant: what is shorter is a cough or a door.
	leastSpeech = 5
	// By how much the logarithm of a challenger's score must be above that of the dominant speaker, now and over a block. Over
	// the last second it must merely be above.
	immediateLead, mediumLead = 3, 2
)

// dominance finds the dominant speaker of a conversation: dominant speaker identification for multipoint videoconferencing
// (Volfin and Cohen, 2012), with the figures that Jitsi's videobridge has. Speech is scored over a frame, a block of 100 ms
// and a second; somebody becomes dominant who leads in all three, so that neither a pause for breath nor a cough nor a yes
// changes anything. Frames are a voice or not by the background of each microphone. It is pure: time is an argument.
type dominance struct {
	current *voice
	decided bool
	next    time.Duration
}

// decide looks for another dominant speaker when it is time, by the frames up to newest, and tells whether there is one.
func (d *dominance) decide(voices []*voice, newest int64, now time.Duration) bool {
	if d.decided && now < d.next {
		return false
	}
	d.decided, d.next = true, now+decisionInterval
	holder := scores{least, least, least, 0}
	if d.current != nil {
		holder = scoresOf(d.current, newest)
	}
	best, lead := d.current, 0.0
	for _, v := range voices {
		if v == d.current {
			continue
		}
		s := scoresOf(v, newest)
		if s.blocks < leastSpeech || math.Log(s.immediate/holder.immediate) <= immediateLead || math.Log(s.long/holder.long) <= 0 {
			continue
		}
		if medium := math.Log(s.medium / holder.medium); medium > mediumLead && (best == d.current || medium > lead) {
			best, lead = v, medium
		}
	}
	changed := best != d.current
	d.current = best
	return changed
}

// forget drops a voice that is gone.
func (d *dominance) forget(v *voice) {
	if d.current == v {
		d.current = nil
	}
}

// scores tell how likely it is that somebody speaks.
type scores struct {
	immediate, medium, long float64
	// blocks is how many of the last second's blocks have speech.
	blocks int
}

// least is the lowest score, so that ratios exist.
const least = 1e-10

var (
	immediateScores = scoreTable(bands, 0.78)
	mediumScores    = scoreTable(blockFrames, 24)
	longScores      = scoreTable(longBlocks, 47)
)

// scoreTable has the logarithm of the likelihood ratio between speech and silence for each count of active out of n: active
// ones are binomial in speech, exponential in silence.
func scoreTable(n int, lambda float64) []float64 {
	table := make([]float64, n+1)
	factorial := func(k int) float64 { f, _ := math.Lgamma(float64(k + 1)); return f }
	for k := range table {
		choose := factorial(n) - factorial(k) - factorial(n-k)
		table[k] = max(choose+float64(n)*math.Log(0.5)-math.Log(lambda)+lambda*float64(k), least)
	}
	return table
}

// scoresOf looks at a voice up to the newest frame given.
func scoresOf(v *voice, newest int64) scores {
	blocks, medium := 0, 0
	for b := range longBlocks {
		count := 0
		for i := range blockFrames {
			if v.at(newest-int64(b*blockFrames+i)) < silence {
				count++
			}
		}
		if b == 0 {
			medium = count
		}
		if count >= activeFrames {
			blocks++
		}
	}
	band := min(int(silence-v.at(newest)+9)/10, bands)
	return scores{immediateScores[band], mediumScores[medium], longScores[blocks], blocks}
}
