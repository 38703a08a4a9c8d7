package rtc

import (
	"encoding/binary"
	"math"
	"time"

	"github.com/tuttilive/tutti/internal/rtc/sctp"
)

// Payload protocol identifiers (RFC 8831, section 8).
const (
	ppidControl     = 50
	ppidText        = 51
	ppidBinary      = 53
	ppidEmptyText   = 56
	ppidEmptyBinary = 57
)

// Messages that open channels (RFC 8832, sections 5 and 8.2).
const (
	channelAck  = 2
	channelOpen = 3
	openHeader  = 12
)

// Channel types (RFC 8832, section 5.1).
const (
	reliableChannel  = 0
	limitedByRepeats = 1
	limitedByTime    = 2
	unorderedChannel = 0x80
)

// channelOpening is what a DATA_CHANNEL_OPEN says.
type channelOpening struct {
	label       string
	reliability sctp.Reliability
}

func (o channelOpening) marshal() []byte {
	kind, parameter := byte(reliableChannel), uint32(0)
	switch {
	case o.reliability.Limited:
		kind, parameter = limitedByRepeats, o.reliability.Retransmissions
	case o.reliability.Lifetime > 0:
		kind, parameter = limitedByTime, uint32(o.reliability.Lifetime/time.Millisecond)
	}
	if o.reliability.Unordered {
		kind |= unorderedChannel
	}
	b := make([]byte, openHeader, openHeader+len(o.label))
	b[0], b[1] = channelOpen, kind
	binary.BigEndian.PutUint32(b[4:], parameter)
	binary.BigEndian.PutUint16(b[8:], uint16(len(o.label)))
	return append(b, o.label...)
}

func parseOpening(b []byte) (o channelOpening, ok bool) {
	if len(b) < openHeader || b[0] != channelOpen {
		return o, false
	}
	label, protocol := int(binary.BigEndian.Uint16(b[8:])), int(binary.BigEndian.Uint16(b[10:]))
	if label > maxLabel || len(b) < openHeader+label+protocol {
		return o, false
	}
	o.label = string(b[openHeader : openHeader+label])
	o.reliability.Unordered = b[1]&unorderedChannel != 0
	parameter := binary.BigEndian.Uint32(b[4:])
	switch b[1] &^ unorderedChannel {
	case reliableChannel:
	case limitedByRepeats:
		o.reliability.Limited, o.reliability.Retransmissions = true, parameter
	case limitedByTime:
		o.reliability.Lifetime = max(time.Duration(min(parameter, math.MaxInt32))*time.Millisecond, 1)
	default:
		return o, false
	}
	return o, true
}
