package hlscheck

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/tuttilive/tutti/internal/mux/hls/m3u8"
)

// Clauses of waiting and of delta updates.
var (
	waits      = Clause{"6.2.5.2", "a blocking reload brings the part that was asked for"}
	inTime     = Clause{"6.2.5.2", "and is answered within three target durations"}
	farFuture  = Clause{"6.2.5.2", "a reload of the far future is answered with 400"}
	partOfWhat = Clause{"6.2.5.2", "_HLS_part without _HLS_msn is answered with 400"}
	pastEnd    = Clause{"6.2.5.2", "a part behind the last of a segment means the first of the next one"}
	delta      = Clause{"6.2.5.1", "a delta update is the playlist without what is older than the skip boundary"}
	deltaUsed  = Clause{"6.2.5.1", "delta updates are given when there is something to leave out"}
	hintWaits  = Clause{"4.4.5.3", "a request for the hinted part waits, and brings the part"}
	whole      = Clause{"3.2", "a segment is its parts, one after the other"}
	staysThere = Clause{"6.2.2", "a segment that has left the playlist can still be had"}
)

// follower walks one media playlist.
type follower struct {
	*walk
	name    string
	others  int
	headers []string // of the request for the multivariant playlist
	variant *m3u8.Variant

	media   *m3u8.Media // newest, whole
	init    *mediaInit
	initURI string
	parts   map[string][]byte // bytes by URI, of segments that are not complete
	round   int

	// Where the media was, to see that it goes on.
	clock    time.Duration // decode time at the beginning of the next part, by the playlist
	running  bool
	frames   int
	pictured time.Duration
}

func (f *follower) follow(ctx context.Context) error {
	var err error
	if f.media, err = f.playlist(ctx, f.name, ""); err != nil {
		return err
	}
	f.parts = map[string][]byte{}
	f.report.lookAt(f.name, f.media, f.others)
	f.walk.seen(f.address(), f.media)
	f.walk.lookAtBreaks(f.name, f.media)
	f.probe(ctx)
	hint := f.fetchHint(ctx)
	for !f.media.Ended && time.Now().Before(f.until) && ctx.Err() == nil {
		before, known := f.media, f.walk.known()
		now, err := f.reload(ctx)
		if err != nil {
			return err
		}
		f.report.lookAt(f.name, now, f.others)
		f.report.compare(f.name, before, now)
		f.walk.lookAtReports(f.name, now, known)
		f.walk.seen(f.address(), now)
		f.walk.lookAtBreaks(f.name, now)
		f.media = now
		if now.Sequence > before.Sequence && len(before.Segments) > 0 {
			_, err := f.walk.media(ctx, f.name, before.Segments[0].URI, now.Target)
			f.report.check(staysThere, err == nil, "%s: %v", before.Segments[0].URI, err)
		}
		if hint != nil {
			f.takeHint(<-hint, before.Hint)
		}
		hint = f.fetchHint(ctx)
		if err := f.read(ctx, before, now); err != nil {
			return err
		}
		if f.round++; f.round%16 == 0 {
			f.probe(ctx)
		}
	}
	if f.variant != nil && f.variant.FrameRate > 0 && f.pictured > 5*time.Second {
		got := float64(f.frames) / f.pictured.Seconds()
		rate := func(v *m3u8.Variant) float64 { return v.FrameRate }
		ok := said(ctx, f, rate, func(most float64) bool { return got <= 1.2*most+1 })
		f.report.check(frames, ok, "%s: %.1f, not %.1f", f.name, got, f.variant.FrameRate)
	}
	return nil
}

func (f *follower) address() string { return strings.SplitN(f.resolve(f.name), "?", 2)[0] }

// next is what the next reload asks for.
func next(m *m3u8.Media) (msn uint64, part int) { return m.Next(), len(m.Opening.Parts) }

