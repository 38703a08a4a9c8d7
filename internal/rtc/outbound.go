package rtc

import (
	"encoding/binary"
	"sync/atomic"

	"github.com/pion/rtcp"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/rtc/srtp"
)

// OutboundConfig describes a stream that we send.
type OutboundConfig struct {
	Codec media.Codec
	// Fallbacks are codecs of the same kind that will do, in order of preference, where the remote does not take Codec.
	Fallbacks []media.Codec
	// Format narrows the codec, for H.264's profile-level-id and Opus's stereo; may be nil.
	Format *media.Format
	// RED lets the stream carry redundant audio (RFC 2198) where the remote takes it.
	RED bool
	// StreamID and TrackID are announced as msid (RFC 8830).
	StreamID, TrackID string
	// Feedback hears the remote's wishes; required.
	Feedback Feedback
}

// codecs are those that the stream may have, the preferred first.
func (c *OutboundConfig) codecs() []media.Codec {
	return append([]media.Codec{c.Codec}, c.Fallbacks...)
}

// Feedback is what a remote says of a stream that we send. Calls come from the home shard's reader goroutine and must
// not block.
type Feedback interface {
	// Nack names 16-bit sequence numbers that the remote misses (RFC 4585). The slice is valid during the call.
	Nack(seqs []uint16)
	// KeyframeWanted is PLI or FIR.
	KeyframeWanted()
	// Report is a receiver report block about the stream (RFC 3550).
	Report(r rtcp.ReceptionReport)
	// Ready comes when the stream is negotiated and the peer is connected: the codec's payload type is known.
	Ready()
}

// Outbound is a stream that we send to a peer: one SSRC, one more for RTX. The peer owns it; whoever added it removes
// it.
type Outbound struct {
	peer       *Peer
	cfg        OutboundConfig
	ssrc, rtx  uint32
	format     atomic.Pointer[sendFormat] // nil until negotiated, and after removal
	mid        atomic.Pointer[string]
	refused    atomic.Bool
	removed    bool // guarded by the negotiation's lock
	saidReady  bool // home reader only
	sent       sentStream
	retransmit sentStream
}

// sentStream is the sending state of one SSRC. It belongs to the home sender.
type sentStream struct {
	roll            srtp.Rollover
	window          srtp.Window
	packets, octets uint32
	seq             uint64 // of the last packet, for streams that number by themselves
}

// claim gives the packet index for a sequence number. It is false when that number has been used, or when it is so old
// that nobody knows: a nonce must not be used for other bytes (RFC 7714, section 8.1).
func (s *sentStream) claim(seq uint16) (uint64, bool) {
	index := s.roll.Guess(seq)
	if !s.window.Fresh(index) {
		return 0, false
	}
	s.roll.Accept(index)
	s.window.Accept(index)
	return index, true
}

// Mid is the section's identification tag, empty while it is not placed.
func (o *Outbound) Mid() string {
	if mid := o.mid.Load(); mid != nil {
		return *mid
	}
	return ""
}

// Refused tells that the remote rejected the section that the stream was offered in last, or that its own last offer had a free section for it, but none of its
// codecs there. The next negotiation tries again, until it is removed.
func (o *Outbound) Refused() bool { return o.refused.Load() }

// SSRC is the stream's synchronization source. It is never used again within the peer.
func (o *Outbound) SSRC() uint32 { return o.ssrc }

// Peer is the peer that the stream goes to.
func (o *Outbound) Peer() *Peer { return o.peer }

// Codec is the negotiated codec, NoCodec before or when the remote takes none of what we offered.
func (o *Outbound) Codec() media.Codec {
	if f := o.format.Load(); f != nil {
		return f.codec
	}
	return media.NoCodec
}

// Ready tells that Send would send.
func (o *Outbound) Ready() bool { return o.format.Load() != nil && o.peer.Connected() }

// Warm reads a little of all that Send needs of the stream and its peer, so that it is in the caches then. What it gives means nothing. It
// is called on the home shard's sender goroutine.
func (o *Outbound) Warm() int {
	f := o.format.Load()
	if f == nil {
		return 0
	}
	seal, to := o.peer.seal.Load(), o.peer.remote.Load()
	if seal == nil || to == nil {
		return 0
	}
	return int(f.media[0]) + int(o.sent.packets) + int(o.peer.transportSeq) + to.message + seal.Warm()
}

// CanRepair tells that retransmission (RFC 4588) was negotiated.
func (o *Outbound) CanRepair() bool {
	f := o.format.Load()
	return f != nil && len(f.repair) > 0
}

// RED tells whether redundant audio was negotiated (RFC 2198), and the payload type that its blocks must have.
func (o *Outbound) RED() (blocks uint8, ok bool) {
	if f := o.format.Load(); f != nil {
		return f.pt, f.red != 0
	}
	return 0, false
}

// sendFormat is how an outbound's packets look, as negotiated. It is immutable.
type sendFormat struct {
	codec media.Codec
	// pt is the payload type, red that of redundant audio, 0 where it was not negotiated.
	pt, red uint8
	// media and repair are whole headers, of one length, in which some fields change; repair is empty without RTX.
	media, repair []byte
	// Offsets of extension values in the header, 0 where there is none. level is that of the element's own header.
	sendTime, sequence, level int
	levelID                   uint8
	// dependencyID is that of dependency descriptors, 0 where none are sent.
	dependencyID uint8
}

// newSendFormat lays out the headers. Elements have one-byte headers; where a dependency descriptor may follow, which can be
// longer than those can say, all have two-byte ones (RFC 8285, section 4.1.2).
func newSendFormat(codec media.Codec, pt, repairPT uint8, ssrc, repairSSRC uint32, mid string, ids *[extensionCount]uint8) *sendFormat {
	f := &sendFormat{codec: codec}
	profile := uint16(oneByteProfile)
	if id := ids[extDependency]; id != 0 && codec == media.AV1 {
		f.dependencyID, profile = id, twoByteProfile
	}
	var elements []byte
	const start = rtpHeaderSize + 4
	element := func(e extension, size int) int {
		id := ids[e]
		if id == 0 || id > 14 || size == 0 || size > 16 {
			return 0
		}
		if profile == twoByteProfile {
			elements = append(elements, id, uint8(size))
		} else {
			elements = append(elements, id<<4|uint8(size-1))
		}
		at := start + len(elements)
		elements = append(elements, make([]byte, size)...)
		return at
	}
	if at := element(extMid, len(mid)); at > 0 {
		copy(elements[at-start:], mid)
	}
	f.sendTime = element(extSendTime, 3)
	f.sequence = element(extSequence, 2)
	if codec.Kind() == media.Audio {
		if at := element(extLevel, 1); at > 0 {
			f.level, f.levelID = at-1, ids[extLevel]
		}
	}
	for len(elements)%4 != 0 {
		elements = append(elements, 0)
	}
	build := func(pt uint8, ssrc uint32) []byte {
		h := make([]byte, rtpHeaderSize, start+len(elements))
		h[0], h[1] = rtpVersion<<6, pt
		binary.BigEndian.PutUint32(h[8:], ssrc)
		if len(elements) > 0 || f.dependencyID != 0 {
			h[0] |= 0x10
			h = binary.BigEndian.AppendUint16(h, profile)
			h = binary.BigEndian.AppendUint16(h, uint16(len(elements)/4))
			h = append(h, elements...)
		}
		return h
	}
	f.media = build(pt, ssrc)
	if repairPT != 0 {
		f.repair = build(repairPT, repairSSRC)
	}
	return f
}
