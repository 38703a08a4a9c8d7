package hls

import (
	"bytes"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/mux/fmp4"
)

const (
	pictureTrack = 1
	soundTrack   = 2
)

// picture cuts the frames of the program's picture at keyframes. It sets the boundaries that the sound follows.
type picture struct {
	rendition

	seeking bool // drop frames up to the next keyframe
	// pending is the newest frame: its duration is known when the next one comes.
	pending *media.Frame
	last    time.Duration // duration of the frame before
	keyDTS  time.Duration // of the newest keyframe
	format  *media.Format
	// broken marks the next segment as a discontinuity, because the sound has one: players match the two by counting.
	broken bool
}

func (p *picture) write(f *media.Frame) {
	if p.pending != nil && f.DTS <= p.pending.DTS || f.DTS < p.base() {
		return
	}
	changed := f.Format != p.format && (p.format == nil || !sameFormat(f.Format, p.format))
	gap := p.pending != nil && f.DTS-p.pending.DTS > p.stream.limit()
	if changed || gap {
		p.seeking = true
	}
	if p.seeking && !f.Keyframe {
		return
	}
	var track *fmp4.Track
	if changed {
		var err error
		if track, err = fmp4.NewTrack(pictureTrack, f.Format); err != nil {
			p.stream.warn("hls_picture", "The picture cannot be shown over HLS: %v.", err)
			return
		}
	}
	p.seeking, p.format = false, f.Format
	switch {
	case p.track == nil:
		p.first(f, track)
	case changed:
		p.boundary(f, true)
		if err := p.setTrack(track); err != nil {
			p.stream.warn("hls_picture", "The picture cannot be shown over HLS: %v.", err)
		}
	case gap:
		p.boundary(f, true)
	case f.Keyframe && p.timeToCut(f):
		p.boundary(f, false)
	case p.tooLong(f):
		p.stream.warn("long_gop", "The encoder sends a keyframe less than every %d s; set its keyframe interval to 2 s.", p.stream.target)
		p.boundary(f, false)
	default:
		p.flush(f.DTS)
	}
	if f.Keyframe {
		p.keyDTS = f.DTS
	}
	p.pending = f
}

// base is the earliest DTS that can be carried.
func (p *picture) base() time.Duration {
	if p.track == nil && !p.stream.sound.published() {
		return -1 << 62
	}
	return p.stream.base
}

// first starts the rendition at a keyframe. While no sound has been published the stream begins with it, else the
// picture joins the timeline that there is.
func (p *picture) first(f *media.Frame, track *fmp4.Track) {
	if err := p.setTrack(track); err != nil {
		p.stream.warn("hls_picture", "The picture cannot be shown over HLS: %v.", err)
		return
	}
	if !p.stream.sound.published() {
		p.stream.base = f.DTS
		p.stream.sound.restart(f.PTS)
	} else {
		p.stream.sound.boundary(f.PTS, false)
	}
	p.begin(p.ticks(f.DTS))
	p.removedDiscontinuities = max(p.removedDiscontinuities, p.stream.sound.discontinuitiesSoFar())
}

func (p *picture) ticks(t time.Duration) int64 { return p.track.Ticks(t - p.stream.base) }

// timeToCut tells whether a keyframe should begin a segment: because the segment is long enough, or because it would be
// too long at the next keyframe.
func (p *picture) timeToCut(f *media.Frame) bool {
	segment := p.stream.cfg.Segment
	limit := segment + slack
	if p.stream.target > 0 {
		limit = p.stream.limit()
	}
	length := f.DTS - p.stream.base - p.track.Duration(p.start)
	gop := f.DTS - p.keyDTS
	return length >= segment-segment/20 || length+gop > limit || p.segmentIsDependent()
}

// segmentIsDependent tells that the segment began without a keyframe, so the next one had better begin soon.
func (p *picture) segmentIsDependent() bool {
	switch {
	case len(p.parts) > 0:
		return !p.parts[0].Independent
	case len(p.part) > 0:
		return !p.part[0].Keyframe
	}
	return p.pending != nil && !p.pending.Keyframe
}

// tooLong tells whether the segment would be too long with another frame in it.
func (p *picture) tooLong(f *media.Frame) bool {
	length := f.DTS + p.last - p.stream.base - p.track.Duration(p.start)
	return length > p.stream.limit() || p.bytes+len(f.Payload) > maxSegmentBytes
}

// boundary begins a new segment with a frame.
func (p *picture) boundary(f *media.Frame, discontinuity bool) {
	p.flush(f.DTS)
	p.cut(p.ticks(f.DTS), discontinuity || p.broken)
	p.stream.sound.boundary(f.PTS, discontinuity && !p.broken)
	p.broken = false
}

// flush adds the pending frame, which ends where the next one begins, but not later than the segment may end.
func (p *picture) flush(next time.Duration) {
	f := p.pending
	if f == nil {
		return
	}
	p.pending = nil
	at := p.ticks(f.DTS)
	if p.empty() {
		p.begin(at)
	}
	latest := p.start + p.track.Ticks(p.stream.limit())
	end := max(min(p.ticks(next), latest), at+1)
	p.last = min(next-f.DTS, time.Second)
	p.add(fmp4.Sample{
		Payload: f.Payload, Keyframe: f.Keyframe,
		Duration: uint32(end - at), Offset: int32(p.track.Ticks(min(f.PTS-f.DTS, maxReorder))),
	})
}

// maxReorder bounds how much later than its DTS a picture is shown.
const maxReorder = 10 * time.Second

// finish completes the last segment.
func (p *picture) finish() {
	if p.track == nil {
		return
	}
	if p.pending != nil {
		p.flush(p.pending.DTS + max(p.last, time.Second/60))
	}
	p.cut(p.end, false)
}

// sameFormat tells whether a decoder set up for one format can go on with the other.
func sameFormat(a, b *media.Format) bool {
	return a.Codec == b.Codec && a.Width == b.Width && a.Height == b.Height &&
		a.SampleRate == b.SampleRate && a.Channels == b.Channels &&
		bytes.Equal(a.VPS, b.VPS) && bytes.Equal(a.SPS, b.SPS) && bytes.Equal(a.PPS, b.PPS) &&
		bytes.Equal(configOf(a), configOf(b))
}

// configOf is a format's configuration without the statement that AAC has no spectral band replication (ISO 14496-3,
// section 1.6.2.1), which many encoders add and others leave out.
func configOf(f *media.Format) []byte {
	if f.Codec == media.AAC && len(f.Config) > 2 {
		return bytes.TrimSuffix(f.Config, []byte{0x56, 0xe5, 0x00})
	}
	return f.Config
}
