package sctp

import (
	"encoding/binary"
	"hash/crc32"
)

// Chunk types (RFC 9260, section 3.2, RFC 3758, section 3.2, RFC 6525, section 3.1).
const (
	kindData             = 0
	kindInit             = 1
	kindInitAck          = 2
	kindSack             = 3
	kindHeartbeat        = 4
	kindHeartbeatAck     = 5
	kindAbort            = 6
	kindShutdown         = 7
	kindShutdownAck      = 8
	kindError            = 9
	kindCookieEcho       = 10
	kindCookieAck        = 11
	kindShutdownComplete = 14
	kindReconfig         = 130
	kindForward          = 192
)

// tagReflected is the flag of ABORT and SHUTDOWN COMPLETE whose sender does not know the tag of who it is for.
const tagReflected = 1

// Flags of DATA (RFC 9260, section 3.3.1).
const (
	flagEnd       = 1
	flagBeginning = 2
	flagUnordered = 4
	flagImmediate = 8
)

// Parameter types.
const (
	parameterCookie        = 7
	parameterOutgoingReset = 13
	parameterIncomingReset = 14
	parameterTSNReset      = 15
	parameterResponse      = 16
	parameterAddOutgoing   = 17
	parameterAddIncoming   = 18
	parameterExtensions    = 0x8008
	parameterForward       = 0xc000
)

const (
	headerSize  = 12
	chunkHeader = 4
	dataHeader  = 12 // of a DATA chunk, behind the header that all have
	ourPort     = 5000
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checksum is a packet's CRC32c, its own field taken as zero (RFC 9260, appendix A).
func checksum(packet []byte) uint32 {
	sum := crc32.Update(0, castagnoli, packet[:8])
	sum = crc32.Update(sum, castagnoli, []byte{0, 0, 0, 0})
	return crc32.Update(sum, castagnoli, packet[headerSize:])
}

// open checks a packet.
func open(packet []byte) (port uint16, tag uint32, chunks []byte, ok bool) {
	if len(packet) < headerSize+chunkHeader || binary.LittleEndian.Uint32(packet[8:]) != checksum(packet) {
		return 0, 0, nil, false
	}
	return binary.BigEndian.Uint16(packet), binary.BigEndian.Uint32(packet[4:]), packet[headerSize:], true
}

// chunk is one of a packet's.
type chunk struct {
	kind, flags uint8
	body        []byte
}

func nextChunk(b []byte) (c chunk, rest []byte, ok bool) {
	kind, body, rest, ok := nextElement(b)
	return chunk{kind: uint8(kind >> 8), flags: uint8(kind), body: body}, rest, ok
}

// parameter is part of a chunk.
type parameter struct {
	kind  uint16
	value []byte
}

func nextParameter(b []byte) (p parameter, rest []byte, ok bool) {
	p.kind, p.value, rest, ok = nextElement(b)
	return p, rest, ok
}

// nextElement reads what chunks and parameters have in common: two bytes, a length with the header but without the padding, a body.
func nextElement(b []byte) (kind uint16, body, rest []byte, ok bool) {
	if len(b) < chunkHeader {
		return 0, nil, nil, false
	}
	size := int(binary.BigEndian.Uint16(b[2:]))
	if size < chunkHeader || size > len(b) {
		return 0, nil, nil, false
	}
	return binary.BigEndian.Uint16(b), b[chunkHeader:size], b[min(padded(size), len(b)):], true
}

func padded(size int) int { return (size + 3) &^ 3 }

func appendParameter(b []byte, kind uint16, value []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, kind)
	b = binary.BigEndian.AppendUint16(b, uint16(chunkHeader+len(value)))
	b = append(b, value...)
	return append(b, make([]byte, padded(len(value))-len(value))...)
}

// writer puts chunks together to packets.
type writer struct {
	mtu     int
	port    uint16 // theirs
	tag     uint32
	b       []byte // the packet that is being written
	packets [][]byte
}

// chunk gives the body of a new chunk, zeroed.
func (w *writer) chunk(kind, flags uint8, size int) []byte {
	whole := chunkHeader + padded(size)
	if len(w.b) > 0 && len(w.b)+whole > w.mtu {
		w.end()
	}
	if len(w.b) == 0 {
		w.b = make([]byte, headerSize, headerSize+whole)
	}
	at := len(w.b)
	w.b = append(w.b, make([]byte, whole)...)
	w.b[at], w.b[at+1] = kind, flags
	binary.BigEndian.PutUint16(w.b[at+2:], uint16(chunkHeader+size))
	return w.b[at+chunkHeader : at+chunkHeader+size]
}

// room is how many bytes of body a further chunk of the same packet can have; what a packet of its own has when none is being written.
func (w *writer) room() int { return w.mtu - max(len(w.b), headerSize) - chunkHeader }

// end ends the packet that is being written.
func (w *writer) end() {
	if len(w.b) == 0 {
		return
	}
	if w.port == 0 {
		w.port = ourPort
	}
	binary.BigEndian.PutUint16(w.b, ourPort)
	binary.BigEndian.PutUint16(w.b[2:], w.port)
	binary.BigEndian.PutUint32(w.b[4:], w.tag)
	binary.LittleEndian.PutUint32(w.b[8:], checksum(w.b))
	w.packets = append(w.packets, w.b)
	w.b = nil
}
