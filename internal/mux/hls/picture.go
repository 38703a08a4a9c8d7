package hls

import (
	"bytes"
	"slices"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/mux/fmp4"
)

const (
	pictureTrack = 1
	soundTrack   = 2
)

const (
	// lateness is how far pictures may be behind the sound before it counts as known that none has come.
	lateness = 150 * time.Millisecond
	// furtherLateness is the same for a further size, which may be made of the picture: so far behind it, a frame keeps its time.
	furtherLateness = 1500 * time.Millisecond
	// stretch is the duration of a picture of which it is not known how long it is shown. Media Source Extensions take a picture for a new
	// beginning that comes later than two durations of the one before.
	stretch = 1500 * time.Millisecond
)

// picture cuts the frames of the program's picture at keyframes. It sets the boundaries that the sound follows, unless it is a further
// size of the same picture.
type picture struct {
	rendition
	further bool

	seeking bool // drop frames up to the next keyframe
	// pending is the newest frame: its duration is known when the next one comes.
	pending *media.Frame
	newest  time.Duration // DTS of the newest frame
	last    time.Duration // duration of the frame before
	keyDTS  time.Duration // of the newest keyframe
	format  *media.Format
	// broken is how many discontinuities the next segment begins with, because other renditions have them.
	broken int
	// keys are the newest keyframes, for further sizes.
	keys [16]key
}

// key is a keyframe, by when it is shown.
type key struct {
	at      time.Duration
	segment uint64 // that it lies in
	begins  bool   // it
}

// key is the keyframe that is shown at a time, nil where that is long ago or none is known.
func (p *picture) key(at time.Duration) *key {
	i := slices.IndexFunc(p.keys[:], func(k key) bool { return k.at == at && k != key{} })
	if i < 0 {
		return nil
	}
	return &p.keys[i]
}

func (p *picture) write(f *media.Frame) {
	if p.track != nil && f.DTS <= p.newest || f.DTS < p.base() {
		return
	}
	changed := f.Format != p.format && (p.format == nil || !sameFormat(f.Format, p.format))
	gap := p.track != nil && f.DTS-p.newest > p.stream.limit()
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
		p.begin(f, track)
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
		if !p.further {
			copy(p.keys[1:], p.keys[:])
			p.keys[0] = key{at: f.PTS, segment: p.number, begins: len(p.parts) == 0 && len(p.part) == 0}
		}
	}
	p.pending, p.newest = f, f.DTS
}

// base is the earliest DTS that can be carried.
func (p *picture) base() time.Duration {
	if p.track == nil && !p.further && !p.stream.sound.published() {
		return -1 << 62
	}
	return p.stream.base
}

// begin starts the rendition at a keyframe. While no sound has been published the stream begins with it, else the
// picture joins the timeline that there is.
func (p *picture) begin(f *media.Frame, track *fmp4.Track) {
	if err := p.setTrack(track); err != nil {
		p.stream.warn("hls_picture", "The picture cannot be shown over HLS: %v.", err)
		return
	}
	joins := p.stream.sound.discontinuitiesSoFar()
	switch main := p.stream.pictures[0]; {
	case p.further:
		number := main.number
		if same := main.key(f.PTS); same != nil {
			number = same.segment
		}
		p.number, joins, p.broken = max(p.number, number), main.discontinuitiesSoFar(), main.broken
	case !p.stream.sound.published():
		p.stream.base = f.DTS
		p.stream.sound.restart(f.PTS)
	default:
		p.stream.sound.boundary(f.PTS, false)
	}
	p.rendition.begin(p.ticks(f.DTS))
	p.removedDiscontinuities = max(p.removedDiscontinuities, joins)
}

func (p *picture) ticks(t time.Duration) int64 { return p.track.Ticks(t - p.stream.base) }

// timeToCut tells whether a keyframe should begin a segment: because the segment is long enough, or because it would be
// too long at the next keyframe. Of a further size it begins one where the same keyframe of the picture did.
func (p *picture) timeToCut(f *media.Frame) bool {
	if p.further {
		if same := p.stream.pictures[0].key(f.PTS); same != nil {
			return same.begins
		}
	}
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
		return !p.parts[0].begins
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
	next := p.ticks(f.DTS)
	if p.further {
		p.goOn(next)
		return
	}
	if target, _ := p.partTarget(); !discontinuity && next > p.end {
		// The segment cannot be as long as it would have to be. A short rest belongs to the next one's first part.
		if next-p.end <= target {
			next = p.end
		} else {
			discontinuity = true
		}
	}
	breaks := p.broken
	p.broken = 0
	own := discontinuity && breaks == 0
	if own {
		breaks = 1
		p.stream.follow(f.DTS)
	}
	p.cut(next, breaks)
	p.stream.sound.boundary(f.PTS, own)
}

// fresh tells whether the segment that is being filled began about at a DTS, and nobody has been told of it.
func (p *picture) fresh(at time.Duration) bool {
	target, _ := p.partTarget()
	return len(p.parts) == 0 && p.ticks(at)-p.start <= target
}

// goOn begins a new segment of a further size. It has no discontinuity of its own, since their number is the same in all renditions: where the
// size was missing, because a camera or an encoder paused, its playlist says so.
func (p *picture) goOn(next int64) {
	breaks := p.broken
	if p.broken = 0; breaks == 0 {
		p.miss(next)
		next = p.end // a short rest belongs to the first part
	}
	p.cut(next, breaks)
}

// flush adds the pending frame, which ends where the next one begins, but not later than the segment may end.
func (p *picture) flush(next time.Duration) {
	end := min(p.ticks(next), p.start+p.track.Ticks(p.stream.limit()))
	f := p.pending
	if f == nil {
		p.stand(end)
		return
	}
	p.pending = nil
	at := p.place(f)
	end = max(end, at+1)
	p.last = min(next-f.DTS, time.Second)
	p.add(at, end, p.sample(f, at, end-at))
}

// hold tells that the sound has come to a time. Where no picture has, the one before stands still, and its part does not wait for the next.
func (p *picture) hold(sound time.Duration) {
	if p.track == nil {
		return
	}
	late := lateness
	if p.further {
		late = furtherLateness
	}
	known := min(p.ticks(sound-late), p.start+p.track.Ticks(p.stream.limit()))
	f := p.pending
	if f == nil {
		p.stand(known)
		return
	}
	if target, _ := p.partTarget(); known-p.slot <= target {
		return
	}
	p.pending = nil
	at := p.place(f)
	p.add(at, known, p.sample(f, at, max(known-at, p.track.Ticks(stretch))))
}

// stand goes on without a frame up to a tick.
func (p *picture) stand(until int64) {
	if !p.empty() && until > p.end {
		p.advance(until)
		p.end = until
	}
}

// place is where a frame lies: at its time, unless that part is closed already.
func (p *picture) place(f *media.Frame) int64 { return max(p.ticks(f.DTS), p.slot) }

func (p *picture) sample(f *media.Frame, at, duration int64) fmp4.Sample {
	shown := p.ticks(min(f.PTS, f.DTS+maxReorder))
	return fmp4.Sample{Payload: f.Payload, Keyframe: f.Keyframe, Duration: uint32(duration), Offset: int32(max(shown-at, 0))}
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
	p.cut(p.end, 0)
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
