package rtc

import (
	"slices"
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"

	"github.com/tuttilive/tutti/internal/media"
)

// Inbound is a media section in which the remote sends one track, in one stream or, with simulcast, several.
type Inbound struct {
	Kind media.Kind
	Mid  string
	// StreamID and TrackID are from the remote's msid.
	StreamID, TrackID string
	// Codecs are those negotiated for the section, in order of preference.
	Codecs []media.Codec
	// RIDs are the simulcast layers announced (RFC 8853), in the remote's order; empty without simulcast.
	RIDs []string

	peer *Peer
	open atomic.Pointer[func(*Stream) Sink]
}

// Peer is the peer that sends.
func (in *Inbound) Peer() *Peer { return in.peer }

// Receive sets who gets the section's streams; packets that came before are lost. open is called on the home reader for
// each new stream (an SSRC bound to the section by mid and rid, or by SDP), for a new SSRC of a known rid, and for a new codec
// of an SSRC. A nil sink refuses the stream, until Receive is called again.
func (in *Inbound) Receive(open func(s *Stream) Sink) { in.open.Store(&open) }

// Stream is one SSRC that a remote sends.
type Stream struct {
	Inbound *Inbound
	RID     string
	SSRC    uint32
	Codec   media.Codec
	// CanNack tells that the remote retransmits on request.
	CanNack bool

	// What follows belongs to the home reader.
	sink      Sink
	refusedBy *func(*Stream) Sink
	closed    bool
	touched   bool
}

// SendRTCP sends feedback about the stream to its sender; the endpoint fills in SSRCs that are 0.
func (s *Stream) SendRTCP(packets ...rtcp.Packet) {
	p := s.Inbound.peer
	for _, packet := range packets {
		addressFeedback(packet, p.ssrc, s.SSRC)
	}
	p.SendRTCP(packets)
}

// addressFeedback fills in the sender's and the media SSRC where they are 0.
func addressFeedback(packet rtcp.Packet, sender, media uint32) {
	set := func(field *uint32, value uint32) {
		if *field == 0 {
			*field = value
		}
	}
	switch p := packet.(type) {
	case *rtcp.PictureLossIndication:
		set(&p.SenderSSRC, sender)
		set(&p.MediaSSRC, media)
	case *rtcp.FullIntraRequest:
		set(&p.SenderSSRC, sender)
		set(&p.MediaSSRC, media)
		for i := range p.FIR {
			set(&p.FIR[i].SSRC, media)
		}
	case *rtcp.TransportLayerNack:
		set(&p.SenderSSRC, sender)
		set(&p.MediaSSRC, media)
	case *rtcp.ReceiverReport:
		set(&p.SSRC, sender)
		for i := range p.Reports {
			set(&p.Reports[i].SSRC, media)
		}
	case *rtcp.ReceiverEstimatedMaximumBitrate:
		set(&p.SenderSSRC, sender)
	}
}

// Sink takes a stream's packets. All methods are called on the home reader goroutine and must not block.
type Sink interface {
	// Packet gives one packet, in the order of arrival; duplicates are possible. The sink owns it from now on. The
	// endpoint has undone RTX, has found the primary of redundant audio (a malformed one is dropped), and left padding-only packets out (Payload is empty for those that close a gap).
	Packet(p *media.Packet)
	// Flush ends a batch.
	Flush()
	// SenderReport is the remote's mapping of its clock to RTP timestamps (RFC 3550, section 6.4.1).
	SenderReport(ntp uint64, timestamp uint32, arrival time.Duration)
	// Closed comes last.
	Closed()
}

// receiveMap is how a peer's packets find their streams, as negotiated. It is immutable.
type receiveMap struct {
	ids      extensionIDs
	sections []*receiveSection
	declared []declaredSource
}

// receiveSection is one section in which the remote sends.
type receiveSection struct {
	in      *Inbound
	mid     string
	formats []receiveFormat
}

// receiveFormat is a payload type. repairs is the media payload type that it retransmits, and blocks that of redundant
// audio's blocks, with codec being that one's.
type receiveFormat struct {
	pt      uint8
	codec   media.Codec
	repair  bool
	repairs uint8
	red     bool
	blocks  uint8
	nack    bool
	bounded bool // by REMB
}

// declaredSource is an SSRC that SDP announces.
type declaredSource struct {
	ssrc, repairs uint32
	section       *receiveSection
}

func (m *receiveMap) byMid(mid []byte) *receiveSection {
	for _, s := range m.sections {
		if s.mid == string(mid) {
			return s
		}
	}
	return nil
}

func (m *receiveMap) bySSRC(ssrc uint32) *declaredSource {
	for i := range m.declared {
		if m.declared[i].ssrc == ssrc {
			return &m.declared[i]
		}
	}
	return nil
}

// byFormat finds the only section with a payload type; nil when several have it.
func (m *receiveMap) byFormat(pt uint8) *receiveSection {
	var found *receiveSection
	for _, s := range m.sections {
		if s.format(pt) == nil {
			continue
		}
		if found != nil {
			return nil
		}
		found = s
	}
	return found
}

func (s *receiveSection) format(pt uint8) *receiveFormat {
	for i := range s.formats {
		if s.formats[i].pt == pt {
			return &s.formats[i]
		}
	}
	return nil
}

func (s *receiveSection) takes(codec media.Codec) bool {
	return slices.ContainsFunc(s.formats, func(f receiveFormat) bool { return f.codec == codec })
}

func (s *receiveSection) hasRID(rid []byte) bool {
	return slices.ContainsFunc(s.in.RIDs, func(r string) bool { return r == string(rid) })
}
