package hls

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	// plainVersion is EXT-X-VERSION of what classic players need: fragmented MP4 with EXT-X-MAP in playlists that are not of I-frames only;
	// deltaVersion is that of playlists with EXT-X-SKIP (RFC 8216bis, section 8).
	plainVersion = 7
	deltaVersion = 9

	// skipTargets is how many target durations from the end of a playlist delta updates begin, partTargets for how many parts are named.
	skipTargets = 6
	partTargets = 3
	// holdBackParts is PART-HOLD-BACK in part targets, holdBackTargets HOLD-BACK in target durations. Three parts are the least; sound that
	// is mixed comes up to a quarter of a second after the picture, and with three players would have next to nothing in front of them.
	holdBackParts   = 4
	holdBackTargets = 3
)

// Playlist is a media playlist at one moment, with what it names. It is immutable, but that it is written when somebody asks for it.
type Playlist struct {
	name            string
	target          int
	part            time.Duration // 0: without parts
	ended           bool
	independent     bool
	discontinuities uint64 // EXT-X-DISCONTINUITY-SEQUENCE
	segments        []*Segment
	retired         []*Segment // not named any more
	opening         *opening
	reports         []report
	changed         chan struct{}

	full, delta writing
}

// report is how far another playlist is (EXT-X-RENDITION-REPORT).
type report struct {
	name     string
	msn      uint64
	part     int
	anything bool
}

// writing is a form of a playlist, written once.
type writing struct {
	once     sync.Once
	resource *Resource
}

func (r *rendition) snapshot(reports []report) *Playlist {
	part := r.stream.cfg.Part
	if r.stream.cfg.Classic {
		part = 0
	}
	return &Playlist{
		name: r.name, target: r.stream.target, part: part, ended: r.stream.ended, independent: !r.dependent,
		discontinuities: r.removedDiscontinuities, segments: append([]*Segment(nil), r.segments...),
		retired: append([]*Segment(nil), r.retired...), opening: r.opening(), reports: reports, changed: make(chan struct{}),
	}
}

// report tells how far a rendition is.
func (r *rendition) report() report {
	switch {
	case len(r.parts) > 0:
		return report{r.name, r.number, len(r.parts) - 1, true}
	case r.published():
		s := r.newest()
		return report{r.name, s.Number, len(s.Parts) - 1, true}
	}
	return report{name: r.name}
}

// Changed is closed when there is a newer playlist.
func (p *Playlist) Changed() <-chan struct{} { return p.changed }

// Parts tells whether the playlist names parts, so that it may be waited for.
func (p *Playlist) Parts() bool { return p.part > 0 }

// Target is EXT-X-TARGETDURATION.
func (p *Playlist) Target() time.Duration { return time.Duration(p.target) * time.Second }

// Has tells whether the playlist has a part of the segment of a media sequence number, or what comes later; part -1 asks for the whole
// segment. A part behind the last of a complete segment means the first of the next one (RFC 8216bis, section 6.2.5.2).
func (p *Playlist) Has(msn uint64, part int) bool {
	if p.ended || msn < p.opening.number-min(p.opening.number, 1) {
		return true
	}
	if msn+1 == p.opening.number { // the newest complete one
		if len(p.segments) == 0 || part < len(p.segments[len(p.segments)-1].Parts) {
			return true
		}
		msn, part = p.opening.number, 0
	}
	return msn == p.opening.number && part >= 0 && part < len(p.opening.parts)
}

// TooFar tells that what is asked for lies so far in the future that waiting for it is an error (RFC 8216bis, section 6.2.5.2).
func (p *Playlist) TooFar(msn uint64, part int) bool {
	if p.ended {
		return false
	}
	if msn > p.opening.number+1 {
		return true
	}
	limit := 3
	if p.part < time.Second {
		limit = int((3*time.Second + p.part - 1) / p.part)
	}
	return msn == p.opening.number && part >= len(p.opening.parts)+limit
}

// Full is the whole playlist.
func (p *Playlist) Full() *Resource {
	p.full.once.Do(func() { p.full.resource = newPlaylist(p.write(0)) })
	return p.full.resource
}

// Delta is the playlist without its older segments (RFC 8216bis, section 6.2.5.1); the whole one where none is old enough.
func (p *Playlist) Delta() *Resource {
	p.delta.once.Do(func() {
		if n := p.skippable(); n > 0 {
			p.delta.resource = newPlaylist(p.write(n))
		} else {
			p.delta.resource = p.Full()
		}
	})
	return p.delta.resource
}

// skippable is how many segments end before the skip boundary.
func (p *Playlist) skippable() int {
	if p.part == 0 {
		return 0
	}
	return p.before(skipTargets * p.Target())
}

// before is how many segments end as far from the end of the playlist, or further.
func (p *Playlist) before(distance time.Duration) int {
	var tail time.Duration
	for _, part := range p.opening.parts {
		tail += part.Duration
	}
	for i := len(p.segments) - 1; i >= 0; i-- {
		if tail >= distance {
			return i + 1
		}
		tail += p.segments[i].Duration
	}
	return 0
}

