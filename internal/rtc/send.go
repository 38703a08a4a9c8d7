package rtc

import (
	"encoding/binary"

	"github.com/pion/rtcp"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/rtc/srtp"
)

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
	// RED tells that the payload is redundant audio, which must have been negotiated (Outbound.RED).
	RED     bool
	Prefix  []byte
	Payload []byte
	// Dependency is the packet's dependency descriptor, which is sent with AV1 where it was negotiated.
	Dependency []byte
	// Padding, when not 0, makes a packet of nothing but so many bytes of padding, which goes out like a repair: it tries
	// how much the way carries (RFC 4588 does without an original sequence number then, as libwebrtc does).
	Padding uint8
}

// Size is the payload's, in bytes.
func (p *Packet) Size() int { return len(p.Prefix) + len(p.Payload) + int(p.Padding) }

// length is what a packet takes beside the header that it has in common with others.
func (p *Packet) length(f *sendFormat) int {
	n := p.Size()
	if f.dependencyID != 0 && len(p.Dependency) > 0 {
		n += dependencySize(p.Dependency)
	}
	return n
}

// dependencySize is what a descriptor takes with its element's header, padded.
func dependencySize(descriptor []byte) int { return (2 + len(descriptor) + 3) &^ 3 }

// maxDependency bounds descriptors, so that the extensions stay within what receivers look at.
const maxDependency = 200

// Send encrypts packets for one outbound stream and puts them on the wire in as few system calls as it can: give it all
// packets of a frame or batch together. It does nothing before the outbound is negotiated and the peer is connected.
//
// Each sequence number is sent once; a repair without RTX is not sent, since the same nonce would protect other bytes.
func (tx *Tx) Send(o *Outbound, packets []Packet) {
	p := o.peer
	format, seal, to := o.format.Load(), p.seal.Load(), p.remote.Load()
	if format == nil || seal == nil || to == nil || p.home.Load() != tx.shard {
		return
	}
	if tx.departed {
		// One piece of work may send to hundreds of peers, and it is by these times that bandwidth is estimated.
		tx.departed, tx.now = false, media.Now()
	}
	overhead := len(format.media) + seal.Profile().Overhead()
	sendTime := absoluteSendTime(tx.now)
	for len(packets) > 0 {
		n, size := 1, packets[0].length(format)
		if tx.out.socket.canSegment() {
			n, size = evenRun(packets, format)
		}
		for i := range packets[:n] {
			even := size
			if i == n-1 {
				even = 0 // the last one may be shorter
			}
			tx.put(o, format, seal, to, &packets[i], sendTime, even, overhead)
		}
		packets = packets[n:]
	}
}

// evenRun finds how many packets from the first on can leave as one run when short ones are padded, and to what size.
// Only the last one may be much shorter.
func evenRun(packets []Packet, format *sendFormat) (n, size int) {
	low := packets[0].length(format)
	size = low
	for n = 1; n < len(packets) && n < maxSegments && packets[n].Repair == packets[0].Repair; n++ {
		next := packets[n].length(format)
		if next < size-maxEven {
			return n + 1, size
		}
		if max(size, next)-min(low, next) > maxEven {
			return n, size
		}
		size, low = max(size, next), min(low, next)
	}
	return n, size
}