// reload waits for the next part, every second time by a delta update, and gives the whole playlist.
func (f *follower) reload(ctx context.Context) (*m3u8.Media, error) {
	msn, part := next(f.media)
	query := fmt.Sprintf("_HLS_msn=%d&_HLS_part=%d", msn, part)
	skip := f.round%2 == 1
	if skip {
		query += "&_HLS_skip=YES"
	}
	begin := time.Now()
	now, err := f.playlist(ctx, f.name, query)
	if err != nil {
		return nil, err
	}
	f.report.check(inTime, time.Since(begin) <= 3*now.Target, "%s %d.%d: %v", f.name, msn, part, time.Since(begin))
	lastMSN, lastPart, _ := now.Last()
	f.report.check(waits, now.Ended || lastMSN > msn || lastMSN == msn && lastPart >= part, "%s: asked for %d.%d, got %d.%d", f.name, msn, part, lastMSN, lastPart)
	if !skip {
		return now, nil
	}
	return f.merge(ctx, now)
}

// merge makes a delta update whole with what was known before, and compares it with the whole playlist.
func (f *follower) merge(ctx context.Context, now *m3u8.Media) (*m3u8.Media, error) {
	if now.Skipped > 0 {
		boundary := now.Control != nil
		var kept time.Duration
		for i := range now.Segments {
			kept += now.Segments[i].Duration
		}
		for _, p := range now.Opening.Parts {
			kept += p.Duration
		}
		f.report.check(delta, boundary && kept >= now.Control.SkipUntil, "%s: only %v are left", f.name, kept)
	}
	whole := *now
	whole.Skipped = 0
	if now.Skipped > 0 {
		whole.Segments = nil
		for msn := now.Sequence; msn < now.First(); msn++ {
			s := segment(f.media, msn)
			if s == nil || msn >= f.media.Next() {
				f.report.check(delta, false, "%s: %d is skipped and was not known", f.name, msn)
				return f.playlist(ctx, f.name, "")
			}
			whole.Segments = append(whole.Segments, *s)
		}
		whole.Segments = append(whole.Segments, now.Segments...)
		whole.Segments[0].Map = mapOf(f.media, now.Sequence)
	}
	// The same moment as a whole; it may have gone on by a part.
	full, err := f.playlist(ctx, f.name, "")
	if err != nil {
		return nil, err
	}
	if full.Sequence == now.Sequence && full.Next() == now.Next() {
		agrees := len(full.Segments) == len(whole.Segments)
		for i := 0; agrees && i < len(full.Segments); i++ {
			agrees = same(&full.Segments[i], &whole.Segments[i]) && mapOf(full, full.First()+uint64(i)) == mapOf(&whole, full.First()+uint64(i))
		}
		f.report.check(delta, agrees, "%s at %d.%d", f.name, now.Next(), len(now.Opening.Parts))
		var older time.Duration
		for i := 0; i < len(full.Segments)-1; i++ {
			older += full.Segments[i].Duration
		}
		if now.Control != nil && older > now.Control.SkipUntil+2*now.Target {
			f.report.check(deltaUsed, now.Skipped > 0, "%s at %d", f.name, now.Next())
		}
	}
	return &whole, nil
}

// mapOf is the init segment that holds for a segment.
func mapOf(m *m3u8.Media, msn uint64) (uri string) {
	for i := range m.Segments {
		if m.First()+uint64(i) > msn {
			break
		}
		if m.Segments[i].Map != "" {
			uri = m.Segments[i].Map
		}
	}
	return uri
}

// hintedPart is what came of the request for a hinted part.
type hintedPart struct {
	body []byte
	err  error
}

// fetchHint asks for the part to come.
func (f *follower) fetchHint(ctx context.Context) <-chan hintedPart {
	if f.media.Hint == "" || f.media.Ended {
		return nil
	}
	c, uri, target := make(chan hintedPart, 1), f.media.Hint, f.media.Target
	go func() {
		body, err := f.walk.media(ctx, f.name, uri, target)
		c <- hintedPart{body, err}
	}()
	return c
}

