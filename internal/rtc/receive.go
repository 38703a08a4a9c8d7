package rtc

import (
	"encoding/binary"
	"time"

	"github.com/tuttilive/tutti/internal/media/rtpfmt"
	"github.com/tuttilive/tutti/internal/rtc/remb"
	"github.com/tuttilive/tutti/internal/rtc/srtp"
	"github.com/tuttilive/tutti/internal/rtc/twcc"
)

// maxSources bounds the SSRCs of one peer: 32 pictures in 4 layers with their repairs. When there are more, those without a stream
// make room, and for media those that repair.
const maxSources = 256

// receiving is a peer's receiving state. It belongs to the home reader.
type receiving struct {
	routes  *receiveMap
	sources map[uint32]*source
	last    *source // of the packet before
	closed  bool
	presence

	arrivals  *twcc.Recorder  // nil until the first packet with a transport-wide number
	bounds    *remb.Estimator // nil until the first packet of a remote that does without
	reporting bool            // in the reader's report queue
	reported  time.Duration   // when the last report left
	media     uint32          // SSRC that reports name
}

// source is one SSRC of a remote, with what decryption must remember for as long as the DTLS session lasts (RFC 3711,
// section 3.2.3), whatever the source is bound to.
type source struct {
	ssrc   uint32
	heard  time.Duration // when its last authentic packet came
	roll   srtp.Rollover
	window srtp.Window

	// format and stream are what it carries or repairs; stream is nil while the source is unbound.
	format *receiveFormat
	stream *Stream
	// superseded tells that another source took its place; what still comes is late.
	superseded bool
}

// rtp decrypts a packet and gives it to its stream.
func (r *reader) rtp(p *Peer, b []byte) {
	open := p.open.Load()
	rx := &p.rx
	if open == nil || rx.closed {
		return
	}
	if routes := p.routes.Load(); routes != rx.routes {
		rx.adopt(routes)
	}
	h := &r.header
	if rx.routes == nil || !h.parse(b, &rx.routes.ids) {
		return
	}
	src := rx.last
	if src == nil || src.ssrc != h.ssrc {
		src = rx.sources[h.ssrc]
	}
	fresh := src == nil
	if fresh {
		src = &source{ssrc: h.ssrc}
	}
	route, known := route{}, src.stream != nil && src.format.pt == h.pt
	if !known {
		var ok bool
		if route, ok = rx.route(src, h); !ok {
			r.dropped(dropUnrouted)
			return
		}
		if src.stream != nil && route.format.codec != src.format.codec && src.roll.Late(h.seq) {
			r.dropped(dropUnrouted) // of the codec before: a source carries what its newest packet says
			return
		}
	}
	payload, small, ok := r.decrypt(open, src, h, b)
	if !ok {
		return
	}
	// Only now is the packet known to be authentic and allowed to change something.
	src.heard = r.came()
	if fresh && !rx.keep(src, route.format.repair) {
		r.dropped(dropCrowded)
		return
	}
	if !known {
		rx.bind(src, route)
	}
	rx.last = src
	if h.ext.hasSequence {
		rx.note(r, p, h.ext.sequence)
	} else if src.format.bounded {
		rx.bound(r, p, src, h.timestamp, len(b))
	}
	r.hand(p, src, h, payload, small)
}

// decrypt authenticates a packet and moves its payload from the read buffer into the slab that small tells.
func (r *reader) decrypt(open *srtp.Opener, src *source, h *rtpHeader, b []byte) (payload []byte, small, ok bool) {
	index := src.roll.Guess(h.seq)
	if !src.window.Fresh(index) {
		r.dropped(dropRepeated)
		return nil, false, false
	}
	small = len(b) < smallPacket
	from := r.slabFor(small)
	payload, ok = open.OpenRTP(from.reserve(len(b)), b, h.size, h.ssrc, index)
	if !ok && !src.roll.Started() {
		// The source may have wrapped around before its first packet reached us.
		index += 1 << 16
		payload, ok = open.OpenRTP(from.reserve(len(b)), b, h.size, h.ssrc, index)
	}
	if !ok {
		r.dropped(dropForged)
		return nil, false, false
	}
	src.roll.Accept(index)
	src.window.Accept(index)
	if h.padded {
		payload, ok = unpad(payload)
	}
	return payload, small, ok
}

func (r *reader) slabFor(small bool) *slab {
	if small {
		return &r.small
	}
	return &r.large
}

// hand makes a media.Packet of a decrypted payload and gives it to the stream's sink.
func (r *reader) hand(p *Peer, src *source, h *rtpHeader, payload []byte, small bool) {
	seq, pt := h.seq, h.pt
	repaired := src.format.repair
	skip := 0
	if repaired {
		// RFC 4588, section 4: the original sequence number precedes the payload.
		if len(payload) < 2 {
			return // padding that probes for bandwidth
		}
		seq, pt, skip = binary.BigEndian.Uint16(payload), src.format.repairs, 2
	}
	primary := 0
	if src.format.red && len(payload) > 0 {
		var ok bool
		if primary, ok = rtpfmt.REDPrimary(payload, src.format.blocks); !ok {
			return
		}
	}
	s := src.stream
	if !s.ready() {
		r.dropped(dropUnrouted)
		return
	}
	if len(payload) > 0 {
		payload = r.slabFor(small).take(len(payload))
	}
	packet := r.packets.get()
	packet.Payload = payload[skip:]
	if src.format.red && len(payload) > 0 {
		packet.Payload, packet.RED = payload[primary:], payload
	}
	if n := len(h.ext.dependency); n > 0 {
		copy(r.small.reserve(n)[:n], h.ext.dependency)
		packet.Dependency = r.small.take(n)
	}
	packet.Arrival = r.came()
	packet.Seq = uint64(seq)
	packet.Timestamp = h.timestamp
	packet.SSRC = s.SSRC
	packet.PayloadType = pt
	packet.Marker = h.marker
	packet.Repaired = repaired
	packet.HasLevel = h.ext.hasLevel
	packet.AudioLevel = h.ext.level & 0x7f
	packet.Voice = h.ext.level&0x80 != 0
	if !s.touched {
		s.touched = true
		r.touched = append(r.touched, s)
	}
	s.sink.Packet(packet)
}

// ready opens the stream's sink as soon as somebody wants it.
func (s *Stream) ready() bool {
	if s.sink != nil {
		return true
	}
	open := s.Inbound.open.Load()
	if s.closed || open == nil || *open == nil || open == s.refusedBy {
		return false
	}
	// A report may come of a stream in a codec that is not agreed on any more, and a packet while that is being agreed on.
	if section := s.Inbound.peer.routes.Load().byMid([]byte(s.Inbound.Mid)); section == nil || !section.takes(s.Codec) {
		return false
	}
	if s.sink = (*open)(s); s.sink == nil {
		s.refusedBy = open
		return false
	}
	return true
}

// close tells the sink that nothing follows.
func (s *Stream) close() {
	if s.sink != nil {
		s.sink.Flush()
		s.sink.Closed()
		s.sink = nil
	}
	s.closed = true
}
