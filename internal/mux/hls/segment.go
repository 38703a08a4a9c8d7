package hls

import (
	"strconv"
	"time"
)

// Segment is one media segment. It is immutable.
type Segment struct {
	Number   uint64
	Start    time.Time
	Duration time.Duration
	Parts    []*Part
	// Discontinuities is how many breaks of the timeline there are between the segment before and this one (EXT-X-DISCONTINUITY).
	Discontinuities int

	gap      bool // it is missing (EXT-X-GAP)
	samples  int
	bytes    int
	init     *initSegment
	resource *Resource
}

// Part is one fragment of a segment (a partial segment). It is immutable.
type Part struct {
	Duration time.Duration
	// Independent tells that there is a keyframe in it.
	Independent bool

	begins   bool // it begins with a keyframe
	gap      bool // it is missing: it has no frame, and none before it in the segment does
	resource *Resource
}

// initSegment is what EXT-X-MAP names.
type initSegment struct {
	number   uint64
	resource *Resource
}

// opening is the segment that is being filled, as playlists show it.
type opening struct {
	number          uint64
	start           time.Time
	parts           []*Part
	discontinuities int
	init            *initSegment
}

func segmentName(rendition string, n uint64) string {
	return rendition + "-" + strconv.FormatUint(n, 10) + ".m4s"
}

func partName(rendition string, n uint64, part int) string {
	return rendition + "-" + strconv.FormatUint(n, 10) + "." + strconv.Itoa(part) + ".m4s"
}

func initName(rendition string, n uint64) string {
	return rendition + "-init" + strconv.FormatUint(n, 10) + ".mp4"
}
