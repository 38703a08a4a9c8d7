package sfu

import (
	"time"

	"github.com/tuttilive/tutti/internal/media"
)

// Quality is how well media get through to or from somebody.
type Quality uint8

const (
	// LostQuality: nothing comes.
	LostQuality Quality = iota
	PoorQuality
	GoodQuality
	ExcellentQuality
)

// Passage is how one stream got through in the last seconds.
type Passage struct {
	Kind media.Kind
	// Expected is how many packets should have come, Lost the share of them that did not come at first, 0 to 1.
	Expected int
	Lost     float64
	RTT      time.Duration
	Jitter   time.Duration
	// Redundant sound makes good most of what is lost.
	Redundant bool
	// Silent: packets are due and none came. Suspended and Limited: the way does not carry it, or not in the size wanted.
	Silent, Suspended, Limited bool
}

const (
	// bestRating is the E-model's rating of a call that lacks nothing (ITU-T G.107).
	bestRating = 93.2
	// robustness is the E-model's packet loss robustness factor in percent: at so much loss half of what can be lost is. Opus
	// conceals about as well as the best of G.113; redundancy leaves of a loss about its square.
	soundRobustness, redundantRobustness = 12, 50
	// pictureRobustness is of pictures, most of whose losses are made good by retransmission.
	pictureRobustness = 20
	// suspendedCost and limitedCost are what a picture takes off that is missing, or smaller than wanted.
	suspendedCost, limitedCost = 60, 25
	// excellentScore and goodScore are the least scores for these.
	excellentScore, goodScore = 4.1, 3.1
)

// rating is the E-model's R of a passage, 0 to 93: what is left after delay (G.107, section 7.4, as simplified by Cole and
// Rosenbluth) and loss have taken their part.
func (p Passage) rating() float64 {
	// A jitter buffer holds about twice the jitter.
	delay := p.RTT.Seconds()*1000/2 + 2*p.Jitter.Seconds()*1000 + 20
	r := bestRating - 0.024*delay
	if delay > 177.3 {
		r -= 0.11 * (delay - 177.3)
	}
	robustness := float64(soundRobustness)
	switch {
	case p.Kind == media.Video:
		robustness = pictureRobustness
	case p.Redundant:
		robustness = redundantRobustness
	}
	percent := 100 * min(max(p.Lost, 0), 1)
	r -= 95 * percent / (percent + robustness)
	switch {
	case p.Suspended:
		r -= suspendedCost
	case p.Limited:
		r -= limitedCost
	}
	return min(max(r, 0), 100)
}

// Grade judges all that goes to and from somebody by the worst: a score of 1 to 5, as a mean opinion (G.107, annex B), and what
// it is called. Streams in which nothing was due do not count; without any all is well. It is pure.
func Grade(passages []Passage) (score float64, q Quality) {
	worst, silent, due := bestRating, 0, 0
	for _, p := range passages {
		switch {
		case p.Silent:
			silent++
			due++
			continue
		case p.Expected == 0 && !p.Suspended:
			continue
		}
		due++
		worst = min(worst, p.rating())
	}
	if due > 0 && silent == due {
		return 1, LostQuality
	}
	if silent > 0 {
		worst = min(worst, bestRating-suspendedCost)
	}
	score = 1 + 0.035*worst + 7e-6*worst*(worst-60)*(100-worst)
	score = min(max(1+(score-1)*4/3.41, 1), 5) // the best opinion there is, 4.41, is a 5
	switch {
	case score >= excellentScore:
		return score, ExcellentQuality
	case score >= goodScore:
		return score, GoodQuality
	}
	return score, PoorQuality
}