// write writes the playlist without the first segments.
func (p *Playlist) write(skip int) string {
	var b strings.Builder
	b.Grow(512 + 160*(len(p.segments)-skip))
	p.writeHead(&b, skip)
	var init *initSegment
	if skip > 0 {
		init = p.segments[skip-1].init
	}
	withParts := p.before(partTargets * p.Target())
	for i := skip; i < len(p.segments); i++ {
		s := p.segments[i]
		p.writeBegin(&b, s.Discontinuities, s.init, init, s.Start)
		init = s.init
		if p.part > 0 && i >= withParts {
			p.writeParts(&b, s.Number, s.Parts)
		}
		if s.gap {
			b.WriteString("#EXT-X-GAP\n")
		}
		b.WriteString("#EXTINF:")
		b.WriteString(strconv.FormatFloat(s.Duration.Seconds(), 'f', 5, 64))
		b.WriteString(",\n")
		b.WriteString(segmentName(p.name, s.Number))
		b.WriteByte('\n')
	}
	p.writeTail(&b, init)
	return b.String()
}

func (p *Playlist) writeHead(b *strings.Builder, skip int) {
	version := plainVersion
	if p.part > 0 {
		version = deltaVersion
	}
	fmt.Fprintf(b, "#EXTM3U\n#EXT-X-VERSION:%d\n#EXT-X-TARGETDURATION:%d\n", version, p.target)
	if p.part > 0 {
		fmt.Fprintf(b, "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=%d,HOLD-BACK=%d,PART-HOLD-BACK=%s\n#EXT-X-PART-INF:PART-TARGET=%s\n",
			skipTargets*p.target, holdBackTargets*p.target, seconds(holdBackParts*p.part), seconds(p.part))
	}
	first := p.opening.number
	if len(p.segments) > 0 {
		first = p.segments[0].Number
	}
	fmt.Fprintf(b, "#EXT-X-MEDIA-SEQUENCE:%d\n", first)
	if p.discontinuities > 0 {
		fmt.Fprintf(b, "#EXT-X-DISCONTINUITY-SEQUENCE:%d\n", p.discontinuities)
	}
	if p.independent {
		b.WriteString("#EXT-X-INDEPENDENT-SEGMENTS\n")
	}
	if skip > 0 {
		fmt.Fprintf(b, "#EXT-X-SKIP:SKIPPED-SEGMENTS=%d\n", skip)
	}
}

// writeBegin writes what stands before a segment or its first part.
func (p *Playlist) writeBegin(b *strings.Builder, discontinuities int, init, before *initSegment, start time.Time) {
	for range discontinuities {
		b.WriteString("#EXT-X-DISCONTINUITY\n")
	}
	if init != before {
		fmt.Fprintf(b, "#EXT-X-MAP:URI=%q\n", initName(p.name, init.number))
	}
	b.WriteString("#EXT-X-PROGRAM-DATE-TIME:")
	b.WriteString(start.UTC().Format("2006-01-02T15:04:05.000Z"))
	b.WriteByte('\n')
}

func (p *Playlist) writeParts(b *strings.Builder, n uint64, parts []*Part) {
	for i, part := range parts {
		b.WriteString("#EXT-X-PART:DURATION=")
		b.WriteString(seconds(part.Duration))
		b.WriteString(`,URI="`)
		b.WriteString(partName(p.name, n, i))
		b.WriteByte('"')
		if part.Independent {
			b.WriteString(",INDEPENDENT=YES")
		}
		if part.gap {
			b.WriteString(",GAP=YES")
		}
		b.WriteByte('\n')
	}
}

// writeTail writes what is not a segment yet, what comes next and how far others are.
func (p *Playlist) writeTail(b *strings.Builder, before *initSegment) {
	if p.ended {
		b.WriteString("#EXT-X-ENDLIST\n")
		return
	}
	if p.part == 0 {
		return
	}
	o := p.opening
	if len(o.parts) > 0 {
		p.writeBegin(b, o.discontinuities, o.init, before, o.start)
		p.writeParts(b, o.number, o.parts)
	}
	fmt.Fprintf(b, "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=%q\n", partName(p.name, o.number, len(o.parts)))
	for _, r := range p.reports {
		if r.name != p.name && r.anything {
			fmt.Fprintf(b, "#EXT-X-RENDITION-REPORT:URI=%q,LAST-MSN=%d,LAST-PART=%d\n", r.name+".m3u8", r.msn, r.part)
		}
	}
}

// seconds writes a duration as a decimal floating-point number, without zeros at its end.
func seconds(d time.Duration) string {
	return strings.TrimRight(strings.TrimRight(strconv.FormatFloat(d.Seconds(), 'f', 5, 64), "0"), ".")
}
