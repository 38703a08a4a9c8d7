package track

import (
	"time"

	"github.com/tuttilive/tutti/internal/media"
)

// How long a missing packet is waited for, counted from the first packet after it. A retransmission takes a round trip
// and the receiver's own patience.
const (
	videoPatience = 200 * time.Millisecond
	audioPatience = 60 * time.Millisecond
)

// reorder gives a stream's packets in order of sequence numbers and waits for those that are missing, for a while. It
// reads no clock and belongs to one goroutine.
type reorder struct {
	patience time.Duration
	slots    []*media.Packet
	started  bool
	ssrc     uint32
	next     uint64 // to be given next
	highest  uint64
	// missing tells that next has not come although a later one has, since when.
	missing bool
	since   time.Duration
	// lost tells that packets were given up before the next one given.
	lost bool
}

func newReorder(kind media.Kind) *reorder {
	if kind == media.Audio {
		return &reorder{patience: audioPatience, slots: make([]*media.Packet, audioPackets)}
	}
	return &reorder{patience: videoPatience, slots: make([]*media.Packet, videoPackets)}
}

// push takes a packet as it arrived. Duplicates and packets that come too late are dropped.
func (r *reorder) push(p *media.Packet) {
	size := uint64(len(r.slots))
	if r.started && (p.SSRC != r.ssrc || p.Seq >= r.next+size) {
		// Another source, or a jump that cannot be a gap: begin anew there.
		clear(r.slots)
		r.started, r.missing, r.lost = false, false, true
	}
	if !r.started {
		r.begin(p)
	}
	if p.Seq < r.next {
		return
	}
	r.slots[p.Seq%size] = p
	r.highest = max(r.highest, p.Seq)
}

// begin makes a packet the first one.
func (r *reorder) begin(p *media.Packet) {
	r.started, r.ssrc, r.next, r.highest = true, p.SSRC, p.Seq, p.Seq
}

// pop gives the next packet in order, nil when it has not come and may still come. lost tells that packets before it
// were given up.
func (r *reorder) pop(now time.Duration) (p *media.Packet, lost bool) {
	if !r.started || r.next > r.highest {
		return nil, false
	}
	size := uint64(len(r.slots))
	if r.slots[r.next%size] == nil {
		if r.slots[r.highest%size] == nil {
			return nil, false // begun, nothing pushed yet
		}
		if !r.missing {
			r.missing, r.since = true, r.firstAfterGap().Arrival
		}
		if now-r.since < r.patience {
			return nil, false
		}
		r.lost = true
		for r.slots[r.next%size] == nil {
			r.next++
		}
	}
	at := r.next % size
	p, lost = r.slots[at], r.lost
	r.slots[at] = nil
	r.next++
	r.missing, r.lost = false, false
	return p, lost
}

// deadline is when pop will give up what is missing.
func (r *reorder) deadline() (time.Duration, bool) { return r.since + r.patience, r.missing }

func (r *reorder) firstAfterGap() *media.Packet {
	size := uint64(len(r.slots))
	for seq := r.next; seq < r.highest; seq++ {
		if p := r.slots[seq%size]; p != nil {
			return p
		}
	}
	return r.slots[r.highest%size]
}
