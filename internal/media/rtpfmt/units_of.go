package rtpfmt

import (
	"iter"

	"github.com/tuttilive/tutti/internal/media"
)

// HasRandomAccess tells of a packet that Parse takes for a keyframe's whether it is the picture's: parameter sets alone may go before another picture.
func HasRandomAccess(codec media.Codec, p *media.Packet) bool {
	b := p.Payload
	switch {
	case !p.Keyframe:
		return false
	case codec != media.H264 && codec != media.H265:
		return true
	case len(b) < 3:
		return false
	case codec == media.H264:
		if kind := b[0] & 0x1f; kind == naluFUA || kind == naluFUB {
			return b[1]&0x1f == naluIDR
		}
		for unit := range wholeUnits(codec, b) {
			if unit[0]&0x1f == naluIDR {
				return true
			}
		}
		return false
	}
	if b[0]>>1&0x3f == h265FU {
		return b[2]&0x3f < h265VPS
	}
	for unit := range wholeUnits(codec, b) {
		if kind := unit[0] >> 1 & 0x3f; kind >= 16 && kind < h265VPS {
			return true
		}
	}
	return false
}

// BeginsWhole tells of a packet that Parse has seen whether a keyframe begins with it that needs nothing that went before: of H.264 and H.265
// parameter sets go in front of the picture, mostly in a packet of their own.
func BeginsWhole(codec media.Codec, p *media.Packet) bool {
	switch {
	case !p.Keyframe || len(p.Payload) == 0: // a dependency descriptor says it of whatever payload
		return false
	case codec != media.H264 && codec != media.H265:
		return true
	}
	for unit := range wholeUnits(codec, p.Payload) {
		if codec == media.H264 && unit[0]&0x1f == naluSPS || codec == media.H265 && unit[0]>>1&0x3f == h265VPS {
			return true
		}
	}
	return false
}

// wholeUnits goes through the NAL units that lie whole in one payload of H.264 or H.265.
func wholeUnits(codec media.Codec, b []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		kind, aggregate, header := b[0]&0x1f, byte(naluSTAPA), 1
		if codec == media.H265 {
			kind, aggregate, header = b[0]>>1&0x3f, h265AP, 2
		}
		if kind < aggregate {
			yield(b)
			return
		}
		if kind != aggregate || len(b) < header {
			return
		}
		for b = b[header:]; len(b) > 0; {
			unit, rest, ok := cutUnit16(b)
			if !ok || !yield(unit) {
				return
			}
			b = rest
		}
	}
}
