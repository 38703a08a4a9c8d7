package rtpfmt

import (
	"encoding/binary"
	"errors"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/media/bitstream"
)

// naluBuilder makes access units of H.264 (RFC 6184) and H.265 (RFC 7798), whose payload formats differ in header
// lengths and numbers only. Interleaved modes are not negotiated over WebRTC.
type naluBuilder struct {
	codec media.Codec
	sets  bitstream.ParameterSets
	buf   []byte
	// unit is where the unit being put together from fragments has its length; -1 when there is none.
	unit int
	// begun tells that unit is valid.
	begun    bool
	key      bool
	pictures bool
	usual    int // size of access units so far, to allocate once
}

var (
	errTruncated  = errors.New("truncated payload")
	errNoFragment = errors.New("fragment without its beginning")
	errUnknown    = errors.New("unknown payload structure")
)

func (n *naluBuilder) add(p *media.Packet) error {
	b := p.Payload
	aggregate, fragment, kind, header := byte(naluSTAPA), byte(naluFUA), b[0]&0x1f, 1
	if n.codec == media.H265 {
		aggregate, fragment, kind, header = h265AP, h265FU, b[0]>>1&0x3f, 2
	}
	if len(b) <= header {
		return errTruncated
	}
	if n.begun && kind != fragment {
		return errNoFragment // the last fragment's end did not come
	}
	switch {
	case kind == aggregate:
		for b = b[header:]; len(b) > 0; {
			unit, rest, ok := cutUnit16(b)
			if !ok || len(unit) < header {
				return errTruncated
			}
			if err := n.whole(unit); err != nil {
				return err
			}
			b = rest
		}
		return nil
	case kind == fragment:
		return n.fragment(b, header)
	case kind > aggregate || kind == 0 && n.codec == media.H264:
		return errUnknown
	}
	return n.whole(b)
}

// fragment adds one piece of a unit (RFC 6184, section 5.8; RFC 7798, section 4.4.3).
func (n *naluBuilder) fragment(b []byte, header int) error {
	if len(b) < header+2 {
		return errTruncated
	}
	flags := b[header]
	if begins := flags&0x80 != 0; begins == n.begun {
		return errNoFragment
	} else if begins {
		n.reserve()
		n.begun, n.unit = true, len(n.buf)
		n.buf = append(n.buf, 0, 0, 0, 0)
		if header == 1 {
			n.buf = append(n.buf, b[0]&0xe0|flags&0x1f)
		} else {
			n.buf = append(n.buf, b[0]&0x81|flags&0x3f<<1, b[1])
		}
	}
	var err error
	if n.buf, err = grow(n.buf, b[header+1:]); err != nil {
		return err
	}
	if flags&0x40 != 0 {
		n.begun = false
		unit := n.buf[n.unit+4:]
		if !n.keep(unit) {
			n.buf = n.buf[:n.unit]
			return nil
		}
		binary.BigEndian.PutUint32(n.buf[n.unit:], uint32(len(unit)))
	}
	return nil
}

func (n *naluBuilder) whole(unit []byte) error {
	if !n.keep(unit) {
		return nil
	}
	n.reserve()
	var err error
	n.buf = binary.BigEndian.AppendUint32(n.buf, uint32(len(unit)))
	n.buf, err = grow(n.buf, unit)
	return err
}

// keep takes parameter sets out and tells whether the unit belongs into the payload.
func (n *naluBuilder) keep(unit []byte) bool {
	if n.sets.Add(unit) {
		return false
	}
	keep, picture, random := bitstream.Classify(n.codec, unit)
	n.pictures, n.key = n.pictures || picture, n.key || random
	if n.codec == media.H265 {
		return keep && bitstream.H265Type(unit) < h265AP
	}
	t := bitstream.H264Type(unit)
	return keep && t > 0 && t < naluSTAPA
}

func (n *naluBuilder) reserve() {
	if n.buf == nil {
		n.buf = make([]byte, 0, max(n.usual, 1024))
	}
}

func (n *naluBuilder) finish() ([]byte, bool, *media.Format) {
	payload, key, pictures, whole := n.buf, n.key, n.pictures, !n.begun
	n.drop()
	if !pictures || !whole {
		return nil, false, nil
	}
	if !key {
		n.usual = (7*n.usual + len(payload) + len(payload)/2) / 8
	}
	return payload, key, n.sets.Format()
}

func (n *naluBuilder) drop() {
	n.buf, n.begun, n.key, n.pictures = nil, false, false, false
	n.sets.Picture()
}
