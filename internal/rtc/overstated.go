package rtc

import (
	"encoding/binary"
	"math/bits"

	"github.com/pion/rtcp"
)

const (
	controlHeader = 4
	// Layout of a transport-wide report (draft-holmer-rmcat-transport-wide-cc-extensions-01, section 3.1).
	reportCount, reportChunks = 14, 20
	// maxReported is how many packets a report may speak of: numbers farther apart cannot be put in order.
	maxReported = 1 << 15
)

// overstated tells that a compound packet has a transport-wide report of more arrivals than there are bytes to say when. A
// chunk of two bytes can claim 8191, for each of which the parser makes an object before it looks whether they are there.
func overstated(compound []byte) bool {
	for len(compound) >= controlHeader {
		size := controlHeader * (int(binary.BigEndian.Uint16(compound[2:])) + 1)
		if size > len(compound) {
			return false // the parser finds out
		}
		if one := compound[:size]; one[0]&0x1f == rtcp.FormatTCC && one[1] == uint8(rtcp.TypeTransportSpecificFeedback) && !arrivalsFit(one) {
			return true
		}
		compound = compound[size:]
	}
	return false
}

// arrivalsFit tells whether a report has room for the times of all arrivals that it claims.
func arrivalsFit(report []byte) bool {
	if len(report) < reportChunks {
		return true // the parser finds out
	}
	left := int(binary.BigEndian.Uint16(report[reportCount:]))
	if left > maxReported {
		return false
	}
	rest, need := report[reportChunks:], 0
	for left > 0 {
		if len(rest) < 2 {
			return false
		}
		chunk := binary.BigEndian.Uint16(rest)
		rest = rest[2:]
		switch {
		case chunk>>15 == 0: // so many packets of one status
			n := min(int(chunk&0x1fff), left)
			need += n * arrivalSize(chunk>>13)
			left -= n
		case chunk>>14&1 == 0: // 14 of one bit
			need += bits.OnesCount16(chunk & 0x3fff)
			left -= 14
		default: // 7 of two bits
			for shift := 12; shift >= 0; shift -= 2 {
				need += arrivalSize(chunk >> shift)
			}
			left -= 7
		}
	}
	return need <= len(rest)
}

// arrivalSize is how many bytes the time of a packet with a status takes.
func arrivalSize(status uint16) int {
	switch status & 3 {
	case rtcp.TypeTCCPacketReceivedSmallDelta:
		return 1
	case rtcp.TypeTCCPacketReceivedLargeDelta:
		return 2
	}
	return 0
}
