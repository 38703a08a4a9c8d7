package sfu

import (
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/media/rtpfmt"
	"github.com/tuttilive/tutti/internal/rtc"
	"github.com/tuttilive/tutti/internal/track"
)

const (
	// segmentsKept bounds how many switches and skips back a packet can still be repaired or come late. Where layers within
	// a stream are left out there is one for each picture or two, and segmentsMost are kept.
	segmentsKept = 16
	segmentsMost = 128
	// segmentsFirst is what there is room for at first: most streams go on as they began.
	segmentsFirst = 2
	// sentBits is how far back the rewriter knows which numbers it gave out; a later packet must be asked for again.
	sentBits = 256
	// maxGap is the longest hole that is passed on; the remote could not tell a longer one from a step back.
	maxGap = 1 << 14
	// squeeze is how much shorter the past is made in timestamps when sending starts with it: 2 s become 63 ms. With
	// their own timestamps, pictures that come at once but were captured over seconds look late to a browser, which then
	// delays the sound for as long and takes a minute to catch up (measured with Chromium).
	squeeze = 32
)

// rewriter turns packets of one layer after another into one stream whose sequence numbers, timestamps and VP8 picture
// ids go on without a break. Holes in the source stay holes, so the remote asks for what is missing. It is pure, and
// gives no sequence number out twice: AES-GCM must not see one with other bytes. It is owned by one goroutine.
type rewriter struct {
	// highest is the highest number given out, extended, and timestamp, picture and tl0 what went with it; captured is the
	// timestamp that it came with.
	highest   uint64
	timestamp uint32
	captured  uint32
	picture   uint16
	tl0       uint8
	frame     uint16 // of the dependency descriptor
	// sent has a bit for each of the last sentBits numbers, at number % sentBits.
	sent [sentBits / 64]uint64

	segments []segment // the newest at count-1, modulo the length
	count    uint64
	epoch    uint32

	// want is what shall be forwarded of the layers within the stream as soon as that can be; the newest segment has what is.
	want selection
	// up tells that temporal layers may be added after the picture forwarded last, dropped is the dense number of the picture
	// that was left out last, plus one.
	up      bool
	dropped uint32
}

// segment is a run of source packets whose numbers are all moved alike: source number from becomes out.
type segment struct {
	layer     *track.Layer
	from, out uint64
	// epoch is the same in segments between which only empty packets were skipped.
	epoch uint32
	// timestamp is the offset of timestamps. Those of as many packets from from on as are past are squeezed towards edge.
	timestamp, edge, past uint32
	picture               uint16 // offset
	frame                 uint16 // offset of dependency descriptors' frames
	tl0                   uint8  // offset
	selection
}

// time is the timestamp that p goes out with. That p is past cannot be told by timestamps alone: hours on, when half of their
// range is gone through, all of them look like it.
func (s *segment) time(p *media.Packet) uint32 {
	if p.Seq-s.from < uint64(s.past) {
		if before := int32(s.edge - p.Timestamp); before > 0 {
			return s.edge + s.timestamp - uint32(before)/squeeze
		}
	}
	return p.Timestamp + s.timestamp
}

// at is the segment that goes on from a number of the source, which becomes out.
func (s segment) at(from, out uint64) segment {
	s.past -= uint32(min(uint64(s.past), from-s.from))
	s.from, s.out = from, out
	return s
}

// newRewriter makes a rewriter whose first packet gets the given numbers, which should be random (RFC 3550, section 5.1).
// A number below 1<<15 keeps early loss from confusing SRTP's rollover counter.
func newRewriter(seq uint16, timestamp uint32) rewriter {
	return rewriter{highest: 1<<16 + uint64(seq) - 1, timestamp: timestamp, segments: make([]segment, segmentsFirst), want: everything}
}

