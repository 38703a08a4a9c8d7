package sfu

import (
	"math"
	"time"

	"github.com/tuttilive/tutti/internal/media"
)

// accountInterval is how often a sender's figures are added to those of all: not for each batch, where it would be felt.
const accountInterval = time.Second

// account is what of a sender's figures has been added to those of all. It is owned by the shard's sender goroutine.
type account struct {
	at                                                time.Duration
	packets, bytes, repaired, nacked, keyframesWanted uint64
}

// accountLater adds up when it is time to.
func (s *Sender) accountLater(now time.Duration) {
	if now-s.accounted.at >= accountInterval {
		s.account(now)
	}
}

// account adds what went out since the last time to the totals, and finds the bit rate.
func (s *Sender) account(now time.Duration) {
	before, c := s.accounted, &s.counts
	is := account{
		at: now, packets: c.packets.Load(), bytes: c.bytes.Load(), repaired: c.repaired.Load(), nacked: c.nacked.Load(),
		keyframesWanted: c.keyframesWanted.Load(),
	}
	s.accounted = is
	t := &totals.out[s.codec.Kind()]
	t.packets.Add(is.packets - before.packets)
	t.bytes.Add(is.bytes - before.bytes)
	t.repaired.Add(is.repaired - before.repaired)
	t.nacked.Add(is.nacked - before.nacked)
	t.keyframesWanted.Add(is.keyframesWanted - before.keyframesWanted)
	if passed := (now - before.at).Seconds(); before.at > 0 && passed > 0 {
		c.bitrate.Store(int64(float64(is.bytes-before.bytes) * 8 / passed))
	}
}

// allowed notes the largest layer that there is room for.
func (s *Sender) allowed(limit int) {
	if (limit == suspended) != (s.limit == suspended) {
		change := int64(-1)
		if limit == suspended {
			change = 1
		}
		totals.suspended.Add(change)
	}
	s.limit = limit
	s.counts.suspended.Store(limit == suspended)
}

// account adds what is known of the way to the figures of all.
func (d *Downlink) account(now time.Duration) {
	d.accounted = now
	rate := d.estimator.Rate()
	d.estimate.Store(int64(rate))
	d.loss.Store(math.Float64bits(d.estimator.Loss()))
	d.noteFull(d.limited(now))
	if d.Full() {
		totals.estimate.Observe(rate)
	}
}

func (d *Downlink) noteFull(full bool) {
	switch before := d.full.Swap(full); {
	case full && !before:
		totals.full.Add(1)
	case !full && before:
		totals.full.Add(-1)
	}
}

// count adds a batch to the figures of a layer: the packets that were kept, and how many were asked for again. The caller
// holds the lock.
func (in *intake) count(kept []*media.Packet, nacked int) {
	t, c := &totals.in[in.codec.Kind()], &in.counts
	if nacked > 0 {
		c.nacked += uint64(nacked)
		t.nacked.Add(uint64(nacked))
	}
	if len(kept) == 0 {
		return
	}
	var bytes, repaired, keyframes uint64
	for _, p := range kept {
		bytes += uint64(len(p.Payload))
		if p.Repaired {
			repaired++
		}
		if p.Start && p.Keyframe {
			keyframes++
		}
	}
	c.packets += uint64(len(kept))
	c.bytes += bytes
	t.packets.Add(uint64(len(kept)))
	t.bytes.Add(bytes)
	if repaired > 0 {
		c.repaired += repaired
		t.repaired.Add(repaired)
	}
	if keyframes > 0 && in.codec.Kind() == media.Video {
		c.keyframes += keyframes
		t.keyframes.Add(keyframes)
	}
}

// countReported adds what a report was just made of. The caller holds the lock.
func (in *intake) countReported(r *reception) {
	t, c := &totals.in[in.codec.Kind()], &in.counts
	if r.expected == 0 {
		return
	}
	c.lost += r.lost
	c.lossShare = float64(r.lost) / float64(r.expected)
	t.lost.Add(r.lost)
	t.lossShare.Observe(c.lossShare)
	t.jitter.Observe(r.jitter / float64(r.clockRate))
}

func (in *intake) countKeyframeWanted() {
	in.mu.Lock()
	in.counts.keyframesWanted++
	in.mu.Unlock()
	totals.in[in.codec.Kind()].keyframesWanted.Add(1)
}

// Stats tells what comes in, layer by layer from small to large.
func (r *Receiver) Stats() []LayerStats {
	t := r.Track()
	if t == nil {
		return nil
	}
	now := media.Now()
	intakes := r.all()
	var all []LayerStats
	for _, l := range t.Layers() {
		s := LayerStats{RID: l.RID(), Codec: t.Info().Codec, Active: l.Active(now), Bitrate: l.BitrateAt(now)}
		if t.Info().Kind == media.Video {
			s.FPS = l.FPSAt(now)
		}
		s.Width, s.Height = l.Size()
		for _, in := range intakes {
			if in.layer == l {
				in.describe(&s)
			}
		}
		all = append(all, s)
	}
	return all
}

func (in *intake) describe(s *LayerStats) {
	in.mu.Lock()
	defer in.mu.Unlock()
	c := &in.counts
	s.Packets, s.Bytes, s.Lost, s.Repaired, s.Nacked = c.packets, c.bytes, c.lost, c.repaired, c.nacked
	s.KeyframesWanted, s.Keyframes, s.LossShare = c.keyframesWanted, c.keyframes, c.lossShare
	s.Redundant = c.redundant
	s.Freezes, s.Frozen = in.freezes.count, in.freezes.sum
	if in.source != nil {
		s.Jitter = time.Duration(in.source.reception.jitter / float64(in.codec.ClockRate()) * float64(time.Second))
	}
}
