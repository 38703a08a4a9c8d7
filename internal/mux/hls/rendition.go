package hls

import (
	"math"
	"slices"
	"time"

	"github.com/tuttilive/tutti/internal/mux/fmp4"
)

const (
	pictureName = "video"
	soundName   = "audio"

	// maxFrameBytes bounds a frame, maxSegmentBytes a segment: it is cut where it stands when it gets larger.
	maxFrameBytes   = 16 << 20
	maxSegmentBytes = 32 << 20

	// fullest is how much of the part target each part has at least, but the last one of a segment (RFC 8216bis, section 4.4.4.9).
	fullest = 0.85

	// blink is how long a part is that has to come and for which there is nothing: less than half a frame of sound, which goes on behind it.
	blink = 8 * time.Millisecond
)

// rendition is one media playlist and the segment that is being filled. It belongs to the stream's writer; all times are
// ticks of the track since the stream's base.
//
// Parts are slots of the timeline that lie end to end, and a frame belongs to the slot in which it begins. A slot ends where a frame does,
// if one ends when the slot is full enough; else, with few frames a second, it is as long as it may be, and the frame reaches into the next
// one. So all parts keep to the part target whatever the frame rate, and no timestamp is bent for it.
type rendition struct {
	stream *Stream
	name   string
	track  *fmp4.Track // nil while there is none
	init   *initSegment

	number    uint64 // of the segment that is being filled
	fragments uint32 // made so far
	maps      uint64 // init segments made so far

	start           int64 // where the segment begins
	end             int64 // up to where it is known what is in it
	bytes           int
	samples         int
	parts           []*Part
	discontinuities int // before the segment

	slot  int64 // where the part begins
	first int64 // where its first frame does
	part  []fmp4.Sample

	window
	playlist *Playlist
	changed  bool // since the playlist was made
}

// setTrack makes the samples that follow those of another track. The segment must be empty.
func (r *rendition) setTrack(t *fmp4.Track) error {
	bytes, err := fmp4.Init(t)
	if err != nil {
		return err
	}
	r.track = t
	r.init = &initSegment{number: r.maps, resource: newMedia(t.Format().Kind(), [][]byte{bytes})}
	r.maps++
	return nil
}

// begin sets where the next segment begins. The segment must be empty.
func (r *rendition) begin(at int64) { r.start, r.end, r.slot = at, at, at }

// empty tells whether the segment has no samples.
func (r *rendition) empty() bool { return r.samples == 0 }

// length is how long the segment is.
func (r *rendition) length() time.Duration { return r.track.Duration(r.end - r.start) }

// open is how long the parts are that the segment has so far.
func (r *rendition) open() (d time.Duration) {
	for _, p := range r.parts {
		d += p.Duration
	}
	return d
}

// add appends a sample that begins at a tick, and tells that the next one does not begin before another tick.
func (r *rendition) add(at, until int64, s fmp4.Sample) {
	target, low := r.partTarget()
	r.advance(at)
	if len(r.part) > 0 && at-r.slot >= low && until-r.slot > target {
		r.closePart(at) // what was expected to fit does not
	}
	if len(r.part) == 0 {
		r.first = at
	}
	r.part = append(r.part, s)
	r.bytes += len(s.Payload)
	r.samples++
	r.advance(until)
	if r.end = until; until-r.slot >= low && 2*until-at-r.slot > target {
		r.closePart(until) // the next one will probably not fit
	}
}

// advance closes the parts that end before a tick: there is no frame but what they have.
func (r *rendition) advance(until int64) {
	target, _ := r.partTarget()
	for until-r.slot > target {
		r.closePart(r.slot + target)
	}
}

// partTarget is how long a part is at most, and how long at least, in ticks.
func (r *rendition) partTarget() (most, least int64) {
	most = r.track.Ticks(r.stream.cfg.Part)
	return most, int64(math.Ceil(fullest * float64(most)))
}

