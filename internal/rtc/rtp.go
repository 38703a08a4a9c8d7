package rtc

import "encoding/binary"

// rtpHeader is what one pass over a packet's header finds (RFC 3550, section 5.1).
type rtpHeader struct {
	// size is the header's length with CSRCs and extensions.
	size      int
	seq       uint16
	timestamp uint32
	ssrc      uint32
	pt        uint8
	marker    bool
	padded    bool
	ext       extensions
}

// extensions are the header extensions that we understand. Texts point into the packet.
type extensions struct {
	mid, rid, repairedRID []byte
	dependency            []byte
	sequence              uint16 // transport-wide
	hasSequence           bool
	level                 uint8 // RFC 6464
	hasLevel              bool
}

// extension names a header extension that we understand.
type extension uint8

const (
	noExtension extension = iota
	extMid
	extRID
	extRepairedRID
	extSendTime
	extSequence
	extLevel
	extDependency
	extensionCount
)

// extensionURIs are the names in SDP (RFC 8285, section 5).
var extensionURIs = [extensionCount]string{
	extMid:         "urn:ietf:params:rtp-hdrext:sdes:mid",
	extRID:         "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
	extRepairedRID: "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id",
	extSendTime:    "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
	extSequence:    "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
	extLevel:       "urn:ietf:params:rtp-hdrext:ssrc-audio-level",
	extDependency:  "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension",
}

func extensionByURI(uri string) extension {
	for e := extMid; e < extensionCount; e++ {
		if extensionURIs[e] == uri {
			return e
		}
	}
	return noExtension
}

// extensionIDs tells which extension an ID stands for; IDs above 15 are not used.
type extensionIDs [16]extension

const (
	rtpHeaderSize    = 12
	oneByteProfile   = 0xBEDE
	twoByteProfile   = 0x1000
	twoByteMask      = 0xFFF0
	rtpVersion       = 2
	maxExtensionWord = 64 // 256 bytes; ours need less than 100
)

// parse reads a header and tells whether it is one. The payload, and with it the padding, is still encrypted.
func (h *rtpHeader) parse(b []byte, ids *extensionIDs) bool {
	if len(b) < rtpHeaderSize || b[0]>>6 != rtpVersion {
		return false
	}
	*h = rtpHeader{
		size:      rtpHeaderSize + 4*int(b[0]&15),
		padded:    b[0]&0x20 != 0,
		marker:    b[1]&0x80 != 0,
		pt:        b[1] & 0x7f,
		seq:       binary.BigEndian.Uint16(b[2:]),
		timestamp: binary.BigEndian.Uint32(b[4:]),
		ssrc:      binary.BigEndian.Uint32(b[8:]),
	}
	if b[0]&0x10 == 0 {
		return h.size <= len(b)
	}
	if h.size+4 > len(b) {
		return false
	}
	profile := binary.BigEndian.Uint16(b[h.size:])
	words := int(binary.BigEndian.Uint16(b[h.size+2:]))
	start := h.size + 4
	h.size = start + 4*words
	if h.size > len(b) {
		return false
	}
	if words > maxExtensionWord {
		return true // far longer than anything we negotiate: not worth a look
	}
	switch {
	case profile == oneByteProfile:
		h.ext.oneByte(b[start:h.size], ids)
	case profile&twoByteMask == twoByteProfile:
		h.ext.twoByte(b[start:h.size], ids)
	}
	return true
}

// oneByte reads elements with one-byte headers (RFC 8285, section 4.2). It stops at the first that lies.
func (x *extensions) oneByte(b []byte, ids *extensionIDs) {
	for len(b) > 0 {
		id, size := b[0]>>4, int(b[0]&15)+1
		if id == 0 {
			b = b[1:]
			continue
		}
		if id == 15 || 1+size > len(b) {
			return
		}
		x.set(ids[id], b[1:1+size])
		b = b[1+size:]
	}
}

// twoByte reads elements with two-byte headers (RFC 8285, section 4.3). It stops at the first that lies.
func (x *extensions) twoByte(b []byte, ids *extensionIDs) {
	for len(b) > 0 {
		id := b[0]
		if id == 0 {
			b = b[1:]
			continue
		}
		if len(b) < 2 || 2+int(b[1]) > len(b) {
			return
		}
		size := int(b[1])
		if int(id) < len(ids) {
			x.set(ids[id], b[2:2+size])
		}
		b = b[2+size:]
	}
}

func (x *extensions) set(e extension, value []byte) {
	switch e {
	case extMid:
		x.mid = value
	case extRID:
		x.rid = value
	case extRepairedRID:
		x.repairedRID = value
	case extDependency:
		x.dependency = value
	case extSequence:
		if len(value) >= 2 {
			x.sequence, x.hasSequence = binary.BigEndian.Uint16(value), true
		}
	case extLevel:
		if len(value) >= 1 {
			x.level, x.hasLevel = value[0], true
		}
	}
}

// unpad strips RTP padding (RFC 3550, section 5.1); it tells whether the padding is believable.
func unpad(payload []byte) ([]byte, bool) {
	if len(payload) == 0 {
		return payload, false
	}
	n := int(payload[len(payload)-1])
	if n == 0 || n > len(payload) {
		return payload, false
	}
	return payload[:len(payload)-n], true
}