func (f *follower) takeHint(h hintedPart, uri string) {
	if h.err != nil && f.media.Ended {
		return // what was to come does not
	}
	f.report.check(hintWaits, h.err == nil, "%s: %v", uri, h.err)
	if h.err == nil {
		f.parts[uri] = h.body
	}
}

// read looks at the media that is new.
func (f *follower) read(ctx context.Context, before, now *m3u8.Media) error {
	for msn := before.Next(); msn <= now.Next(); msn++ {
		s := segment(now, msn)
		if s == nil {
			return nil
		}
		if len(s.Parts) == 0 && msn == now.Next() {
			break
		}
		if err := f.readInit(ctx, now, s); err != nil {
			return err
		}
		known := 0
		if msn == before.Next() {
			known = len(before.Opening.Parts)
		}
		for i := known; i < len(s.Parts); i++ {
			if err := f.readPart(ctx, now, s, i); err != nil {
				f.report.check(reachable, false, "%s: %v", s.Parts[i].URI, err)
				f.running = false
			}
		}
		if msn < now.Next() {
			f.readSegment(ctx, now, s)
		}
	}
	return nil
}

func (f *follower) readInit(ctx context.Context, m *m3u8.Media, s *m3u8.Segment) error {
	uri := s.Map
	if uri == "" && f.init == nil {
		for i := range m.Segments {
			if m.Segments[i].Map != "" {
				uri = m.Segments[i].Map
			}
		}
	}
	if uri == "" || uri == f.initURI {
		return nil
	}
	body, err := f.walk.media(ctx, f.name, uri, m.Target)
	if err != nil {
		return err
	}
	if f.init, err = parseInit(body); err != nil {
		return fmt.Errorf("%s: %w", uri, err)
	}
	f.initURI, f.running = uri, false
	if f.variant != nil && f.init.width > 0 {
		size := func(v *m3u8.Variant) [2]int { return [2]int{v.Width, v.Height} }
		ok := said(ctx, f, size, func(is [2]int) bool { return is == [2]int{f.init.width, f.init.height} })
		f.report.check(resolution, ok, "%s: %dx%d, not %dx%d", f.name, f.init.width, f.init.height, f.variant.Width, f.variant.Height)
	}
	if f.variant != nil {
		f.report.check(codecs, strings.Contains(f.variant.Codecs, strings.ToLower(f.init.entry)) || strings.HasPrefix(f.init.entry, "hev"), "%s: %s in %s", f.name, f.init.entry, f.variant.Codecs)
	}
	return nil
}

// said tells whether something is true of what the variant says in one attribute, also if only the multivariant playlist as it is now says so:
// players that come later read that one. An attribute that has just changed is not judged, since what was compared with it may be older; what
// comes next is judged by what it says now.
func said[T comparable](ctx context.Context, f *follower, attribute func(*m3u8.Variant) T, holds func(T) bool) bool {
	before := attribute(f.variant)
	if holds(before) {
		return true
	}
	a, err := f.get(ctx, f.index, f.headers...)
	if err != nil || a.status != http.StatusOK {
		return false
	}
	m, err := m3u8.ParseMultivariant(string(a.body))
	if err != nil {
		return false
	}
	variant := variantOf(m, f.name)
	if variant == nil {
		return false
	}
	f.variant = variant
	now := attribute(variant)
	return holds(now) || now != before
}

