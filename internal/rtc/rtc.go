// Package rtc is a WebRTC endpoint: one UDP port in shards, ICE-lite, DTLS, SRTP, SCTP data channels and SDP. It knows
// peers and packets, and nothing of rooms or tracks.
//
// A shard is a reader goroutine and a sender goroutine with a socket of its own on the shared port. A peer lives on one
// shard, its home: only the home reader decrypts for it and only the home sender encrypts for it, so neither takes a
// lock for a packet.
package rtc

import (
	"errors"
	"log/slog"
	"net/netip"
	"time"

	"github.com/pion/rtcp"

	"github.com/tuttilive/tutti/internal/media"
)

// Config is what an endpoint needs to know.
type Config struct {
	// Listen is the UDP address, ":7882" by default.
	Listen string
	// Shards is the number of sockets and goroutine pairs, GOMAXPROCS when 0.
	Shards int
	// Addresses are announced as host candidates; the addresses of all interfaces when empty.
	Addresses []netip.Addr
	Log       *slog.Logger
}

// Endpoint is one UDP port and the peers behind it. Close ends them all.
type Endpoint struct{}

func Listen(cfg Config) (*Endpoint, error) { return nil, errors.ErrUnsupported }
func (e *Endpoint) Shards() []*Shard       { return nil }
func (e *Endpoint) Close() error           { return nil }

// Shard is the sending side of a pair of goroutines.
type Shard struct{}

// Post queues work for the shard's sender goroutine; it never blocks. Whoever posts bounds what it posts: one item for
// a group of subscribers, not one for a packet.
func (s *Shard) Post(w Work) {}

// Work runs on a shard's sender goroutine. What it sends leaves when it returns.
type Work interface{ Run(tx *Tx) }

// Tx is the sender goroutine's way out. It is valid within Work.Run only.
type Tx struct{}

// Packet is one RTP packet to be sent: the fields of its header that change, and its payload in two pieces, so that a
// rewritten descriptor can go before shared bytes. Neither piece is kept or changed.
type Packet struct {
	Seq       uint16
	Timestamp uint32
	Marker    bool
	// Repair sends by RTX (RFC 4588) with the endpoint's own sequence number; Seq is then the original one.
	Repair bool
	// AudioLevel is sent as RFC 6464 where it was negotiated and HasLevel is set.
	AudioLevel uint8
	HasLevel   bool
	Voice      bool
	Prefix     []byte
	Payload    []byte
}

// Send encrypts packets for one outbound stream and puts them on the wire in as few system calls as it can: give it all
// packets of a frame or batch together. It does nothing before the outbound is negotiated and the peer is connected.
func (tx *Tx) Send(o *Outbound, packets []Packet) {}

// Now is the media time at which the current work began.
func (tx *Tx) Now() time.Duration { return 0 }

// PeerConfig is how one peer differs from another.
type PeerConfig struct {
	// Label names the peer in logs.
	Label   string
	Handler Handler
	// Codecs that are offered and accepted, in order of preference; all that the endpoint knows when empty.
	Codecs []media.Codec
	// DataChannels negotiates SCTP also when we offer.
	DataChannels bool
}

// Handler hears what happens to a peer. Calls come one at a time for a peer, from goroutines that must not be blocked.
type Handler interface {
	// PeerConnected comes once, when ICE and DTLS are up.
	PeerConnected()
	// PeerClosed comes once, last. err says why: ErrClosed after Close, ErrTimeout after 30 s without a valid check.
	PeerClosed(err error)
	// InboundAdded comes from SetOffer or SetAnswer for a section in which the remote starts to send.
	InboundAdded(in *Inbound)
	// InboundRemoved comes when the remote stops to send in that section.
	InboundRemoved(in *Inbound)
	// DataChannel comes when a channel is open, whichever side opened it.
	DataChannel(dc *DataChannel)
}

var (
	ErrClosed  = errors.New("rtc: peer closed")
	ErrTimeout = errors.New("rtc: no valid connectivity check for 30 s")
)

// Peer is one WebRTC connection. Its creator closes it. Methods may be called from any goroutine.
type Peer struct{}

func (e *Endpoint) NewPeer(cfg PeerConfig) (*Peer, error) { return nil, errors.ErrUnsupported }

// Home is the shard that sends to the peer. It is set from the start by hash and moves at most once, at the first
// authenticated check; the peer is not connected before that.
func (p *Peer) Home() *Shard { return nil }

// SetOffer applies a remote offer, first or later (RFC 8829). Outbounds that are not placed yet are put into free
// sections that want to receive. CreateAnswer follows. A malformed or impossible offer is an error and changes nothing.
func (p *Peer) SetOffer(sdp string) error { return errors.ErrUnsupported }

// CreateAnswer gives the answer to the offer set last. It contains all candidates.
func (p *Peer) CreateAnswer() (string, error) { return "", errors.ErrUnsupported }

// CreateOffer offers what outbounds and inbound sections there are now.
func (p *Peer) CreateOffer() (string, error) { return "", errors.ErrUnsupported }

// SetAnswer applies the answer to the offer created last.
func (p *Peer) SetAnswer(sdp string) error { return errors.ErrUnsupported }

// AddRecv adds a section in which the remote may send, for when we offer.
func (p *Peer) AddRecv(kind media.Kind) {}

