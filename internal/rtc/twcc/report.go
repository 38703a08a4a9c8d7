package twcc

import (
	"encoding/binary"
	"time"
)

const (
	packetType, format = 205, 15
	// Layout of a report (section 3.1 of the draft).
	firstAt, countAt, referenceAt = 12, 14, 16
	// maxReported is how many packets a report may speak of: numbers farther apart cannot be put in order.
	maxReported = 1 << 15
)

// Report is what a peer says of the arrival of our packets, read where it lies: nothing is allocated however much it claims.
// It is valid as long as the bytes that it was read from.
type Report struct{ raw []byte }

// IsReport tells whether an RTCP packet is a report, by its header.
func IsReport(packet []byte) bool {
	return len(packet) >= 4 && packet[0]&0x1f == format && packet[1] == packetType
}

// Read takes one RTCP packet, whole. It is false for what is malformed: among that what claims more arrivals than there are
// bytes to say when.
func Read(packet []byte) (Report, bool) {
	if !IsReport(packet) || len(packet) < headerSize {
		return Report{}, false
	}
	r := Report{packet}
	if r.Count() > maxReported {
		return Report{}, false
	}
	need := 0
	rest, ok := r.chunks(func(symbol uint8, n int) { need += n * arrivalSize(symbol) })
	return r, ok && need <= len(rest)
}

// Raw is the packet that the report was read from, for whoever keeps it.
func (r Report) Raw() []byte { return r.raw }

// Count is how many packets the report speaks of.
func (r Report) Count() int { return int(binary.BigEndian.Uint16(r.raw[countAt:])) }

// Reference is the peer's time from which arrivals are counted, in 24 bits of 64 ms.
func (r Report) Reference() uint32 { return binary.BigEndian.Uint32(r.raw[referenceAt:]) >> 8 }

// Each tells of all packets in order of their numbers: of each that came, how long after the reference time, and of those that
// did not, in runs. What came without a time is told of by neither.
func (r Report) Each(came func(number uint16, after time.Duration), missed func(first uint16, n int)) {
	number := binary.BigEndian.Uint16(r.raw[firstAt:])
	deltas, ok := r.chunks(func(uint8, int) {})
	if !ok {
		return
	}
	after := time.Duration(0)
	r.chunks(func(symbol uint8, n int) {
		switch symbol {
		case small, large:
			for range n {
				if symbol == small {
					after += time.Duration(deltas[0]) * tick
				} else {
					after += time.Duration(int16(binary.BigEndian.Uint16(deltas))) * tick
				}
				deltas = deltas[arrivalSize(symbol):]
				came(number, after)
				number++
			}
			return
		case lost:
			missed(number, n)
		}
		number += uint16(n)
	})
}

// chunks tells the status of all packets in runs, and gives what lies behind the chunks.
func (r Report) chunks(tell func(symbol uint8, n int)) (rest []byte, ok bool) {
	left := r.Count()
	rest = r.raw[headerSize:]
	for left > 0 {
		if len(rest) < 2 {
			return nil, false
		}
		chunk := binary.BigEndian.Uint16(rest)
		rest = rest[2:]
		switch {
		case chunk>>15 == 0: // so many packets of one status
			n := min(int(chunk&0x1fff), left)
			tell(uint8(chunk>>13)&3, n)
			left -= n
		case chunk>>14&1 == 0: // fourteen of one bit
			n := min(14, left)
			for i := range n {
				tell(uint8(chunk>>(13-i))&1, 1)
			}
			left -= n
		default: // seven of two bits
			n := min(7, left)
			for i := range n {
				tell(uint8(chunk>>(12-2*i))&3, 1)
			}
			left -= n
		}
	}
	return rest, true
}

// arrivalSize is how many bytes the time of a packet with a status takes.
func arrivalSize(symbol uint8) int {
	switch symbol {
	case small:
		return 1
	case large:
		return 2
	}
	return 0
}
