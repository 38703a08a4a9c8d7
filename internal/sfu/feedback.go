package sfu

import (
	"math"
	"slices"
	"sync"

	"github.com/pion/rtcp"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/rtc"
)

// maxNacks bounds how many requests of one subscriber wait for its shard; what is above it will be asked for again.
const maxNacks = 256

// repairPackets is how many packets are sent again before the pace is asked anew: more could overrun it by as much.
const repairPackets = 8

// feedback is the sender as its peer's remarks see it. It is called on the home shard's reader goroutine.
type feedback Sender

// Ready starts sending. From now on the peer's home shard stays the same.
func (f *feedback) Ready() {
	s := (*Sender)(f)
	s.mu.Lock()
	if s.closed || s.forwarder != nil {
		s.mu.Unlock()
		return
	}
	s.forwarder = forwarderOf(s.peer.Home())
	var unfit *feed
	if feed := s.want.feed; feed != nil && feed.codec != s.agreed() {
		s.want.feed, unfit = nil, feed
	}
	s.mu.Unlock()
	if unfit != nil {
		go unfit.close() // which may wait for the track; the reader must not
	}
	s.post()
}

// Nack hands requests over to the sender goroutine, which alone knows what went out.
func (f *feedback) Nack(seqs []uint16) { f.nacks.add((*Sender)(f), seqs) }

// KeyframeWanted asks upstream, not too often; whoever is there throttles it for all subscribers together.
func (f *feedback) KeyframeWanted() {
	f.counts.keyframesWanted.Add(1)
	if l := f.layer.Load(); l != nil && f.wishes.allow(media.Now()) {
		l.RequestKeyframe()
	}
}

func (f *feedback) Report(r rtcp.ReceptionReport) {
	lost := float32(r.FractionLost) / 256
	f.counts.lost.Store(math.Float32bits(lost))
	totals.out[f.codec.Kind()].lossShare.Observe(float64(lost))
	if rtt := f.peer.RTT(); rtt > 0 {
		totals.rtt.Observe(rtt.Seconds())
	}
}

// nacks are requests on their way from the reader to the sender goroutine.
type nacks struct {
	mu      sync.Mutex
	waiting []uint16
	posted  bool

	// Owned by the sender goroutine: what is to be sent again, and room for as much.
	due     []uint16
	taken   []uint16
	repairs *repairs // made with the first request: most subscribers lose nothing
}

func (n *nacks) add(s *Sender, seqs []uint16) {
	s.mu.Lock()
	f := s.forwarder
	s.mu.Unlock()
	if f == nil || len(seqs) == 0 {
		return
	}
	n.mu.Lock()
	n.waiting = append(n.waiting, seqs[:min(len(seqs), maxNacks-len(n.waiting))]...)
	post := !n.posted
	n.posted = true
	n.mu.Unlock()
	s.counts.nacked.Add(uint64(len(seqs)))
	if post {
		f.shard.Post((*repairer)(s))
	}
}

// take makes due what has come; what is due already is not doubled.
func (n *nacks) take() {
	n.mu.Lock()
	n.taken, n.waiting = n.waiting, n.taken[:0]
	n.posted = false
	n.mu.Unlock()
	for _, seq := range n.taken {
		if len(n.due) < maxNacks && !slices.Contains(n.due, seq) {
			n.due = append(n.due, seq)
		}
	}
}

// repairer is the sender as work that sends again what was asked for.
type repairer Sender

func (r *repairer) Run(tx *rtc.Tx) { r.run(tx) }

func (r *repairer) run(tx exit) {
	s := (*Sender)(r)
	s.nacks.take()
	s.repair(tx)
}

// repair sends again what is due, as far as the pace allows; the rest is left for the next step.
func (s *Sender) repair(tx exit) {
	n := &s.nacks
	if s.ended {
		n.due = n.due[:0]
		return
	}
	if n.repairs == nil {
		n.repairs = new(repairs)
	}
	for len(n.due) > 0 {
		if s.shares && !s.downlink.pace.more(tx.Now()) {
			s.downlink.hurry()
			return
		}
		some := n.due[:min(len(n.due), repairPackets)]
		s.sendAgain(tx, some)
		n.due = slices.Delete(n.due, 0, len(some))
	}
}

// sendAgain repairs those of the packets that are there and may be sent again.
func (s *Sender) sendAgain(tx exit, seqs []uint16) {
	f, now, rtt := s.forwarder, tx.Now(), s.peer.RTT()
	prefixes, n, bytes := f.prefixes[:0], 0, 0
	for _, seq := range seqs {
		segment, source, ok := s.rewriter.source(seq)
		if !ok {
			continue
		}
		p := segment.layer.Ring().BySeq(source)
		if p == nil || !s.nacks.repairs.allow(seq, now, rtt) || s.shares && !s.downlink.mayRepair(len(p.Payload), now) {
			continue
		}
		prefixes = segment.apply(p, uint64(seq), &f.out[n], prefixes)
		f.out[n].Repair = true
		bytes += len(p.Payload)
		n++
	}
	if n == 0 {
		return
	}
	s.sendOut(tx, n, bytes)
	s.counts.repaired.Add(uint64(n))
}