// begin goes on with a layer from packet p, which must be one at which decoding can start. Packets of the layer before p
// are dropped. edge is the packet at which the past ends, p itself if it is not past; elapsed is the media time between
// the newest packet sent and edge, and rate the clock rate in Hz.
func (r *rewriter) begin(layer *track.Layer, p, edge *media.Packet, elapsed time.Duration, rate int) {
	past := uint32(max(int32(edge.Timestamp-p.Timestamp), 0)) / squeeze
	at := r.timestamp + past // of edge
	picture, tl0 := p.Descriptor.PictureID, p.Descriptor.TL0PicIdx
	frame, _ := rtpfmt.DependencyNumber(p.Dependency)
	first := frame
	if r.count > 0 {
		// Never less than a millisecond on: another timestamp is another picture to the remote.
		at = r.timestamp + uint32(max(ticks(elapsed, rate), int64(past)+ticks(time.Millisecond, rate)))
		picture, tl0, frame = r.picture+1, r.tl0+1, r.frame+1
	}
	r.epoch++
	r.push(segment{
		layer: layer, from: p.Seq, out: r.highest + 1, epoch: r.epoch,
		timestamp: at - edge.Timestamp, edge: edge.Timestamp, past: uint32(max(edge.Seq, p.Seq) - p.Seq),
		picture: picture - p.Descriptor.PictureID,
		tl0:     tl0 - p.Descriptor.TL0PicIdx,
		frame:   frame - first, selection: r.want,
	})
	r.up, r.dropped = false, 0
}

// rewrite fills in what p goes out as, and tells whether it does. A changed VP8 descriptor is appended to scratch, which
// is returned.
func (r *rewriter) rewrite(p *media.Packet, out *rtc.Packet, scratch []byte) ([]byte, bool) {
	if r.count == 0 {
		return scratch, false
	}
	s := r.newest()
	late := p.Seq < s.from
	if late {
		if s = r.before(p.Seq); s == nil {
			return scratch, false
		}
	}
	seq := s.out + (p.Seq - s.from)
	if seq <= r.highest {
		if !r.take(seq) {
			return scratch, false
		}
		return s.apply(p, seq, out, scratch), true
	}
	if seq-r.highest > maxGap {
		r.push(s.at(p.Seq, r.highest+1))
		s, seq = r.newest(), r.highest+1
	}
	if s.selection != r.want && !late {
		s = r.reselect(s, p, seq)
	}
	switch {
	case late: // what is empty, or left out, closes its hole with an empty packet
	case len(p.Payload) == 0:
		r.skip(p, seq)
		return scratch, false
	case !s.has(p):
		r.leaveOut(p, seq)
		return scratch, false
	}
	r.advance(seq)
	r.timestamp, r.captured = s.time(p), p.Timestamp
	if !s.has(p) {
		return s.apply(p, seq, out, scratch), true
	}
	if number, ok := rtpfmt.DependencyNumber(p.Dependency); ok {
		r.frame = number + s.frame
	}
	if p.Start {
		r.up = p.Up && !p.Descriptor.Dense
	}
	if p.Descriptor.Size > 0 {
		r.picture, r.tl0 = p.Descriptor.PictureID+s.picture, p.Descriptor.TL0PicIdx+s.tl0
	}
	return s.apply(p, seq, out, scratch), true
}

// source finds what went out under a number that the remote misses: the segment and the source's number.
func (r *rewriter) source(seq uint16) (segment, uint64, bool) {
	back := uint64(uint16(r.highest) - seq)
	if back > maxGap || r.count == 0 {
		return segment{}, 0, false
	}
	out := r.highest - back
	for i := r.count; i > 0 && i+r.kept() > r.count; i-- {
		if s := r.segments[(i-1)%r.kept()]; s.out <= out {
			return s, s.from + (out - s.out), true
		}
	}
	return segment{}, 0, false
}

// apply fills in what p goes out as under an extended number: nothing but the number if it is of a layer that is left out.
func (s *segment) apply(p *media.Packet, seq uint64, out *rtc.Packet, scratch []byte) []byte {
	*out = rtc.Packet{
		Seq:        uint16(seq),
		Timestamp:  s.time(p),
		Marker:     p.Marker || p.Last && p.Spatial == s.spatial,
		AudioLevel: p.AudioLevel,
		HasLevel:   p.HasLevel,
		Voice:      p.Voice,
		Payload:    p.Payload,
	}
	if !s.has(p) {
		out.Payload, out.Marker = nil, false
		return scratch
	}
	if out.Dependency = p.Dependency; s.frame != 0 && len(p.Dependency) >= 3 {
		at := len(scratch)
		scratch = rtpfmt.RenumberDependency(scratch, p.Dependency, s.frame)
		out.Dependency = scratch[at:]
	}
	if d := p.Descriptor; d.Size > 0 && (s.picture != 0 || s.tl0 != 0) {
		at := len(scratch)
		scratch = rtpfmt.Renumber(scratch, d, p.Payload, (d.PictureID+s.picture)&0x7fff, d.TL0PicIdx+s.tl0)
		out.Prefix = scratch[at:]
		out.Payload = p.Payload[d.Size:]
	}
	return scratch
}

