package sfu

import (
	"time"

	"github.com/pion/rtcp"

	"github.com/tuttilive/tutti/internal/media"
)

// stream is the sink of one SSRC. Its methods but look and askKeyframe are called on the peer's reader goroutine.
type stream struct {
	receiver *Receiver
	intake   *intake
	from     publisher
	ssrc     uint32
	canNack  bool
	batch    []*media.Packet // until Flush
	kept     []*media.Packet // of a batch, with what was restored; empty outside of Flush

	// Guarded by the intake's lock.
	reception reception
	reportAt  time.Duration
}

func (st *stream) Packet(p *media.Packet) { st.batch = append(st.batch, p) }

// Flush takes the batch into the layer.
func (st *stream) Flush() {
	if len(st.batch) == 0 {
		return
	}
	in := st.intake
	now := st.batch[len(st.batch)-1].Arrival
	rtt := st.from.RTT()

	in.mu.Lock()
	kept := st.kept[:0]
	lost, keyframe := false, false
	for _, p := range st.batch {
		if in.source != st {
			break // another SSRC has taken over
		}
		if p.RED != nil {
			kept = in.restore(kept, p, &st.reception, st.canNack)
		}
		keep, gone := in.take(p, &st.reception, st.canNack)
		lost = lost || gone
		if keep {
			kept = append(kept, p)
			keyframe = keyframe || p.Start && p.Keyframe
		}
	}
	var space [32]uint16
	missing, gone := in.missing(space[:0], now, rtt)
	in.count(kept, len(missing))
	in.mu.Unlock()

	if keyframe {
		in.keyframeCame()
	}
	for _, p := range kept {
		in.layer.Write(p)
	}
	if len(kept) > 0 {
		in.layer.Flush()
	}
	clear(st.batch)
	clear(kept)
	st.batch, st.kept = st.batch[:0], kept[:0]
	st.askPackets(missing)
	if (lost || gone) && in.wantKeyframe(now) {
		st.askKeyframe()
	}
}

func (st *stream) SenderReport(ntp uint64, timestamp uint32, arrival time.Duration) {
	in := st.intake
	in.mu.Lock()
	st.reception.senderReport(ntp, arrival)
	current := in.source == st && in.timeline.started
	timestamp = in.timeline.late(timestamp)
	in.mu.Unlock()
	if current {
		in.layer.SenderReport(ntp, timestamp, arrival)
	}
}

func (st *stream) Closed() { st.receiver.ended(st) }

// look does what is due by time. It is called by the caretaker.
func (st *stream) look(now time.Duration) {
	in := st.intake
	rtt := st.from.RTT()
	var space [32]uint16
	var report *rtcp.ReceiverReport

	in.mu.Lock()
	if in.source != st {
		in.mu.Unlock()
		return
	}
	missing, lost := in.missing(space[:0], now, rtt)
	in.count(nil, len(missing))
	if now >= st.reportAt && st.reception.started {
		st.reportAt = now + reportInterval
		report = &rtcp.ReceiverReport{Reports: []rtcp.ReceptionReport{st.reception.report(st.ssrc, now)}}
		in.countReported(&st.reception)
	}
	in.mu.Unlock()

	st.askPackets(missing)
	if report != nil {
		st.from.SendRTCP(report)
	}
	if in.codec.Kind() == media.Video && (lost && in.wantKeyframe(now) || in.keyframeDue(now, rtt)) {
		st.askKeyframe()
	}
}

func (st *stream) askPackets(seqs []uint16) {
	if len(seqs) > 0 {
		st.from.SendRTCP(&rtcp.TransportLayerNack{
			MediaSSRC: st.ssrc,
			Nacks:     rtcp.NackPairsFromSequenceNumbers(seqs),
		})
	}
}

func (st *stream) askKeyframe() {
	st.intake.countKeyframeWanted()
	st.from.SendRTCP(&rtcp.PictureLossIndication{MediaSSRC: st.ssrc})
}
