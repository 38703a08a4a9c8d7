package sfu

import (
	"math"
	"sync"

	"github.com/pion/rtcp"

	"github.com/tuttilive/tutti/internal/rtc"
)

// maxNacks bounds how many requests of one subscriber wait for its shard; what is above it will be asked for again.
const maxNacks = 256

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
	s.mu.Unlock()
	s.post()
}

// Nack hands requests over to the sender goroutine, which alone knows what went out.
func (f *feedback) Nack(seqs []uint16) { f.nacks.add((*Sender)(f), seqs) }

// KeyframeWanted asks upstream; whoever is there throttles it for all subscribers together.
func (f *feedback) KeyframeWanted() {
	if l := f.layer.Load(); l != nil {
		l.RequestKeyframe()
	}
}

func (f *feedback) Report(r rtcp.ReceptionReport) {
	f.counts.lost.Store(math.Float32bits(float32(r.FractionLost) / 256))
}

// nacks are requests on their way from the reader to the sender goroutine.
type nacks struct {
	mu      sync.Mutex
	waiting []uint16
	posted  bool

	// Owned by the sender goroutine.
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

func (n *nacks) take() []uint16 {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.taken, n.waiting = n.waiting, n.taken[:0]
	n.posted = false
	return n.taken
}

// repairer is the sender as work that sends again what was asked for.
type repairer Sender

func (r *repairer) Run(tx *rtc.Tx) { r.run(tx) }

func (r *repairer) run(tx exit) {
	s := (*Sender)(r)
	wanted := s.nacks.take()
	if s.ended {
		return
	}
	if s.nacks.repairs == nil {
		s.nacks.repairs = new(repairs)
	}
	f, now, rtt := s.forwarder, tx.Now(), s.peer.RTT()
	for len(wanted) > 0 {
		some := wanted[:min(len(wanted), batchPackets)]
		wanted = wanted[len(some):]
		prefixes, n := f.prefixes[:0], 0
		for _, seq := range some {
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
			n++
		}
		if n > 0 {
			tx.Send(s.out, f.out[:n])
			s.counts.repaired.Add(uint64(n))
		}
	}
}
