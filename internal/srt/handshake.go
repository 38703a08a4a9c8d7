package srt

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"slices"
)

const (
	handshakeSize = 48
	induction     = 1
	conclusion    = 0xffffffff
	// version of handshakes that is spoken. The one before (libsrt before 1.3) has no stream ids.
	version = 5
	// magic says in an answer to an induction that this is SRT (section 4.3.1.1).
	magic = 0x4a17
	// largest packet, with the headers of IP and UDP.
	largest = 1500
)

// Kinds of extensions, and the fields that say in a handshake which there are (section 3.2.1.1).
const (
	extHandshake         = 1
	extHandshakeAnswer   = 2
	extKeys              = 3
	extKeysAnswer        = 4
	extStreamID          = 5
	extCongestion        = 6
	hasHandshake         = 1
	hasKeys              = 2
	mostStreamID         = 512
	flagStream           = 0x40
	ourFlags             = 0x3f     // times of delivery, encryption, losses that are given up and reported again, repeats that are marked
	ourVersion           = 0x010503 // of SRT: what libsrt 1.5.3 does is what this does
	keyMaterialLeast     = 16
	handshakeExtensionOf = 12
)

var errHandshake = errors.New("a malformed handshake")

// handshake is one's body (section 3.2.1).
type handshake struct {
	version               uint32
	encryption, extension uint16
	first                 uint32 // number of the first packet
	mtu, window           uint32
	kind                  uint32 // induction, conclusion, or why it is refused
	id                    uint32 // of the sender's socket
	cookie                uint32
	address               [16]byte
	capabilities          *capabilities
	keys                  []byte // the key material as it came
	streamID              string
	congestion            string
}

// capabilities are an extension (section 3.2.1.1.1). Delays are in milliseconds.
type capabilities struct {
	version, flags              uint32
	receiverDelay, sendersDelay uint16
}

func parseHandshake(b []byte) (h handshake, err error) {
	if len(b) < handshakeSize {
		return h, errHandshake
	}
	u32 := func(at int) uint32 { return binary.BigEndian.Uint32(b[at:]) }
	h = handshake{
		version: u32(0), encryption: binary.BigEndian.Uint16(b[4:]), extension: binary.BigEndian.Uint16(b[6:]),
		first: u32(8) & lastNumber, mtu: u32(12), window: u32(16), kind: u32(20), id: u32(24), cookie: u32(28), address: [16]byte(b[32:]),
	}
	if h.version != version || h.kind != conclusion {
		return h, nil
	}
	for rest := b[handshakeSize:]; len(rest) > 0; {
		if len(rest) < 4 {
			return h, errHandshake
		}
		kind, size := binary.BigEndian.Uint16(rest), 4*int(binary.BigEndian.Uint16(rest[2:]))
		if rest = rest[4:]; size > len(rest) {
			return h, errHandshake
		}
		body := rest[:size]
		rest = rest[size:]
		switch kind {
		case extHandshake:
			if size < handshakeExtensionOf {
				return h, errHandshake
			}
			h.capabilities = &capabilities{
				binary.BigEndian.Uint32(body), binary.BigEndian.Uint32(body[4:]), binary.BigEndian.Uint16(body[8:]), binary.BigEndian.Uint16(body[10:]),
			}
		case extKeys:
			h.keys = slices.Clone(body)
		case extStreamID:
			if size > mostStreamID {
				return h, errHandshake
			}
			h.streamID = unswapped(body)
		case extCongestion:
			h.congestion = unswapped(body)
		}
	}
	return h, nil
}

// unswapped is a text, of which each word comes backwards, and the last is filled with zeros.
func unswapped(b []byte) string {
	text := make([]byte, 0, len(b))
	for word := range slices.Chunk(b, 4) {
		text = append(text, word[3], word[2], word[1], word[0])
	}
	for len(text) > 0 && text[len(text)-1] == 0 {
		text = text[:len(text)-1]
	}
	return string(text)
}

// append writes it as an answer.
func (h *handshake) append(b []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, h.version)
	b = binary.BigEndian.AppendUint16(b, h.encryption)
	b = binary.BigEndian.AppendUint16(b, h.extension)
	for _, v := range []uint32{h.first, h.mtu, h.window, h.kind, h.id, h.cookie} {
		b = binary.BigEndian.AppendUint32(b, v)
	}
	b = append(b, h.address[:]...)
	if c := h.capabilities; c != nil {
		b = appendExtension(b, extHandshakeAnswer, handshakeExtensionOf)
		b = binary.BigEndian.AppendUint32(b, c.version)
		b = binary.BigEndian.AppendUint32(b, c.flags)
		b = binary.BigEndian.AppendUint16(b, c.receiverDelay)
		b = binary.BigEndian.AppendUint16(b, c.sendersDelay)
	}
	if h.keys != nil {
		b = append(appendExtension(b, extKeysAnswer, len(h.keys)), h.keys...)
	}
	return b
}

func appendExtension(b []byte, kind uint16, size int) []byte {
	b = binary.BigEndian.AppendUint16(b, kind)
	return binary.BigEndian.AppendUint16(b, uint16(size/4))
}

// wire is an address as handshakes carry it: words backwards, one for IPv4.
func wire(a netip.Addr) (b [16]byte) {
	for at, word := range slices.Collect(slices.Chunk(a.Unmap().AsSlice(), 4)) {
		b[4*at], b[4*at+1], b[4*at+2], b[4*at+3] = word[3], word[2], word[1], word[0]
	}
	return b
}
