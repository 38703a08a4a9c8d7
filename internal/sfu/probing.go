package sfu

import (
	"time"

	"github.com/tuttilive/tutti/internal/rtc"
	"github.com/tuttilive/tutti/internal/sfu/bwe"
)

const (
	// probePadding is the largest packet of padding (RFC 3550, section 5.1).
	probePadding = 255
	// A probe that takes longer than this is given up: the shard is too busy.
	longestProbing = 500 * time.Millisecond
)

// probing is the probe that is being sent on a downlink: what media takes of it counts, the rest is padding.
type probing struct {
	probe          bwe.Probe
	bytes, packets int
	since          time.Duration
}

// count takes a packet of size bytes that leaves, and says of which probe it is part, 0 for none.
func (p *probing) count(size int) uint8 {
	if p.probe.ID == 0 {
		return 0
	}
	p.bytes += size
	p.packets++
	return p.probe.ID
}

func (p *probing) complete() bool { return p.bytes >= p.probe.Bytes && p.packets >= p.probe.Packets }

// probe begins a probe that the estimator asks for.
func (d *Downlink) probe(now time.Duration) {
	if d.probing.probe.ID != 0 {
		return
	}
	probe, ok := d.estimator.Probe()
	if !ok {
		return
	}
	d.probing = probing{probe: probe, since: now}
	d.pace.probe(probe.Rate, now)
	d.hurry()
}

// fillProbe sends padding for what repairs and media have left of the probe's rate, and ends the probe when it is complete.
func (d *Downlink) fillProbe(tx exit) {
	p, now := &d.probing, tx.Now()
	if p.probe.ID == 0 {
		return
	}
	s := d.repairing()
	if s != nil && d.pace.more(now) {
		s.pad(tx, int(d.pace.budget))
	}
	if s == nil || p.complete() || now-p.since > longestProbing {
		*p = probing{}
		d.share(tx) // and with it the pace
	}
}

// repairing is a sender that can send repairs, which padding goes out as: one whose packets can be sent again if there is
// any, else any.
func (d *Downlink) repairing() *Sender {
	var any *Sender
	for _, s := range d.senders {
		if s.canRepair() && !s.ended {
			if any = s; s.current != nil {
				break
			}
		}
	}
	return any
}

// pad sends a little more than size bytes that tell nothing new: the latest packets once more where so much is wanted, since
// one of them may have been lost and a packet costs the same whatever is in it, else padding.
func (s *Sender) pad(tx exit, size int) {
	f := s.forwarder
	prefixes, n, bytes := f.prefixes[:0], 0, 0
	for back := uint64(0); size-bytes > 2*probePadding && back < batchPackets && s.rewriter.count > 0; back++ {
		seq := uint16(s.rewriter.highest - back)
		segment, source, ok := s.rewriter.source(seq)
		if !ok {
			break
		}
		if p := segment.layer.Ring().BySeq(source); p != nil && len(p.Payload) > probePadding {
			prefixes = segment.apply(p, uint64(seq), &f.out[n], prefixes)
			f.out[n].Repair = true
			bytes += len(p.Payload) + headers
			n++
		}
	}
	for ; n < batchPackets && bytes <= size; n++ {
		f.out[n] = rtc.Packet{Padding: probePadding}
		bytes += probePadding + headers
	}
	tx.Send(s.out, f.out[:n])
	s.downlink.pace.spend(bytes)
}