// put encrypts one packet into the slab. A payload shorter than even is padded to it.
func (tx *Tx) put(o *Outbound, format *sendFormat, seal *srtp.Sealer, to *destination, packet *Packet, sendTime uint32, even, overhead int) {
	header, stream, ssrc := format.media, &o.sent, o.ssrc
	seq, extra := packet.Seq, 0
	if packet.Repair || packet.Padding > 0 {
		if len(format.repair) == 0 {
			return
		}
		header, stream, ssrc = format.repair, &o.retransmit, o.rtx
		stream.seq++
		seq = uint16(stream.seq)
		if packet.Repair {
			extra = 2
		}
	}
	padding := max(0, min(even-packet.length(format), maxEven))
	if packet.Padding > 0 {
		padding = 0 // it is all padding already
	}
	if overhead+extra+packet.length(format)+padding > maxPacket {
		return
	}
	index, ok := stream.claim(seq)
	if !ok {
		return
	}
	b := tx.room()
	head := copy(b, header)
	if format.dependencyID != 0 && len(packet.Dependency) > 0 && len(packet.Dependency) <= maxDependency && packet.Padding == 0 {
		head = format.writeDependency(b, head, packet.Dependency)
	}
	if packet.Marker {
		b[1] |= 0x80
	}
	if packet.RED && !packet.Repair {
		b[1] = b[1]&0x80 | format.red
	}
	binary.BigEndian.PutUint16(b[2:], seq)
	binary.BigEndian.PutUint32(b[4:], packet.Timestamp)
	if at := format.sendTime; at > 0 {
		b[at], b[at+1], b[at+2] = byte(sendTime>>16), byte(sendTime>>8), byte(sendTime)
	}
	if at := format.level; at > 0 {
		format.writeLevel(b[at:at+2], packet)
	}
	size := tx.payload(b, head, packet, padding)
	if at := format.sequence; at > 0 {
		n := o.peer.stamp(head+size+seal.Profile().Overhead(), tx.now)
		binary.BigEndian.PutUint16(b[at:], n)
	}
	plain := b[head : head+size]
	if size == len(packet.Payload) {
		plain = packet.Payload // nothing was put before or behind it: straight from the shared bytes
	}
	end := seal.SealRTP(b, head, plain, ssrc, index)
	stream.packets++
	stream.octets += uint32(len(packet.Prefix) + len(packet.Payload))
	tx.add(to, end)
}

// payload assembles the plain text behind the header where it is not just the shared payload, and gives its size.
func (tx *Tx) payload(b []byte, head int, packet *Packet, padding int) int {
	if !packet.Repair && padding == 0 && len(packet.Prefix) == 0 && packet.Padding == 0 {
		return len(packet.Payload)
	}
	at := head
	padding += int(packet.Padding)
	if packet.Repair {
		binary.BigEndian.PutUint16(b[at:], packet.Seq)
		at += 2
	}
	at += copy(b[at:], packet.Prefix)
	at += copy(b[at:], packet.Payload)
	if padding > 0 {
		b[0] |= 0x20
		clear(b[at : at+padding])
		at += padding
		b[at-1] = byte(padding)
	}
	return at - head
}

// writeDependency puts a dependency descriptor behind the other extensions and gives the header's length with it.
func (f *sendFormat) writeDependency(b []byte, head int, descriptor []byte) int {
	size := dependencySize(descriptor)
	b[head], b[head+1] = f.dependencyID, uint8(len(descriptor))
	clear(b[head+2+copy(b[head+2:], descriptor) : head+size])
	head += size
	binary.BigEndian.PutUint16(b[rtpHeaderSize+2:], uint16((head-rtpHeaderSize-4)/4))
	return head
}

// writeLevel writes the audio level's element, or padding in its place (RFC 8285, section 4.2).
func (f *sendFormat) writeLevel(b []byte, packet *Packet) {
	if !packet.HasLevel {
		b[0], b[1] = 0, 0
		return
	}
	b[0], b[1] = f.levelID<<4, packet.AudioLevel&0x7f
	if packet.Voice {
		b[1] |= 0x80
	}
}

// SendReport sends a sender report (RFC 3550, section 6.4.1); the endpoint fills packet and octet counts.
func (tx *Tx) SendReport(o *Outbound, ntp uint64, timestamp uint32) {
	if o.format.Load() == nil || o.peer.home.Load() != tx.shard {
		return
	}
	tx.control(o.peer, &rtcp.SenderReport{
		SSRC: o.ssrc, NTPTime: ntp, RTPTime: timestamp, PacketCount: o.sent.packets, OctetCount: o.sent.octets,
	}, &rtcp.SourceDescription{Chunks: []rtcp.SourceDescriptionChunk{{
		Source: o.ssrc,
		Items:  []rtcp.SourceDescriptionItem{{Type: rtcp.SDESCNAME, Text: o.peer.cname}},
	}}})
}

// control encrypts and sends one compound RTCP packet.
func (tx *Tx) control(p *Peer, packets ...rtcp.Packet) {
	raw, err := rtcp.Marshal(packets)
	if err != nil {
		p.log.Warn("cannot write RTCP", "error", err)
		return
	}
	tx.rawControl(p, raw)
}

func (tx *Tx) rawControl(p *Peer, raw []byte) {
	seal, to := p.seal.Load(), p.remote.Load()
	if seal == nil || to == nil || p.home.Load() != tx.shard || len(raw) < 8 || len(raw)+srtp.RTCPOverhead > maxPacket {
		return
	}
	b := seal.SealRTCP(tx.room()[:0], raw)
	tx.add(to, len(b))
}
