package srt

import "encoding/binary"

// headerSize is that of every packet (SRT Internet-Draft, section 3).
const headerSize = 16

// Kinds of control packets (section 3.2), and of what users define (section 3.2.1.1.1), where extensions of handshakes come later.
const (
	kindHandshake = 0
	kindKeepAlive = 1
	kindAck       = 2
	kindNak       = 3
	kindShutdown  = 5
	kindAckAck    = 6
	kindDrop      = 7
	kindUser      = 0x7fff
)

// packet is one as it came, of at least headerSize.
type packet []byte

func (p packet) isControl() bool   { return p[0]&0x80 != 0 }
func (p packet) kind() uint16      { return binary.BigEndian.Uint16(p) & 0x7fff }
func (p packet) subtype() uint16   { return binary.BigEndian.Uint16(p[2:]) }
func (p packet) number() uint32    { return binary.BigEndian.Uint32(p) } // of data
func (p packet) specific() uint32  { return binary.BigEndian.Uint32(p[4:]) }
func (p packet) timestamp() uint32 { return binary.BigEndian.Uint32(p[8:]) } // microseconds
func (p packet) to() uint32        { return binary.BigEndian.Uint32(p[12:]) }
func (p packet) body() []byte      { return p[headerSize:] }

// key says with which key data is encrypted: 1 for the even, 2 for the odd one, 0 for none.
func (p packet) key() byte { return p[4] >> 3 & 3 }

// isFilters tells that data is no one's but a packet filter's: it has the number of a packet, and none of a message. Who has asked for redundancy sends
// that, though it was not agreed on.
func (p packet) isFilters() bool { return p.specific()&(1<<26-1) == 0 }

// isRepeat tells that data is sent again.
func (p packet) isRepeat() bool { return p[4]&4 != 0 }

func appendControl(b []byte, kind, subtype uint16, specific, timestamp, to uint32) []byte {
	b = binary.BigEndian.AppendUint16(b, 0x8000|kind)
	b = binary.BigEndian.AppendUint16(b, subtype)
	b = binary.BigEndian.AppendUint32(b, specific)
	b = binary.BigEndian.AppendUint32(b, timestamp)
	return binary.BigEndian.AppendUint32(b, to)
}

// numbers of data packets have 31 bits, and begin again after the last.
const lastNumber = 1<<31 - 1

func after(n uint32) uint32  { return (n + 1) & lastNumber }
func before(n uint32) uint32 { return (n - 1) & lastNumber }

// ahead is by how much n comes after m.
func ahead(n, m uint32) int { return int(int32((n-m)<<1) >> 1) }