// RestartICE changes our ufrag and password at the next negotiation.
func (p *Peer) RestartICE() {}

// Unplaced counts outbounds that have no section yet: with an offering remote, how many it must add.
func (p *Peer) Unplaced() (audio, video int) { return 0, 0 }

// OpenDataChannel opens a channel from our side (RFC 8832). The handler hears of it when it is open.
func (p *Peer) OpenDataChannel(label string, ordered bool, maxRetransmits *uint16) error {
	return errors.ErrUnsupported
}

// SendRTCP sends a compound packet, for control that is not tied to an outbound or inbound.
func (p *Peer) SendRTCP(packets []rtcp.Packet) {}

// RTT is the round-trip time, 0 while unknown.
func (p *Peer) RTT() time.Duration { return 0 }

// Connected tells whether ICE and DTLS are up.
func (p *Peer) Connected() bool { return false }

// Close ends the peer: DTLS close_notify, SCTP abort, everything it owns.
func (p *Peer) Close() {}

// OutboundConfig describes a stream that we send.
type OutboundConfig struct {
	Codec media.Codec
	// Format narrows the codec, for H.264's profile-level-id; may be nil.
	Format *media.Format
	// StreamID and TrackID are announced as msid (RFC 8830).
	StreamID, TrackID string
	// Feedback hears the remote's wishes; required.
	Feedback Feedback
}

// Feedback is what a remote says of a stream that we send. Calls come from the home shard's reader goroutine and must
// not block.
type Feedback interface {
	// Nack names 16-bit sequence numbers that the remote misses (RFC 4585).
	Nack(seqs []uint16)
	// KeyframeWanted is PLI or FIR.
	KeyframeWanted()
	// Report is a receiver report block about the stream (RFC 3550).
	Report(r rtcp.ReceptionReport)
	// Ready comes when the stream is negotiated and the peer is connected: the codec's payload type is known.
	Ready()
}

// Outbound is a stream that we send to a peer: one SSRC, one more for RTX.
type Outbound struct{}

// AddOutbound makes an outbound; it waits for the next negotiation to be placed.
func (p *Peer) AddOutbound(cfg OutboundConfig) (*Outbound, error) { return nil, errors.ErrUnsupported }

// RemoveOutbound makes the section inactive at the next negotiation. Its SSRC is never used again.
func (p *Peer) RemoveOutbound(o *Outbound) {}

// Mid is the section's identification tag, empty while it is not placed.
func (o *Outbound) Mid() string  { return "" }
func (o *Outbound) SSRC() uint32 { return 0 }

// Peer is the peer that the stream goes to.
func (o *Outbound) Peer() *Peer { return nil }

// Codec is the negotiated codec, NoCodec before or when the remote takes none of what we offered.
func (o *Outbound) Codec() media.Codec { return media.NoCodec }

// Ready tells that Send would send.
func (o *Outbound) Ready() bool { return false }

// SendReport sends a sender report (RFC 3550, section 6.4.1); the endpoint fills packet and octet counts.
func (tx *Tx) SendReport(o *Outbound, ntp uint64, timestamp uint32) {}

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
}

// Peer is the peer that sends.
func (in *Inbound) Peer() *Peer { return nil }

// Receive sets who gets the section's streams; packets that came before are lost. open is called on the home reader for
// each new stream (an SSRC bound to the section by mid and rid, or by SDP) and for a new SSRC of a known rid.
func (in *Inbound) Receive(open func(s *Stream) Sink) {}

// Stream is one SSRC that a remote sends.
type Stream struct {
	Inbound *Inbound
	RID     string
	SSRC    uint32
	Codec   media.Codec
	// CanNack tells that the remote retransmits on request.
	CanNack bool
}

// SendRTCP sends feedback about the stream to its sender; the endpoint fills in SSRCs that are 0.
func (s *Stream) SendRTCP(packets ...rtcp.Packet) {}

// Sink takes a stream's packets. All methods are called on the home reader goroutine and must not block.
type Sink interface {
	// Packet gives one packet, in the order of arrival; duplicates are possible. The sink owns it from now on. The
	// endpoint has undone RTX and left padding-only packets out (Payload is empty for those that close a gap).
	Packet(p *media.Packet)
	// Flush ends a batch.
	Flush()
	// SenderReport is the remote's mapping of its clock to RTP timestamps (RFC 3550, section 6.4.1).
	SenderReport(ntp uint64, timestamp uint32, arrival time.Duration)
	// Closed comes last.
	Closed()
}

// DataChannel is an open SCTP stream (RFC 8831).
type DataChannel struct{}

func (d *DataChannel) Label() string { return "" }
func (d *DataChannel) Ordered() bool { return true }

// OnMessage sets who gets messages; those that came before are kept for it (bounded).
func (d *DataChannel) OnMessage(f func(data []byte, text bool)) {}
func (d *DataChannel) OnClose(f func())                         {}

// Send queues a message. It is an error when more than 1 MiB waits already: the message is dropped.
func (d *DataChannel) Send(data []byte, text bool) error { return errors.ErrUnsupported }
func (d *DataChannel) Buffered() int                     { return 0 }
func (d *DataChannel) Close() error                      { return nil }
