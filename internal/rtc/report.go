package rtc

import (
	"time"

	"github.com/pion/rtcp"

	"github.com/tuttilive/tutti/internal/rtc/remb"
	"github.com/tuttilive/tutti/internal/rtc/twcc"
)

// reportInterval is how often a peer hears of its packets' arrival, when some came.
const reportInterval = 50 * time.Millisecond

// note records a packet for transport-wide feedback.
func (rx *receiving) note(r *reader, p *Peer, seq uint16) {
	if rx.arrivals == nil {
		rx.arrivals = new(twcc.Recorder)
	}
	rx.arrivals.Note(seq, r.came())
	rx.owe(r, p)
}

// bound records a packet of a remote that wants to be told how much it may send.
func (rx *receiving) bound(r *reader, p *Peer, src *source, timestamp uint32, size int) {
	if rx.bounds == nil {
		rx.bounds = new(remb.Estimator)
	}
	rx.bounds.Note(src.ssrc, timestamp, src.format.codec.ClockRate(), size, r.came())
	rx.owe(r, p)
}

// owe queues the peer for a report.
func (rx *receiving) owe(r *reader, p *Peer) {
	if !rx.reporting {
		rx.reporting = true
		r.reports.peers = append(r.reports.peers, p)
		r.shard.reporting.Store(true)
	}
}

// sendBound tells the remote how much it may send, when that is due.
func (rx *receiving) sendBound(p *Peer, now time.Duration) {
	rate, ok := rx.bounds.Due(now)
	if !ok {
		return
	}
	raw, err := rtcp.Marshal([]rtcp.Packet{&rtcp.ReceiverEstimatedMaximumBitrate{
		SenderSSRC: p.ssrc, Bitrate: float32(rate), SSRCs: rx.bounds.SSRCs(nil, now),
	}})
	if err == nil {
		p.postControl(raw)
	}
}

// reportQueue lists the peers that are owed feedback. It belongs to the reader.
type reportQueue struct {
	peers []*Peer
	next  time.Duration
}

// flush sends the feedback that is due. The endpoint's ticker sees to it that this is looked at even if nothing comes.
func (q *reportQueue) flush(r *reader) {
	if len(q.peers) == 0 || r.now < q.next {
		return
	}
	q.next = r.now + reportInterval
	for i, p := range q.peers {
		q.peers[i] = nil
		rx := &p.rx
		rx.reporting = false
		if rx.closed {
			continue
		}
		if rx.bounds != nil {
			rx.sendBound(p, r.now)
		}
		var raw []byte
		for rx.arrivals != nil && rx.arrivals.Pending() {
			raw = rx.arrivals.Append(raw[:0:0], p.ssrc, rx.media)
			if len(raw) > 0 {
				p.postControl(raw)
			}
		}
	}
	q.peers = q.peers[:0]
	r.shard.reporting.Store(false)
}
