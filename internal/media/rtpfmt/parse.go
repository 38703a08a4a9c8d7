package rtpfmt

import (
	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/media/bitstream"
)

// Parse fills in what the payload's own header says: Start, Keyframe, the layers and the descriptor. It looks at
// nothing but p.Payload, allocates nothing, and tells whether the payload was well-formed; of a malformed one Start and
// Keyframe are false.
//
// Keyframe is set together with Start only. H.264, H.265 and AV1 do not mark the beginning of an access unit: parameter
// sets in packets of their own are a Start, and so is the first slice that follows them. Such packets share a timestamp.
func Parse(codec media.Codec, p *media.Packet) bool {
	p.Start, p.Keyframe, p.Temporal, p.Spatial, p.Up, p.Last = false, false, 0, 0, false, false
	p.Descriptor = media.Descriptor{}
	if len(p.Payload) == 0 {
		return false
	}
	switch codec {
	case media.Opus, media.AAC:
		p.Start, p.Keyframe = true, true
		return true
	case media.H264:
		return parseH264(p)
	case media.H265:
		return parseH265(p)
	case media.VP8:
		return parseVP8(p)
	case media.VP9:
		return parseVP9(p)
	case media.AV1:
		return parseAV1(p)
	}
	return false
}

// parseH264 reads a payload of RFC 6184, section 5.
func parseH264(p *media.Packet) bool {
	b := p.Payload
	switch kind := b[0] & 0x1f; {
	case kind >= 1 && kind <= 23:
		p.Start, p.Keyframe = h264Unit(kind, b[1:])
		return true
	case kind == naluSTAPA || kind == naluSTAPB:
		b = b[1:]
		if kind == naluSTAPB {
			if len(b) < 2 {
				return false
			}
			b = b[2:] // decoding order number
		}
		start, key := false, false
		for first := true; len(b) > 0; first = false {
			unit, rest, ok := cutUnit16(b)
			if !ok {
				return false
			}
			s, k := h264Unit(unit[0]&0x1f, unit[1:])
			start = start || first && s
			key = key || k
			b = rest
		}
		p.Start, p.Keyframe = start, start && key
		return true
	case kind == naluFUA || kind == naluFUB:
		skip := 2
		if kind == naluFUB {
			skip = 4
		}
		if len(b) < skip {
			return false
		}
		if b[1]&0x80 != 0 {
			p.Start, p.Keyframe = h264Unit(b[1]&0x1f, b[skip:])
		}
		return true
	}
	return false
}

// h264Unit tells whether a NAL unit begins an access unit, and one that is a keyframe. body is what follows the unit's
// one-byte header.
func h264Unit(kind byte, body []byte) (start, key bool) {
	switch kind {
	case naluSPS:
		return true, true
	case naluSEI, naluPPS, naluAUD:
		return true, false
	case naluSlice, naluPartitionA:
		return firstSlice(body), false
	case naluIDR:
		first := firstSlice(body)
		return first, first
	}
	return false, false
}

// firstSlice reads the first bit of a slice header: first_mb_in_slice is 0 (as Exp-Golomb a single 1 bit) in H.264,
// first_slice_segment_in_pic_flag in H.265.
func firstSlice(body []byte) bool { return len(body) > 0 && body[0]&0x80 != 0 }

// parseH265 reads a payload of RFC 7798, section 4.4, without decoding order numbers, which WebRTC does not negotiate.
func parseH265(p *media.Packet) bool {
	b := p.Payload
	if len(b) < 2 || b[1]&7 == 0 {
		return false
	}
	p.Temporal = b[1]&7 - 1
	switch kind := b[0] >> 1 & 0x3f; {
	case kind < 48:
		p.Start, p.Keyframe = h265Unit(kind, b[2:])
		return true
	case kind == h265AP:
		start, key := false, false
		b = b[2:]
		for first := true; len(b) > 0; first = false {
			unit, rest, ok := cutUnit16(b)
			if !ok || len(unit) < 2 {
				return false
			}
			s, k := h265Unit(unit[0]>>1&0x3f, unit[2:])
			start = start || first && s
			key = key || k
			b = rest
		}
		p.Start, p.Keyframe = start, start && key
		return true
	case kind == h265FU:
		if len(b) < 3 {
			return false
		}
		if b[2]&0x80 != 0 {
			p.Start, p.Keyframe = h265Unit(b[2]&0x3f, b[3:])
		}
		return true
	}
	return false
}

func h265Unit(kind byte, body []byte) (start, key bool) {
	switch {
	case kind <= 9: // coded slices of pictures that are no random access points
		return firstSlice(body), false
	case kind >= 16 && kind <= 23: // IRAP (ITU-T H.265, 7.4.2.2)
		first := firstSlice(body)
		return first, first
	case kind == h265VPS || kind == h265SPS:
		return true, true
	case kind == h265PPS || kind == h265AUD || kind == h265PrefixSEI:
		return true, false
	}
	return false, false
}

// cutUnit16 takes one NAL unit with a 16-bit length off an aggregation packet. Empty units are malformed.
func cutUnit16(b []byte) (unit, rest []byte, ok bool) {
	if len(b) < 2 {
		return nil, nil, false
	}
	n := int(b[0])<<8 | int(b[1])
	if n == 0 || len(b) < 2+n {
		return nil, nil, false
	}
	return b[2 : 2+n], b[2+n:], true
}

// parseVP9 reads a payload descriptor of RFC 9628, section 4.2.
func parseVP9(p *media.Packet) bool {
	d, ok := parseVP9Descriptor(p.Payload)
	if !ok {
		return false
	}
	p.Temporal, p.Spatial, p.Last, p.Descriptor = d.temporal, d.spatial, d.ends, d.numbers
	p.Start = d.begins && d.spatial == 0
	p.Keyframe = p.Start && !d.predicted
	p.Up = d.begins && (d.spatial == 0 && d.up || d.spatial > 0 && !d.predicted)
	return true
}

// parseAV1 reads the aggregation header and the first OBU's header (AV1 RTP payload format, section 4.4). A packet that begins
// within an OBU does not tell its layer, so layers are for dependency descriptors to tell.
func parseAV1(p *media.Packet) bool {
	b := p.Payload
	header := b[0]
	if header&0x80 != 0 { // Z: goes on with an OBU of the packet before
		return true
	}
	b = b[1:]
	if header>>4&3 != 1 { // W: a single element has no length
		_, n := bitstream.LEB128(b)
		if n == 0 {
			return false
		}
		b = b[n:]
	}
	if len(b) == 0 || b[0]&0x80 != 0 {
		return false
	}
	kind, spatial := b[0]>>3&15, byte(0)
	if b[0]&4 != 0 {
		if len(b) < 2 {
			return false
		}
		spatial = b[1] >> 3 & 3
	}
	switch kind {
	case obuSequenceHeader:
		p.Start, p.Keyframe = true, true
	case obuTemporalDelimiter, obuFrameHeader, obuFrame, obuMetadata:
		p.Start = spatial == 0
		p.Keyframe = p.Start && header&8 != 0 // N: first packet of a coded video sequence
	}
	return true
}
