package rtc

import (
	"encoding/binary"
	"time"

	"github.com/pion/rtcp"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/rtc/twcc"
)

// rtcp decrypts a compound packet.
func (r *reader) rtcp(p *Peer, b []byte) {
	open := p.open.Load()
	if open == nil || p.rx.closed {
		return
	}
	raw, ok := open.OpenRTCP(r.control[:0], b)
	r.control = raw[:0]
	if !ok {
		return
	}
	p.reported.Store(int64(r.now))
	r.controlPackets(p, raw)
}

// controlPackets tells everybody concerned of a compound packet. One that is authentic but malformed cannot be trusted in
// any part to mean what it says.
func (r *reader) controlPackets(p *Peer, raw []byte) {
	reports, others := r.arrivals[:0], r.others[:0]
	for len(raw) >= controlHeader {
		size := controlHeader * (int(binary.BigEndian.Uint16(raw[2:])) + 1)
		if size > len(raw) {
			return
		}
		one := raw[:size:size]
		raw = raw[size:]
		if !twcc.IsReport(one) {
			others = append(others, one...)
			continue
		}
		report, ok := twcc.Read(one)
		if !ok {
			return
		}
		reports = append(reports, report)
	}
	r.arrivals, r.others = reports, others
	if len(raw) > 0 {
		return
	}
	if len(others) > 0 {
		packets, err := rtcp.Unmarshal(others)
		if err != nil {
			return
		}
		for _, packet := range packets {
			r.controlPacket(p, packet)
		}
	}
	if o := p.cfg.Congestion; o != nil {
		for _, report := range reports {
			o.TransportFeedback(report, r.now)
		}
	}
}

// controlHeader is the size of what all RTCP packets begin with, and the unit of their lengths (RFC 3550, section 6.4.1).
const controlHeader = 4

// controlPacket tells who is concerned of one packet. A goodbye (RFC 3550, section 6.6) tells nobody anything: browsers send it of a
// layer that they stop for a while, and go on with the same source, without the mid and rid that told where it belongs. What has
// ended is for negotiation to say.
func (r *reader) controlPacket(p *Peer, packet rtcp.Packet) {
	switch c := packet.(type) {
	case *rtcp.SenderReport:
		if s := p.rx.stream(c.SSRC); s != nil && s.ready() {
			s.sink.SenderReport(c.NTPTime, c.RTPTime, r.came())
		}
		r.reception(p, c.Reports)
	case *rtcp.ReceiverReport:
		r.reception(p, c.Reports)
	case *rtcp.TransportLayerNack:
		if o := p.outbound(c.MediaSSRC); o != nil {
			o.cfg.Feedback.Nack(nackedNumbers(c.Nacks))
		}
	case *rtcp.PictureLossIndication:
		if o := p.outbound(c.MediaSSRC); o != nil {
			o.cfg.Feedback.KeyframeWanted()
		}
	case *rtcp.FullIntraRequest:
		for _, f := range c.FIR {
			if o := p.outbound(f.SSRC); o != nil {
				o.cfg.Feedback.KeyframeWanted()
			}
		}
	case *rtcp.ReceiverEstimatedMaximumBitrate:
		if c := p.cfg.Congestion; c != nil {
			c.RemoteEstimate(uint64(packet.(*rtcp.ReceiverEstimatedMaximumBitrate).Bitrate), r.now)
		}
	}
}

// maxNacked bounds the sequence numbers of one NACK: more than a second of video is not worth repairing.
const maxNacked = 512

func nackedNumbers(pairs []rtcp.NackPair) []uint16 {
	var seqs []uint16
	for _, pair := range pairs {
		pair.Range(func(seq uint16) bool {
			seqs = append(seqs, seq)
			return len(seqs) < maxNacked
		})
		if len(seqs) >= maxNacked {
			break
		}
	}
	return seqs
}

// stream finds the stream with a media SSRC.
func (rx *receiving) stream(ssrc uint32) *Stream {
	if src := rx.sources[ssrc]; src != nil && src.stream != nil && src.stream.SSRC == ssrc {
		return src.stream
	}
	return nil
}

// reception hands report blocks to their outbounds and measures the round trip (RFC 3550, section 6.4.1).
func (r *reader) reception(p *Peer, reports []rtcp.ReceptionReport) {
	for _, report := range reports {
		o := p.outbound(report.SSRC)
		if o == nil {
			continue
		}
		if report.LastSenderReport != 0 {
			if rtt, ok := roundTrip(media.NTP(r.came()), report.LastSenderReport, report.Delay); ok {
				p.rtt.Store(int64(rtt))
			}
		}
		o.cfg.Feedback.Report(report)
	}
}

// roundTrip is the time since a sender report left, less the time that the remote kept it; both in the middle 32 bits of
// an NTP timestamp or in units of 1/65536 s. It is false for what cannot be, and never 0.
func roundTrip(ntp uint64, lastReport, delay uint32) (time.Duration, bool) {
	const second = 1 << 16
	units := int32(uint32(ntp>>16) - lastReport - delay)
	if units < -second/1000 || units > 10*second {
		return 0, false
	}
	// Clocks round: a short way may seem to take less than no time.
	return time.Duration(max(units, 1)) * time.Second / second, true
}

// CongestionObserver hears what bandwidth estimation needs. Nothing in this package estimates: it is the place where an
// estimator is plugged in. Transport-wide congestion control and REMB are negotiated for what we send only when a peer
// has an observer, because the remote's feedback costs as much as media.
type CongestionObserver interface {
	// Sent tells that a packet of size bytes on the wire (without UDP and IP) leaves now with a transport-wide sequence
	// number. It is called on the home sender.
	Sent(sequence uint16, size int, now time.Duration)
	// TransportFeedback and RemoteEstimate (bit/s) are called on the home reader. The report is valid during the call.
	TransportFeedback(report twcc.Report, now time.Duration)
	RemoteEstimate(bitrate uint64, now time.Duration)
}

// Congestion is the observer that the peer was made with, nil when nobody estimates.
func (p *Peer) Congestion() CongestionObserver { return p.cfg.Congestion }

// stamp numbers a packet for transport-wide congestion control. It runs on the home sender.
func (p *Peer) stamp(size int, now time.Duration) uint16 {
	p.transportSeq++
	if c := p.cfg.Congestion; c != nil {
		c.Sent(p.transportSeq, size, now)
	}
	return p.transportSeq
}

// absoluteSendTime is a time in the 24 bits of 6.18 fixed point seconds of abs-send-time. Nanoseconds, moved by 18 bits, would
// overflow after 19 hours, so seconds are taken apart.
func absoluteSendTime(t time.Duration) uint32 {
	seconds, rest := uint64(t/time.Second), uint64(t%time.Second)
	return uint32(seconds<<18+rest<<18/uint64(time.Second)) & 0xffffff
}
