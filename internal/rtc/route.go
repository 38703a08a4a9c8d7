package rtc

// route is where a source's packets belong. It is found before a packet is known to be authentic, so finding it changes
// nothing.
type route struct {
	section *receiveSection
	format  *receiveFormat
	rid     string
	repairs *Stream // for RTX
}

// route finds the section of a source by its header extensions, by SDP, or by its payload type (RFC 9143, section 9.2).
func (rx *receiving) route(src *source, h *rtpHeader) (route, bool) {
	if src.superseded {
		return route{}, false
	}
	declared := rx.routes.bySSRC(src.ssrc)
	var section *receiveSection
	switch {
	case len(h.ext.mid) > 0:
		section = rx.routes.byMid(h.ext.mid)
	case src.stream != nil:
		section = rx.routes.byMid([]byte(src.stream.Inbound.Mid))
	case declared != nil:
		section = declared.section
	default:
		section = rx.routes.byFormat(h.pt)
	}
	if section == nil {
		return route{}, false
	}
	to := route{section: section, format: section.format(h.pt)}
	switch {
	case to.format == nil:
		return route{}, false
	case to.format.repair:
		to.repairs = rx.repaired(src, section, declared, h)
		return to, to.repairs != nil
	case len(section.in.RIDs) == 0:
		return to, true
	case len(h.ext.rid) > 0:
		to.rid = string(h.ext.rid)
		return to, section.hasRID(h.ext.rid)
	case src.stream != nil:
		to.rid = src.stream.RID
		return to, true
	}
	return route{}, false // which layer it is comes with the rid
}

// repaired finds the stream that an RTX source retransmits: by the repaired rid, by SDP, or because there is only one.
func (rx *receiving) repaired(src *source, section *receiveSection, declared *declaredSource, h *rtpHeader) *Stream {
	var only *Stream
	for _, other := range rx.sources {
		s := other.stream
		if s == nil || s.SSRC != other.ssrc || s.Inbound != section.in {
			continue
		}
		switch {
		case len(h.ext.repairedRID) > 0:
			if s.RID == string(h.ext.repairedRID) {
				return s
			}
		case declared != nil && declared.repairs != 0:
			if s.SSRC == declared.repairs {
				return s
			}
		case src.stream == s:
			return s
		case only != nil:
			return nil
		default:
			only = s
		}
	}
	return only
}

// keep remembers a source of media, or one that repairs, whose first authentic packet has come. It is false when there are too many.
func (rx *receiving) keep(src *source, repairs bool) bool {
	if len(rx.sources) >= maxSources && !rx.evict((*source).idle) && (repairs || !rx.evict((*source).repairs)) {
		return false
	}
	if rx.sources == nil {
		rx.sources = make(map[uint32]*source)
	}
	rx.sources[src.ssrc] = src
	return true
}

// idle tells that a source carries nothing, repairs that it carries what was missing of another.
func (src *source) idle() bool    { return src.stream == nil }
func (src *source) repairs() bool { return src.stream != nil && src.stream.SSRC != src.ssrc }

// evict makes room by forgetting the source of a kind that was not heard for longest: with it goes how often its numbers have begun anew.
func (rx *receiving) evict(kind func(*source) bool) bool {
	var oldest *source
	for _, src := range rx.sources {
		if kind(src) && src != rx.last && (oldest == nil || src.heard < oldest.heard) {
			oldest = src
		}
	}
	if oldest == nil {
		return false
	}
	delete(rx.sources, oldest.ssrc)
	return true
}

// bind lets a source carry what its route says. A stream of the same section and layer ends: its sender has moved to
// another SSRC or codec.
func (rx *receiving) bind(src *source, to route) {
	src.format = to.format
	if to.format.repair {
		src.stream = to.repairs
		return
	}
	if s := src.stream; s != nil && s.SSRC == src.ssrc && s.Inbound == to.section.in && s.RID == to.rid && s.Codec == to.format.codec {
		return
	}
	rx.unbind(src)
	for _, other := range rx.sources {
		if s := other.stream; s != nil && s.SSRC == other.ssrc && s.Inbound == to.section.in && s.RID == to.rid {
			rx.unbind(other)
			other.superseded = true
		}
	}
	src.stream = &Stream{
		Inbound: to.section.in, RID: to.rid, SSRC: src.ssrc, Codec: to.format.codec, CanNack: to.format.nack,
	}
	if rx.media == 0 {
		rx.media = src.ssrc
	}
}

// unbind ends the stream that a source carries, and whatever repairs it. What decryption needs is kept.
func (rx *receiving) unbind(src *source) {
	s := src.stream
	src.stream = nil
	if s == nil || s.SSRC != src.ssrc {
		return
	}
	for _, other := range rx.sources {
		if other.stream == s {
			other.stream = nil
		}
	}
	s.close()
}

// adopt takes newly negotiated routes: streams of sections that are no more end.
func (rx *receiving) adopt(routes *receiveMap) {
	rx.routes = routes
	for _, src := range rx.sources {
		s := src.stream
		if s == nil || src.stream.SSRC != src.ssrc {
			continue
		}
		section := (*receiveSection)(nil)
		if routes != nil {
			section = routes.byMid([]byte(s.Inbound.Mid))
		}
		if section == nil || section.in != s.Inbound {
			src.superseded = false
			rx.unbind(src)
		}
	}
	// Payload types may mean something else now; each source looks again.
	for _, src := range rx.sources {
		src.superseded = false
		if src.stream == nil {
			continue
		}
		if section := routes.byMid([]byte(src.stream.Inbound.Mid)); section != nil {
			if f := section.format(src.format.pt); f != nil {
				src.format = f
				continue
			}
		}
		src.format = &receiveFormat{pt: noPayloadType}
	}
}

// noPayloadType is no payload type: they have seven bits.
const noPayloadType = 0xff

// end closes all streams; nothing is received any more.
func (rx *receiving) end() {
	rx.closed = true
	for _, src := range rx.sources {
		rx.unbind(src)
	}
	rx.sources, rx.last = nil, nil
}
