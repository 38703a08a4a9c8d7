package sfu

import (
	"sync/atomic"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/tally"
)

// Totals are the figures of all that was received and sent by the process since it started, in the closed streams too. Sound
// and pictures are apart.
type Totals struct {
	In  [media.Video + 1]InTotals  // by media.Kind
	Out [media.Video + 1]OutTotals // by media.Kind

	// Suspended counts pictures that are not sent now because the way does not carry their smallest layer; Full the ways that
	// were seen to be full within the last half minute, of Downlinks in all.
	Suspended, Full, Downlinks int
	// Behind counts pictures of which something waits now for its turn on the way; Skips how often one was so late that it went
	// on at another keyframe.
	Behind int
	Skips  uint64
	// Estimate is what ways that are full are estimated to carry, in bit/s, looked at once a second.
	Estimate tally.Distribution
	// RTT is the round trip to those who receive, in seconds, looked at once a second.
	RTT tally.Distribution
}

// InTotals are figures of what publishers send.
type InTotals struct {
	Packets, Bytes uint64
	// Lost are packets that did not come at first, Repaired those that came on request.
	Lost, Repaired uint64
	// Nacked are packets that were asked for again, KeyframesWanted the requests for a keyframe (PLI), Keyframes those that came.
	Nacked, KeyframesWanted, Keyframes uint64
	// Freezes are gaps between pictures that somebody who watches notices.
	Freezes uint64
	// LossShare is the share of packets that did not come at first, Jitter in seconds: of each stream, once a second.
	LossShare, Jitter tally.Distribution
}

// OutTotals are figures of what goes to subscribers.
type OutTotals struct {
	Packets, Bytes uint64
	// Nacked are packets that subscribers asked for again, Repaired those that were sent again. KeyframesWanted counts the
	// subscribers' requests for a keyframe.
	Nacked, Repaired, KeyframesWanted uint64
	// LossShare is what receivers reported to have lost, once a second for each stream.
	LossShare tally.Distribution
}

// ReadTotals gives the figures. What went to subscribers is added up once a second.
func ReadTotals() Totals {
	t := Totals{
		Suspended: int(totals.suspended.Load()), Full: int(totals.full.Load()), Downlinks: int(totals.downlinks.Load()),
		Behind: int(totals.behind.Load()), Skips: totals.skips.Load(),
		Estimate: totals.estimate.Read(), RTT: totals.rtt.Read(),
	}
	for _, kind := range []media.Kind{media.Audio, media.Video} {
		in, out := &totals.in[kind], &totals.out[kind]
		t.In[kind] = InTotals{
			Packets: in.packets.Load(), Bytes: in.bytes.Load(), Lost: in.lost.Load(), Repaired: in.repaired.Load(),
			Nacked: in.nacked.Load(), KeyframesWanted: in.keyframesWanted.Load(), Keyframes: in.keyframes.Load(),
			Freezes: in.freezes.Load(), LossShare: in.lossShare.Read(), Jitter: in.jitter.Read(),
		}
		t.Out[kind] = OutTotals{
			Packets: out.packets.Load(), Bytes: out.bytes.Load(), Nacked: out.nacked.Load(), Repaired: out.repaired.Load(),
			KeyframesWanted: out.keyframesWanted.Load(), LossShare: out.lossShare.Read(),
		}
	}
	return t
}

// totals are written once for a batch on the way in, and once a second for each stream on the way out. Like feeds and
// forwarders they belong to the process: tracks outlive rooms' doors and know no endpoint.
var totals = struct {
	in  [media.Video + 1]inTotals
	out [media.Video + 1]outTotals

	suspended, full, downlinks, behind atomic.Int64
	skips                              atomic.Uint64
	estimate, rtt                      *tally.Histogram
}{
	in:       [media.Video + 1]inTotals{media.Audio: newInTotals(), media.Video: newInTotals()},
	out:      [media.Video + 1]outTotals{media.Audio: newOutTotals(), media.Video: newOutTotals()},
	estimate: tally.NewHistogram(50e3, 100e3, 200e3, 350e3, 500e3, 750e3, 1e6, 1.5e6, 2e6, 3e6, 5e6, 10e6, 20e6, 50e6),
	rtt:      tally.NewHistogram(.002, .005, .01, .02, .035, .05, .075, .1, .15, .2, .3, .5, 1, 2),
}

type inTotals struct {
	packets, bytes, lost, repaired, nacked, keyframesWanted, keyframes, freezes atomic.Uint64
	lossShare, jitter                                                           *tally.Histogram
}

type outTotals struct {
	packets, bytes, nacked, repaired, keyframesWanted atomic.Uint64
	lossShare                                         *tally.Histogram
}

func newInTotals() inTotals {
	return inTotals{
		lossShare: newLossHistogram(),
		jitter:    tally.NewHistogram(.001, .002, .005, .01, .015, .02, .03, .05, .075, .1, .2, .5),
	}
}

func newOutTotals() outTotals { return outTotals{lossShare: newLossHistogram()} }

func newLossHistogram() *tally.Histogram {
	return tally.NewHistogram(0, .001, .005, .01, .02, .03, .05, .075, .1, .15, .2, .3, .5)
}

// LayerStats are what comes in for one layer of a track.
type LayerStats struct {
	RID           string
	Codec         media.Codec
	Width, Height int
	// FPS is in pictures a second, Bitrate in bit/s, both over the last second.
	FPS, Bitrate int
	Active       bool

	// The rest counts since the layer came.
	Packets, Bytes, Lost, Repaired, Nacked, KeyframesWanted, Keyframes, Freezes uint64
	// Frozen is how long the gaps were that Freezes counts.
	Frozen time.Duration
	// LossShare is of the last second, 0 to 1.
	LossShare float64
	Jitter    time.Duration
	// Redundant sound comes with what packets before it carried (RFC 2198).
	Redundant bool
}

// intakeCounts are counted on the way in for one layer. They are guarded by the intake's lock.
type intakeCounts struct {
	packets, bytes, lost, repaired, nacked, keyframesWanted, keyframes uint64
	lossShare                                                          float64
	redundant                                                          bool
}

// SenderStats are what goes to one subscriber; but for those of now they are totals since the start.
type SenderStats struct {
	Packets, Bytes, Repaired, Nacked, KeyframesWanted uint64
	// Lost is the fraction lost in the last report, 0 to 1.
	Lost float32
	// Bitrate is that of payloads over the last second, in bit/s.
	Bitrate int
	// RID and size are those of the layer that is sent or waited for. A Limited sender would send a larger one if the way
	// carried it; a Suspended one sends nothing because it does not carry the smallest; a Paused one was told to send nothing.
	RID                        string
	Width, Height              int
	Limited, Suspended, Paused bool
}