// newest is the segment at work. There is one.
func (r *rewriter) newest() *segment { return &r.segments[(r.count-1)%r.kept()] }

func (r *rewriter) kept() uint64 { return uint64(len(r.segments)) }

// selected is what is forwarded of the layers within the stream, nothing of them before begin.
func (r *rewriter) selected() selection {
	if r.count == 0 {
		return selection{}
	}
	return r.newest().selection
}

// position is the layer that is forwarded, nil before begin, and the timestamp that the newest packet came with.
func (r *rewriter) position() (layer *track.Layer, source uint32) {
	if r.count == 0 {
		return nil, 0
	}
	return r.newest().layer, r.captured
}

func (r *rewriter) push(s segment) {
	if r.count == r.kept() && r.kept() < segmentsKept {
		r.keep(2 * len(r.segments))
	}
	r.segments[r.count%r.kept()] = s
	r.count++
}

// before finds the segment of a late packet, nil when it belongs to what came before the last begin.
func (r *rewriter) before(seq uint64) *segment {
	next := r.newest()
	for i := r.count - 1; i > 0 && i+r.kept() > r.count; i-- {
		s := &r.segments[(i-1)%r.kept()]
		if s.epoch != next.epoch {
			return nil
		}
		if s.from <= seq {
			if s.out+(seq-s.from) >= next.out {
				return nil // skipped
			}
			return s
		}
		next = s
	}
	return nil
}

// reselect goes towards what is wanted of the layers in the stream, as far as p, whose number would be seq, allows.
func (r *rewriter) reselect(s *segment, p *media.Packet, seq uint64) *segment {
	is := s.towards(r.want, p, p.Timestamp == r.captured, r.up)
	if is == s.selection {
		return s
	}
	next := s.at(p.Seq, seq)
	next.selection = is
	r.push(next)
	return r.newest()
}

// leaveOut skips a packet of a layer that is not forwarded. Numbers of pictures that must be dense close the gap.
func (r *rewriter) leaveOut(p *media.Packet, seq uint64) {
	r.keep(segmentsMost)
	r.skip(p, seq)
	if d := &p.Descriptor; d.Dense && d.IDAt > 0 && r.dropped != uint32(d.PictureID)+1 {
		r.dropped = uint32(d.PictureID) + 1
		r.newest().picture--
	}
}

// keep makes room for n segments, if there is less.
func (r *rewriter) keep(n int) {
	if len(r.segments) >= n {
		return
	}
	wide := make([]segment, n)
	for i := r.count - min(r.count, r.kept()); i < r.count; i++ {
		wide[i%uint64(n)] = r.segments[i%r.kept()]
	}
	r.segments = wide
}

// skip closes the hole that a packet leaves which does not go out: what follows it takes its number.
func (r *rewriter) skip(p *media.Packet, seq uint64) {
	s := r.newest()
	if p.Seq == s.from && s.out > r.highest {
		*s = s.at(p.Seq+1, s.out)
		return
	}
	r.push(s.at(p.Seq+1, seq))
}

func (r *rewriter) advance(seq uint64) {
	for n := max(r.highest+1, seq-min(seq, sentBits)); n < seq; n++ {
		r.sent[n%sentBits/64] &^= 1 << (n % 64)
	}
	r.highest = seq
	r.sent[seq%sentBits/64] |= 1 << (seq % 64)
}

// take marks a number up to highest as given out, and tells whether it was free.
func (r *rewriter) take(seq uint64) bool {
	if r.highest-seq >= sentBits {
		return false
	}
	word, bit := &r.sent[seq%sentBits/64], uint64(1)<<(seq%64)
	if *word&bit != 0 {
		return false
	}
	*word |= bit
	return true
}
