package hls

import (
	"slices"
	"strconv"
	"time"

	"github.com/tuttilive/tutti/internal/mux/fmp4"
)

const (
	pictureName = "video"
	soundName   = "audio"

	// maxFrameBytes bounds a frame, maxSegmentBytes a segment: it is cut where it stands when it gets larger.
	maxFrameBytes   = 16 << 20
	maxSegmentBytes = 32 << 20
)

// Segment is one media segment. It is immutable.
type Segment struct {
	Number   uint64
	Start    time.Time
	Duration time.Duration
	Parts    []Part
	// Discontinuity tells that the segment does not go on from the one before it (EXT-X-DISCONTINUITY).
	Discontinuity bool
	// Independent tells that the segment begins with a keyframe.
	Independent bool

	samples  int
	bytes    int
	init     *initSegment
	resource *Resource
}

// Part is one fragment of a segment.
type Part struct {
	Bytes       []byte
	Duration    time.Duration
	Independent bool
}

// initSegment is what EXT-X-MAP names.
type initSegment struct {
	number   uint64
	resource *Resource
}

// rendition is one media playlist and the segment that is being filled. It belongs to the stream's writer; all times are
// ticks of the track since the stream's base.
type rendition struct {
	stream *Stream
	name   string
	track  *fmp4.Track // nil while there is none
	init   *initSegment

	number    uint64 // of the segment that is being filled
	fragments uint32 // made so far
	maps      uint64 // init segments made so far

	start         int64 // where the segment begins
	end           int64 // where its last sample ends
	bytes         int
	samples       int
	parts         []Part
	discontinuity bool

	partStart int64
	part      []fmp4.Sample

	segments               []*Segment // in the playlist
	retired                []*Segment // out of it, but still served
	kept                   int        // bytes in both
	removedDiscontinuities uint64     // EXT-X-DISCONTINUITY-SEQUENCE
	dependent              bool       // a segment without a keyframe at its start was made

	playlist *Resource
	changed  bool // since the playlist was rendered
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
func (r *rendition) begin(at int64) { r.start, r.end, r.partStart = at, at, at }

// empty tells whether the segment has no samples.
func (r *rendition) empty() bool { return r.samples == 0 }

// length is how long the segment is.
func (r *rendition) length() time.Duration { return r.track.Duration(r.end - r.start) }

// add appends a sample that begins at the end of the one before it.
func (r *rendition) add(s fmp4.Sample) {
	if len(r.part) > 0 && r.track.Duration(r.end+int64(s.Duration)-r.partStart) > r.stream.cfg.Part {
		r.closePart()
	}
	r.part = append(r.part, s)
	r.end += int64(s.Duration)
	r.bytes += len(s.Payload)
	r.samples++
}

func (r *rendition) closePart() {
	if len(r.part) == 0 {
		return
	}
	r.fragments++
	bytes, err := fmp4.Fragment(r.fragments, fmp4.Run{Track: r.track, Start: uint64(r.partStart), Samples: r.part})
	if err == nil {
		r.parts = append(r.parts, Part{
			Bytes: bytes, Duration: r.track.Duration(r.end - r.partStart), Independent: r.part[0].Keyframe,
		})
	} else {
		r.stream.warn("hls_fragment", "A piece of the %s could not be written: %v.", r.name, err)
	}
	clear(r.part)
	r.part, r.partStart = r.part[:0], r.end
}

// cut completes the segment; the next one begins at a tick. discontinuity is about the next one.
func (r *rendition) cut(next int64, discontinuity bool) {
	r.closePart()
	if len(r.parts) > 0 {
		r.complete()
	}
	r.discontinuity = r.discontinuity || discontinuity
	r.parts, r.bytes, r.samples = nil, 0, 0
	r.begin(next)
}

func (r *rendition) complete() {
	s := &Segment{
		Number: r.number, Start: r.stream.cfg.WallClock(r.stream.base + r.track.Duration(r.start)),
		Duration: r.length(), Parts: r.parts, Discontinuity: r.discontinuity,
		Independent: r.parts[0].Independent, samples: r.samples, init: r.init,
	}
	pieces := make([][]byte, len(r.parts))
	for i, p := range r.parts {
		pieces[i] = p.Bytes
		s.bytes += len(p.Bytes)
	}
	s.resource = newMedia(r.track.Format().Kind(), pieces)
	r.number++
	r.dependent = r.dependent || !s.Independent
	r.discontinuity = false
	r.stream.fixTarget(s.Duration)
	r.segments = append(r.segments, s)
	r.kept += s.bytes
	r.forget()
	r.changed = true
}

// forget takes old segments out of the playlist, and lets go of those that players no longer ask for: RFC 8216bis,
// section 6.2.2, keeps a segment for as long as the playlists that named it are.
func (r *rendition) forget() {
	for len(r.segments) > r.stream.cfg.Window || r.kept > r.stream.cfg.MaxBytes && len(r.retired) == 0 && len(r.segments) > 3 {
		if r.segments[0].Discontinuity {
			r.removedDiscontinuities++
		}
		r.retired = append(r.retired, r.segments[0])
		r.segments = slices.Delete(r.segments, 0, 1)
	}
	for len(r.retired) > r.stream.cfg.Window || r.kept > r.stream.cfg.MaxBytes && len(r.retired) > 0 {
		r.kept -= r.retired[0].bytes
		r.retired = slices.Delete(r.retired, 0, 1)
	}
}

// reset throws away the segment that is being filled, which nobody has seen.
func (r *rendition) reset() {
	r.parts, r.part, r.bytes, r.samples = nil, r.part[:0], 0, 0
}

// published tells whether a segment is complete.
func (r *rendition) published() bool { return len(r.segments) > 0 }

// discontinuitiesSoFar counts those before the next segment.
func (r *rendition) discontinuitiesSoFar() uint64 {
	n := r.removedDiscontinuities
	for _, s := range r.segments {
		if s.Discontinuity {
			n++
		}
	}
	return n
}

// peak and mean are the bit rates of the playlist's segments in bit/s.
func (r *rendition) peak() (bits int) {
	for _, s := range r.segments {
		bits = max(bits, rate(s.bytes, s.Duration))
	}
	return bits
}

func (r *rendition) mean() int {
	var bytes int
	for _, s := range r.segments {
		bytes += s.bytes
	}
	return rate(bytes, r.total())
}

// total is the playlist's duration.
func (r *rendition) total() (d time.Duration) {
	for _, s := range r.segments {
		d += s.Duration
	}
	return d
}

func rate(bytes int, d time.Duration) int {
	// A segment of a few frames says nothing of the rate.
	return int(float64(bytes) * 8 / max(d, 500*time.Millisecond).Seconds())
}

func (r *rendition) segmentName(n uint64) string {
	return r.name + "-" + strconv.FormatUint(n, 10) + ".m4s"
}

func (r *rendition) initName(n uint64) string {
	return r.name + "-init" + strconv.FormatUint(n, 10) + ".mp4"
}
