package hlscheck

import (
	"math"
	"slices"
	"time"

	"github.com/tuttilive/tutti/internal/mux/hls/m3u8"
)

// What a media playlist must be, whenever it is read.
var (
	readable      = Clause{"4.4", "every tag is written as it must be"}
	version       = Clause{"8", "EXT-X-VERSION fits the tags that are used"}
	noType        = Clause{"4.4.3.5", "a live playlist has no EXT-X-PLAYLIST-TYPE"}
	target        = Clause{"4.4.3.1", "EXTINF rounded is not over EXT-X-TARGETDURATION"}
	targetStays   = Clause{"4.4.3.1", "EXT-X-TARGETDURATION does not change"}
	partInf       = Clause{"4.4.3.7", "EXT-X-PART-INF is there, and PART-TARGET does not change"}
	blockReload   = Clause{"4.4.3.8", "CAN-BLOCK-RELOAD=YES"}
	partHoldBack  = Clause{"4.4.3.8", "PART-HOLD-BACK is at least three part targets"}
	holdBack      = Clause{"4.4.3.8", "HOLD-BACK is at least three target durations"}
	skipUntil     = Clause{"4.4.3.8", "CAN-SKIP-UNTIL is at least six target durations"}
	mapped        = Clause{"4.4.4.5", "each segment has an EXT-X-MAP"}
	dated         = Clause{"4.4.4.6", "each segment has an EXT-X-PROGRAM-DATE-TIME"}
	datesGoOn     = Clause{"4.4.4.6", "EXT-X-PROGRAM-DATE-TIME goes on by the segments' durations"}
	partMost      = Clause{"4.4.4.9", "no part is longer than PART-TARGET"}
	partLeast     = Clause{"4.4.4.9", "each part but the last of its segment has at least 85 % of PART-TARGET"}
	partSum       = Clause{"4.4.4.9", "the parts of a segment are together as long as the segment"}
	partNamed     = Clause{"4.4.4.9", "segments less than three target durations from the end name their parts"}
	partForgotten = Clause{"4.4.4.9", "segments further from the end do not"}
	independent   = Clause{"4.4.2.1", "with EXT-X-INDEPENDENT-SEGMENTS each segment begins with an INDEPENDENT part"}
	hinted        = Clause{"4.4.5.3", "the part to come is hinted at"}
	reported      = Clause{"4.4.5.4", "there is an EXT-X-RENDITION-REPORT for every other rendition"}
	long          = Clause{"6.2.2", "the playlist is at least three target durations long"}
)

// rounded is by how much a sum of durations may be off, since playlists round each.
const rounded = time.Millisecond

// What must hold from one version of a playlist to the next.
var (
	sequence         = Clause{"6.2.2", "EXT-X-MEDIA-SEQUENCE grows by the segments that are taken out"}
	discontinuitySeq = Clause{"6.2.2", "EXT-X-DISCONTINUITY-SEQUENCE grows by the discontinuities that are taken out"}
	unchanged        = Clause{"6.2.1", "what was published of a segment does not change"}
	hintKept         = Clause{"4.4.5.3", "the part that was hinted at is the next one"}
	reportGrows      = Clause{"4.4.5.4", "rendition reports do not go back, and are not ahead of the rendition"}
)

// inSeconds is how exact durations are written.
const inSeconds = 20 * time.Microsecond

// lookAt checks one version of a media playlist. others is how many other renditions there are.
func (r *Report) lookAt(name string, m *m3u8.Media, others int) {
	minimum := 6
	if m.Skipped > 0 {
		minimum = 9
	}
	r.check(readable, m.Fault == nil, "%s: %v", name, m.Fault)
	r.check(version, m.Version >= minimum, "%s: version %d", name, m.Version)
	r.check(noType, m.Type == "", "%s: %s", name, m.Type)
	r.check(partInf, m.PartTarget > 0, "%s: none", name)
	c := m.Control
	if c == nil {
		c = &m3u8.Control{}
	}
	r.check(blockReload, c.Block, "%s", name)
	r.check(partHoldBack, c.PartHoldBack >= 3*m.PartTarget, "%s: %v of %v", name, c.PartHoldBack, m.PartTarget)
	r.check(holdBack, c.HoldBack >= 3*m.Target, "%s: %v of %v", name, c.HoldBack, m.Target)
	r.check(skipUntil, c.SkipUntil >= 6*m.Target, "%s: %v of %v", name, c.SkipUntil, m.Target)
	if m.Skipped == 0 && len(m.Segments) > 0 {
		r.check(mapped, m.Segments[0].Map != "", "%s", name)
	}
	if !m.Ended {
		r.check(hinted, m.Hint != "", "%s at %d", name, m.Next())
		r.check(reported, len(m.Reports) == others, "%s at %d: %d of %d", name, m.Next(), len(m.Reports), others)
	}
	r.lookAtSegments(name, m)
}

