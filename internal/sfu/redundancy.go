package sfu

import (
	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/media/rtpfmt"
	"github.com/tuttilive/tutti/internal/rtc"
)

// Redundant audio (RFC 2198): each packet repeats what one or two before it carried. It is taken apart once, on the way in:
// what was lost there is written into the layer before the packet that brought it, and all readers see plain Opus. Senders
// whose peers take redundancy pass it on as it came, so that it makes good what gets lost on the way out, too.

const (
	// restoredMemory is how far back restored packets are known, to recognize those that come after all.
	restoredMemory = 16
	// maxRestoreAge bounds how far behind the newest a packet may be and still be restored.
	maxRestoreAge = 64
)

// restore appends the packets that p's redundancy brings and that have not come, oldest first. The caller holds the lock
// and takes p itself after that.
func (in *intake) restore(dst []*media.Packet, p *media.Packet, received *reception, canNack bool) []*media.Packet {
	in.counts.redundant = true
	if !in.sequence.follows(uint16(p.Seq)) {
		return dst
	}
	last := in.timeline.last - in.timeline.offset // as on the wire
	for b := range rtpfmt.REDBlocks(p.RED) {
		seq := uint16(p.Seq) - uint16(b.Back)
		timestamp := p.Timestamp - b.Age
		missing, newer := in.sequence.lacks(seq)
		if !missing || b.Age == 0 || newer && int32(timestamp-last) <= 0 {
			continue // it has come, or this is not what was under that number
		}
		q := &media.Packet{
			Payload: b.Payload, Arrival: p.Arrival, Seq: uint64(seq), Timestamp: timestamp,
			SSRC: p.SSRC, PayloadType: p.RED[0] & 0x7f, Restored: true,
		}
		if keep, _ := in.take(q, received, canNack); keep {
			in.restored[q.Seq%restoredMemory] = q.Seq
			dst = append(dst, q)
		}
	}
	return dst
}

// cameAfterAll tells whether a packet that is not needed any more was restored: then it was late, not lost.
func (in *intake) cameAfterAll(seq uint64) bool {
	if place := &in.restored[seq%restoredMemory]; seq != 0 && *place == seq {
		*place = 0
		return true
	}
	return false
}

// carry makes a packet that goes out carry the source's redundancy, with blocks of the payload type that the peer knows
// them by. Changed headers are appended to scratch, which is returned.
func carry(out *rtc.Packet, p *media.Packet, blocks uint8, scratch []byte) []byte {
	out.RED, out.Payload = true, p.RED
	if p.RED[0]&0x7f != blocks {
		at, size := len(scratch), 0
		scratch, size = rtpfmt.RewriteRED(scratch, p.RED, blocks)
		out.Prefix, out.Payload = scratch[at:], p.RED[size:]
	}
	return scratch
}

// follows tells whether a number goes on where the stream is, without a restart.
func (s *sequence) follows(wire uint16) bool {
	step := int16(wire - s.wire(s.highest))
	return s.started && !s.fresh && step > -maxRestoreAge && step <= maxDropout
}

// lacks tells whether the packet with a number has not come, and whether it would be newer than all that have. The stream
// must have begun.
func (s *sequence) lacks(wire uint16) (missing, newer bool) {
	step := int64(int16(wire - s.wire(s.highest)))
	if step > 0 {
		return true, true
	}
	seq := s.highest + uint64(step)
	return step > -maxRestoreAge && seq >= s.floor && seq > s.first && !s.has(seq), false
}