func (f *follower) readPart(ctx context.Context, m *m3u8.Media, s *m3u8.Segment, i int) error {
	p := s.Parts[i]
	if p.Gap {
		f.running = false
		return nil
	}
	body, ok := f.parts[p.URI]
	if !ok {
		var err error
		if body, err = f.walk.media(ctx, f.name, p.URI, m.Target); err != nil {
			return err
		}
		f.parts[p.URI] = body
	}
	if !s.Start.IsZero() {
		end := s.Start
		for _, q := range s.Parts[:i+1] {
			end = end.Add(q.Duration)
		}
		f.walk.behind(time.Since(end))
	}
	part, err := f.init.parse(body)
	f.report.check(fragments, err == nil, "%s: %v", p.URI, err)
	if err != nil {
		return nil
	}
	f.report.check(keyframes, part.keyframe == p.Independent, "%s: keyframe %v, INDEPENDENT %v", p.URI, part.keyframe, p.Independent)
	if i == 0 && s.Discontinuities > 0 {
		f.running = false
	}
	if !f.running {
		f.clock, f.running = part.start, true
	}
	if part.samples > 0 {
		f.report.check(timeline, (part.start-f.clock).Abs() <= m.PartTarget, "%s: at %v, by the playlist at %v", p.URI, part.start, f.clock)
	}
	f.clock += p.Duration
	f.frames += part.samples
	f.pictured += p.Duration
	return nil
}

// readSegment compares a complete segment with its parts.
func (f *follower) readSegment(ctx context.Context, m *m3u8.Media, s *m3u8.Segment) {
	if s.Gap {
		return
	}
	body, err := f.walk.media(ctx, f.name, s.URI, m.Target)
	f.report.check(reachable, err == nil, "%s: %v", s.URI, err)
	if err != nil {
		return
	}
	var joined []byte
	complete := len(s.Parts) > 0
	for _, p := range s.Parts {
		part, ok := f.parts[p.URI]
		complete = complete && ok
		joined = append(joined, part...)
		delete(f.parts, p.URI)
	}
	if complete {
		f.report.check(whole, bytes.Equal(joined, body), "%s: %d bytes, its parts %d", s.URI, len(body), len(joined))
	}
	if f.variant != nil && s.Duration > m.Target/2 {
		rate := float64(len(body)) * 8 / s.Duration.Seconds()
		peak := func(v *m3u8.Variant) int { return v.Bandwidth }
		ok := said(ctx, f, peak, func(bits int) bool { return rate <= 1.1*float64(bits) })
		f.report.check(rates, ok, "%s: %.0f bit/s, BANDWIDTH %d", s.URI, rate, f.variant.Bandwidth)
	}
}

// probe asks for what must be refused, and for what must be the same once more.
func (f *follower) probe(ctx context.Context) {
	address := f.address()
	msn, _ := next(f.media)
	status := func(query string) int {
		a, err := f.get(ctx, address+"?"+query)
		if err != nil {
			return 0
		}
		return a.status
	}
	if got := status(fmt.Sprintf("_HLS_msn=%d", msn+50)); got != 0 {
		f.report.check(farFuture, got == http.StatusBadRequest, "%s: %d for a segment 50 ahead", f.name, got)
	}
	if got := status(fmt.Sprintf("_HLS_msn=%d&_HLS_part=900", msn+1)); got != 0 {
		f.report.check(farFuture, got == http.StatusBadRequest || got == http.StatusOK, "%s: %d for a part far ahead", f.name, got)
	}
	if got := status("_HLS_part=1"); got != 0 {
		f.report.check(partOfWhat, got == http.StatusBadRequest, "%s: %d", f.name, got)
	}
	f.again(ctx, address)
	if n := len(f.media.Segments); n > 0 {
		last := &f.media.Segments[n-1]
		if segmentAddress, err := relative(address, last.URI); err == nil {
			f.again(ctx, segmentAddress)
		}
		behind := fmt.Sprintf("_HLS_msn=%d&_HLS_part=%d", f.media.Next()-1, len(last.Parts)+5)
		if now, err := f.playlist(ctx, f.name, behind); err == nil && len(last.Parts) > 0 {
			got, part, _ := now.Last()
			f.report.check(pastEnd, now.Ended || got > f.media.Next() || got == f.media.Next() && part >= 0, "%s: %d.%d", f.name, got, part)
		}
	}
}