func (r *Report) lookAtSegments(name string, m *m3u8.Media) {
	for i := range m.Segments {
		s := &m.Segments[i]
		msn := m.First() + uint64(i)
		r.check(target, math.Round(s.Duration.Seconds()) <= m.Target.Seconds(), "%s %d: %v", name, msn, s.Duration)
		r.check(dated, !s.Start.IsZero(), "%s %d", name, msn)
		if i > 0 && s.Discontinuities == 0 {
			d := s.Start.Sub(m.Segments[i-1].Start) - m.Segments[i-1].Duration
			r.check(datesGoOn, d.Abs() < 100*time.Millisecond, "%s %d: %v off", name, msn, d)
		}
		if len(s.Parts) > 0 {
			r.lookAtParts(name, msn, m, s.Parts)
			var sum time.Duration
			for _, p := range s.Parts {
				sum += p.Duration
			}
			r.check(partSum, (sum-s.Duration).Abs() <= time.Duration(len(s.Parts)+1)*inSeconds, "%s %d: %v of %v", name, msn, sum, s.Duration)
		}
	}
	r.lookAtParts(name, m.Next(), m, m.Opening.Parts)
	var behind time.Duration
	for _, p := range m.Opening.Parts {
		behind += p.Duration
	}
	for i := len(m.Segments) - 1; i >= 0; i-- {
		msn := m.First() + uint64(i)
		switch has := len(m.Segments[i].Parts) > 0; {
		case behind <= 3*m.Target-rounded:
			r.check(partNamed, has, "%s %d, %v from the end", name, msn, behind)
		case behind >= 3*m.Target+rounded:
			r.check(partForgotten, !has, "%s %d, %v from the end", name, msn, behind)
		}
		behind += m.Segments[i].Duration
	}
}

func (r *Report) lookAtParts(name string, msn uint64, m *m3u8.Media, parts []m3u8.Part) {
	for i, p := range parts {
		r.check(partMost, p.Duration <= m.PartTarget+inSeconds, "%s %d.%d: %v", name, msn, i, p.Duration)
		if !p.Gap && i+1 < len(parts) { // also the newest part of an open segment may turn out to be its last
			r.check(partLeast, p.Duration >= m.PartTarget*85/100-inSeconds, "%s %d.%d: %v", name, msn, i, p.Duration)
		}
	}
	if i := slices.IndexFunc(parts, func(p m3u8.Part) bool { return !p.Gap }); m.Independent && i >= 0 {
		r.check(independent, parts[i].Independent, "%s %d", name, msn)
	}
}

// compare checks what must hold from one version of a playlist to the next, both whole.
func (r *Report) compare(name string, before, now *m3u8.Media) {
	r.check(targetStays, now.Target == before.Target, "%s: %v to %v", name, before.Target, now.Target)
	r.check(partInf, now.PartTarget == before.PartTarget, "%s: %v to %v", name, before.PartTarget, now.PartTarget)
	r.check(sequence, now.Sequence >= before.Sequence && now.Next() >= before.Next(), "%s: %d-%d to %d-%d", name, before.Sequence, before.Next(), now.Sequence, now.Next())
	gone := before.DiscontinuitySequence
	for i := range before.Segments {
		if before.Sequence+uint64(i) < now.Sequence {
			gone += uint64(before.Segments[i].Discontinuities)
		}
	}
	r.check(discontinuitySeq, now.DiscontinuitySequence == gone, "%s at %d: %d, not %d", name, now.Sequence, now.DiscontinuitySequence, gone)
	for i := range before.Segments {
		if s := segment(now, before.Sequence+uint64(i)); s != nil {
			r.check(unchanged, same(&before.Segments[i], s), "%s %d", name, before.Sequence+uint64(i))
		}
	}
	if opening := segment(now, before.Next()); opening != nil && len(opening.Parts) > 0 {
		n := len(before.Opening.Parts)
		kept := n <= len(opening.Parts)
		for i := 0; kept && i < n; i++ {
			kept = before.Opening.Parts[i] == opening.Parts[i]
		}
		r.check(unchanged, kept, "%s %d", name, before.Next())
		if n < len(opening.Parts) {
			r.check(hintKept, opening.Parts[n].URI == before.Hint, "%s %d.%d is %s, the hint was %s", name, before.Next(), n, opening.Parts[n].URI, before.Hint)
		} else if next := segment(now, before.Next()+1); next != nil && len(next.Parts) > 0 {
			r.check(hintKept, false, "%s %d.%d never came", name, before.Next(), n)
		}
	}
	if now.Skipped == 0 {
		total := time.Duration(0)
		for i := range now.Segments {
			total += now.Segments[i].Duration
		}
		if now.Sequence > 0 {
			r.check(long, total >= 3*now.Target-time.Second/2, "%s: %v", name, total)
		}
	}
}

// segment gives the one of a number, also that which is not complete yet.
func segment(m *m3u8.Media, msn uint64) *m3u8.Segment {
	switch {
	case msn < m.First() || msn > m.Next():
		return nil
	case msn == m.Next():
		return &m.Opening
	}
	return &m.Segments[msn-m.First()]
}

// same tells whether two versions of a segment agree in what both say.
func same(a, b *m3u8.Segment) bool {
	if a.URI != b.URI || a.Duration != b.Duration || !a.Start.Equal(b.Start) || a.Discontinuities != b.Discontinuities {
		return false
	}
	for i := range min(len(a.Parts), len(b.Parts)) {
		if a.Parts[i] != b.Parts[i] {
			return false
		}
	}
	return true
}
