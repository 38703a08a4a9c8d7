package rtpfmt

import (
	"iter"

	"github.com/tuttilive/tutti/internal/media"
)

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
