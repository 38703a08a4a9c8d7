package sfu

import (
	"time"

	"github.com/pion/rtcp"
)

// reception counts what a receiver report says of one SSRC (RFC 3550, sections 6.4.1 and A.3, A.8). It is pure: time is
// an argument. Retransmitted packets are left out, as they belong to a stream of their own (RFC 4588).
type reception struct {
	clockRate int

	started      bool
	base, high   uint64 // unwrapped numbers on the wire
	received     uint64
	expectPrior  uint64
	receivePrior uint64
	// expected and lost are those of the time before the last report.
	expected, lost uint64

	jitter        float64 // in units of the RTP clock
	lastTransit   int64
	lastTimestamp uint32

	reportNTP  uint32 // middle 32 bits of the last sender report's NTP timestamp
	reportedAt time.Duration
}

// packet counts a packet. seq is its number on the wire, unwrapped.
func (r *reception) packet(seq uint64, timestamp uint32, arrival time.Duration) {
	transit := ticks(arrival, r.clockRate) - int64(timestamp)
	if !r.started {
		r.started = true
		r.base, r.high = seq, seq
	} else if timestamp != r.lastTimestamp {
		// Only the first packet of a frame counts for the jitter: those that follow wait for each other in the sender.
		d := int64(int32(transit - r.lastTransit))
		r.jitter += (float64(max(d, -d)) - r.jitter) / 16
	}
	if timestamp != r.lastTimestamp || r.received == 0 {
		r.lastTransit, r.lastTimestamp = transit, timestamp
	}
	r.high = max(r.high, seq)
	r.received++
}

// senderReport notes when the remote's clock was read last.
func (r *reception) senderReport(ntp uint64, arrival time.Duration) {
	r.reportNTP, r.reportedAt = uint32(ntp>>16), arrival
}

// report is the block for the time since the last report.
func (r *reception) report(ssrc uint32, now time.Duration) rtcp.ReceptionReport {
	if !r.started {
		return rtcp.ReceptionReport{SSRC: ssrc}
	}
	expected := r.high - r.base + 1
	missing := min(max(int64(expected)-int64(r.received), -1<<23), 1<<23-1)
	inExpected := int64(expected - r.expectPrior)
	inLost := inExpected - int64(r.received-r.receivePrior)
	r.expectPrior, r.receivePrior = expected, r.received
	r.expected, r.lost = uint64(max(inExpected, 0)), uint64(max(inLost, 0))

	report := rtcp.ReceptionReport{
		SSRC:               ssrc,
		TotalLost:          uint32(missing) & 0xffffff,
		LastSequenceNumber: uint32(r.high),
		Jitter:             uint32(r.jitter),
	}
	if inExpected > 0 && inLost > 0 {
		report.FractionLost = uint8(min(inLost*256/inExpected, 255))
	}
	if r.reportNTP != 0 {
		report.LastSenderReport = r.reportNTP
		report.Delay = uint32(ticks(now-r.reportedAt, 65536))
	}
	return report
}
