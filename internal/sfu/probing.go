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
	out := d.repairing()
	if out != nil && d.pace.more(now) {
		f := d.forwarder
		n := min(int(d.pace.budget/probePadding)+1, batchPackets)
		for i := range n {
			f.out[i] = rtc.Packet{Padding: probePadding}
		}
		tx.Send(out, f.out[:n])
		d.pace.spend(n * (probePadding + headers))
	}
	if out == nil || p.complete() || now-p.since > longestProbing {
		*p = probing{}
		d.share(tx) // and with it the pace
	}
}

// repairing is a stream to the peer that has a repair stream, which padding goes out in.
func (d *Downlink) repairing() *rtc.Outbound {
	for _, s := range d.senders {
		if s.out.CanRepair() {
			return s.out
		}
	}
	return nil
}
