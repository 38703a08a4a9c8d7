package track

import (
	"sync/atomic"
	"time"

	"github.com/tuttilive/tutti/internal/media"
)

// How many packets a layer keeps at most. Video: 2048 are 10 s at 2 Mbit/s and over 2 s at 8, longer than any retransmission
// comes late, and hold the largest keyframe whole. Audio: 256 are 5 s at 20 ms.
const (
	videoPackets = 2048
	audioPackets = 256
)

const (
	// packetAge is how long a layer keeps packets: for longer than they are asked for again, and than a keyframe is begun with. What is let go
	// of soon is memory that is warm when it is filled again.
	packetAge = 4 * time.Second
	// fixedPacketAge is the same where nobody can be asked for a keyframe.
	fixedPacketAge = 12 * time.Second
	// forgetEvery is after how many packets the old ones are let go of, a power of two.
	forgetEvery = 32
)

// PacketRing keeps the newest packets of a layer, so many and so old. One goroutine writes; readers take no lock.
type PacketRing struct {
	byArrival []atomic.Pointer[media.Packet]
	bySeq     []atomic.Pointer[media.Packet]
	mask      uint64
	head      atomic.Uint64
	// keyframe is the arrival index at which the newest keyframe begins, plus one.
	keyframe atomic.Uint64

	// The writer's own.
	age          time.Duration // of the oldest that is kept
	tail         uint64        // arrival index of the oldest
	forgotten    uint64        // the sequence numbers below it are
	started      bool
	ssrc, before uint32 // this source and the one that it replaced
	replaced     bool
	highest      uint64
	keyTimestamp uint32
	keySeq       uint64
}

func newPacketRing(kind media.Kind, age time.Duration) *PacketRing {
	n := uint64(videoPackets)
	if kind == media.Audio {
		n = audioPackets
	}
	return &PacketRing{
		byArrival: make([]atomic.Pointer[media.Packet], n),
		bySeq:     make([]atomic.Pointer[media.Packet], n),
		mask:      n - 1,
		age:       age,
	}
}

// Head is the arrival index of the next packet to come.
func (r *PacketRing) Head() uint64 { return r.head.Load() }

// At gives the packet with an arrival index; nil when it is gone or has not come yet.
func (r *PacketRing) At(index uint64) *media.Packet {
	if index >= r.head.Load() {
		return nil
	}
	p := r.byArrival[index&r.mask].Load()
	// The writer stores a packet before it moves the head, so the slot may hold one more than the head tells.
	if r.head.Load()-index > r.mask {
		return nil
	}
	return p
}

// BySeq gives the packet with an extended sequence number; nil when it is not there.
func (r *PacketRing) BySeq(seq uint64) *media.Packet {
	if p := r.bySeq[seq&r.mask].Load(); p != nil && p.Seq == seq {
		return p
	}
	return nil
}

// LastKeyframe is the arrival index of the packet that the newest keyframe begins with; false when there is none in the
// ring. If that packet was lost and came again, others of the keyframe came before it.
func (r *PacketRing) LastKeyframe() (uint64, bool) {
	at := r.keyframe.Load()
	if at == 0 || r.At(at-1) == nil {
		return 0, false
	}
	return at - 1, true
}

// write adds a packet and tells whether it was new: neither a duplicate, nor older than all that is kept, nor of a source
// that has been replaced.
func (r *PacketRing) write(p *media.Packet) bool {
	switch {
	case !r.started:
		r.started, r.ssrc, r.highest = true, p.SSRC, p.Seq
	case p.SSRC != r.ssrc:
		if r.replaced && p.SSRC == r.before {
			return false
		}
		r.before, r.replaced = r.ssrc, true
		r.ssrc, r.highest, r.keySeq, r.forgotten = p.SSRC, p.Seq, 0, 0
	case p.Seq < r.forgotten || p.Seq+uint64(len(r.bySeq)) <= r.highest:
		return false
	default:
		if old := r.bySeq[p.Seq&r.mask].Load(); old != nil && old.Seq == p.Seq && old.SSRC == p.SSRC {
			return false
		}
		r.highest = max(r.highest, p.Seq)
	}
	head := r.head.Load()
	r.bySeq[p.Seq&r.mask].Store(p)
	r.byArrival[head&r.mask].Store(p)
	if p.Keyframe && (r.keySeq == 0 || p.Seq > r.keySeq != (p.Timestamp == r.keyTimestamp)) {
		// Parameter sets in packets of their own begin a keyframe, and so does its first slice: the first of them counts,
		// also when it was lost and came again.
		r.keySeq, r.keyTimestamp = p.Seq, p.Timestamp
		r.keyframe.Store(head + 1)
	}
	r.head.Store(head + 1)
	if head%forgetEvery == 0 {
		r.forget(head, p.Arrival-r.age)
	}
	return true
}

// forget, which is called as packets come, lets go of those before an arrival index that came before a time.
func (r *PacketRing) forget(head uint64, before time.Duration) {
	if head > r.mask {
		r.tail = max(r.tail, head-r.mask)
	}
	for ; r.tail < head; r.tail++ {
		p := r.byArrival[r.tail&r.mask].Load()
		if p.Arrival >= before {
			return
		}
		r.byArrival[r.tail&r.mask].Store(nil)
		if slot := &r.bySeq[p.Seq&r.mask]; slot.Load() == p {
			slot.Store(nil)
		}
		if p.SSRC == r.ssrc {
			r.forgotten = max(r.forgotten, p.Seq+1)
		}
	}
}
