package rtc

import (
	"time"

	"github.com/tuttilive/tutti/internal/rtc/twcc"
)

// reportInterval is how often a peer hears of its packets' arrival, when some came.
const reportInterval = 50 * time.Millisecond

// note records a packet for transport-wide feedback.
func (rx *receiving) note(r *reader, p *Peer, seq uint16) {
	if rx.arrivals == nil {
		rx.arrivals = new(twcc.Recorder)
	}
	rx.arrivals.Note(seq, r.now)
	if !rx.reporting {
		rx.reporting = true
		r.reports.peers = append(r.reports.peers, p)
		r.shard.reporting.Store(true)
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
		var raw []byte
		for rx.arrivals.Pending() {
			raw = rx.arrivals.Append(raw[:0:0], p.ssrc, rx.media)
			if len(raw) > 0 {
				p.postControl(raw)
			}
		}
	}
	q.peers = q.peers[:0]
	r.shard.reporting.Store(false)
}