// closePart makes a part of what there is, up to a tick.
func (r *rendition) closePart(at int64) {
	var bytes []byte
	var err error
	p := &Part{Duration: r.track.Duration(at - r.slot)}
	first := !slices.ContainsFunc(r.parts, func(p *Part) bool { return !p.gap })
	r.fragments++
	if len(r.part) > 0 {
		p.begins = r.part[0].Keyframe
		r.dependent = r.dependent || first && !p.begins
		for i := range r.part {
			p.Independent = p.Independent || r.part[i].Keyframe
		}
		bytes, err = fmp4.Fragment(r.fragments, fmp4.Run{Track: r.track, Start: uint64(r.first), Samples: r.part})
	} else {
		p.gap = first // nothing stands still
		bytes, err = fmp4.Pause(r.fragments, r.track, uint64(r.slot), uint32(at-r.slot))
	}
	if err != nil {
		r.stream.warn("hls_fragment", "A piece of the %s could not be written: %v.", r.name, err)
		bytes, p.Independent, p.begins = nil, false, false
	}
	p.resource = newMedia(r.track.Format().Kind(), [][]byte{bytes})
	r.parts = append(r.parts, p)
	r.changed = true
	clear(r.part)
	r.part, r.slot, r.end = r.part[:0], at, max(r.end, at)
}

// promised tells that a playlist hints at a part of the segment, beside those that it has (EXT-X-PRELOAD-HINT). Players wait for it, and
// caches with them, so it must come before the segment may be complete.
func (r *rendition) promised() bool {
	p := r.playlist
	return p != nil && p.part > 0 && !r.stream.ended && p.opening.number == r.number && len(p.opening.parts) == len(r.parts) && len(r.parts) > 0
}

// miss goes on without frames up to about a tick, to no more than a part before it: with segments that are missing (EXT-X-GAP), so that the
// timeline has no hole. What nobody would be told of any more is left out.
func (r *rendition) miss(until int64) {
	target, _ := r.partTarget()
	length := r.track.Ticks(time.Duration(r.stream.target) * time.Second)
	if length <= target {
		return
	}
	if told := until - 2*r.track.Ticks(r.stream.cfg.Window); told > r.end {
		r.cut(told, 0)
	}
	for until-r.end > target {
		r.cut(r.end, 0)
		end := min(until, r.start+length)
		r.advance(end)
		r.end = end
	}
}

// cut completes the segment; the next one begins at a tick, or as soon after it as it can. discontinuities are those before the next one.
func (r *rendition) cut(next int64, discontinuities int) {
	switch {
	case len(r.part) > 0 || len(r.parts) > 0 && r.slot < r.end:
		r.advance(r.end)
		r.closePart(r.end)
	case r.promised():
		r.closePart(r.end + r.track.Ticks(blink))
	}
	if len(r.parts) > 0 {
		r.complete()
	}
	r.discontinuities += discontinuities
	r.parts, r.bytes, r.samples = nil, 0, 0
	r.begin(max(next, r.slot))
}

func (r *rendition) complete() {
	s := &Segment{
		Number: r.number, Start: r.time(r.start), Duration: r.track.Duration(r.slot - r.start), Parts: r.parts,
		Discontinuities: r.discontinuities, samples: r.samples, init: r.init, gap: r.samples == 0,
	}
	var pieces [][]byte
	for _, p := range r.parts {
		pieces = append(pieces, p.resource.Body...)
		s.bytes += p.resource.Size
	}
	s.resource = newMedia(r.track.Format().Kind(), pieces)
	r.number++
	r.discontinuities = 0
	r.window.add(s, r.stream.cfg.Window, r.stream.cfg.MaxBytes)
	r.stream.fixTarget(r)
	r.changed = true
}

// discontinuitiesSoFar counts those up to the segment that is being filled, with those it begins with.
func (r *rendition) discontinuitiesSoFar() uint64 {
	n := r.removedDiscontinuities + uint64(r.discontinuities)
	for _, s := range r.segments {
		n += uint64(s.Discontinuities)
	}
	return n
}

// time is when a tick is on the clock on the wall.
func (r *rendition) time(at int64) time.Time {
	return r.stream.cfg.WallClock(r.stream.base + r.track.Duration(at))
}

// reset throws away the segment that is being filled, which nobody has seen.
func (r *rendition) reset() {
	r.parts, r.part, r.bytes, r.samples = nil, r.part[:0], 0, 0
}

// opening is the segment that is being filled, if there is any of it.
func (r *rendition) opening() *opening {
	o := &opening{number: r.number, discontinuities: r.discontinuities, init: r.init, parts: r.parts[:len(r.parts):len(r.parts)]}
	if r.track != nil {
		o.start = r.time(r.start)
	}
	return o
}
