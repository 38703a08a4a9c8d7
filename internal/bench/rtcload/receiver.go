package rtcload

import (
	"encoding/binary"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"github.com/tuttilive/tutti/internal/bench"
	"github.com/tuttilive/tutti/internal/rtc/twcc"
)

const (
	// stallAfter is how long a picture may take to follow the one before until it counts as a stall.
	stallAfter = 300 * time.Millisecond
	// reportInterval is how often libwebrtc's receiver reports, and sends REMB where the server wants that.
	reportInterval = time.Second
	// decryptEach is which packets are decrypted, besides those that begin a picture: enough to see that all could be.
	decryptEach = 8
	// maxMissing bounds the packets that a stream asks for, maxRequests how often it asks for one.
	maxMissing, maxRequests = 64, 5
	// carries is what REMB tells: more than is ever sent.
	carries = 50e6

	receiverSSRC = 1
)

// Tally is what receivers counted.
type Tally struct {
	Packets, Bytes, Lost, Stalls, Repaired, Undecryptable uint64
}

func (t *Tally) add(o Tally) {
	t.Packets += o.Packets
	t.Bytes += o.Bytes
	t.Lost += o.Lost
	t.Stalls += o.Stalls
	t.Repaired += o.Repaired
	t.Undecryptable += o.Undecryptable
}

// times are what all receivers of a run gather together: how old media was when it came, and how long after joining the
// first picture came; and how late the pictures of the publishers left.
type times struct{ age, first, late bench.Latencies }

// receiver is what a client does with the media that comes on one transport. Packets are taken on the reading goroutine;
// what is sent back on time comes from the pacemaker.
type receiver struct {
	times  *times
	asked  time.Time
	agreed atomic.Pointer[agreement]

	mu        sync.Mutex
	transport *transport // nil until connected
	tally     Tally
	recorder  twcc.Recorder
	started   time.Time
	streams   map[uint32]*stream
	last      *stream
	first     bool
	told      time.Time
	plain     []byte
	report    []byte
	header    rtp.Header
}

// stream is one source that comes.
type stream struct {
	ssrc      uint32
	kind      payloadKind
	began     bool
	highest   uint32 // extended sequence number
	missing   []missing
	timestamp uint32
	frameAt   time.Time
	reportNTP uint32
	reportAt  time.Time
}

type missing struct {
	seq   uint16
	asked int
}

func newReceiver(t *times) *receiver {
	now := time.Now()
	return &receiver{times: t, asked: now, started: now, told: now, streams: map[uint32]*stream{}}
}

// packet takes one packet, encrypted, that came now.
func (r *receiver) packet(t *transport, b []byte, now time.Time) {
	if isControl(b) {
		r.control(t, b, now)
		return
	}
	agreed := r.agreed.Load()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.transport = t
	r.tally.Packets++
	r.tally.Bytes += uint64(len(b))
	kind := agreed.kinds[b[1]&0x7f]
	seq, timestamp, ssrc := binary.BigEndian.Uint16(b[2:]), binary.BigEndian.Uint32(b[4:]), binary.BigEndian.Uint32(b[8:])
	if number, ok := sequenceNumber(b, agreed.sequence); ok {
		r.recorder.Note(number, now.Sub(r.started))
	}
	if kind == repairPayload {
		if plain := r.decrypt(t, b); len(plain) > 2 {
			r.repaired(binary.BigEndian.Uint16(plain))
		}
		return
	}
	st := r.stream(ssrc, kind)
	r.tally.Lost += st.note(seq)
	begins := kind == videoPayload && timestamp != st.timestamp
	st.timestamp = timestamp
	if begins {
		r.picture(st, now)
	}
	if begins || seq%decryptEach == 0 {
		if age, ok := bench.Age(r.decrypt(t, b), now); ok {
			r.times.age.Add(age)
		}
	}
}

// decrypt gives a packet's payload; nil when it is not authentic.
func (r *receiver) decrypt(t *transport, b []byte) []byte {
	plain, err := t.in.DecryptRTP(r.plain[:0], b, &r.header)
	if err != nil {
		r.tally.Undecryptable++
		return nil
	}
	r.plain = plain
	return plain[r.header.MarshalSize():]
}

func (r *receiver) stream(ssrc uint32, kind payloadKind) *stream {
	if r.last == nil || r.last.ssrc != ssrc {
		r.last = r.streams[ssrc]
		if r.last == nil {
			r.last = &stream{ssrc: ssrc, kind: kind}
			r.streams[ssrc] = r.last
		}
	}
	return r.last
}

// note counts a packet in and tells how many are missing before it, or that one less is.
func (s *stream) note(seq uint16) (lost uint64) {
	if !s.began {
		s.began, s.highest = true, uint32(seq)
		return 0
	}
	step := int16(seq - uint16(s.highest))
	if step <= 0 {
		return s.found(seq)
	}
	for n := uint16(s.highest) + 1; n != seq; n++ {
		if len(s.missing) < maxMissing {
			s.missing = append(s.missing, missing{seq: n})
		}
	}
	s.highest += uint32(step)
	return uint64(step - 1)
}

// found takes a packet off those that are missing, and gives minus one if it was.
func (s *stream) found(seq uint16) uint64 {
	for i, m := range s.missing {
		if m.seq == seq {
			s.missing = append(s.missing[:i], s.missing[i+1:]...)
			return ^uint64(0)
		}
	}
	return 0
}

func (r *receiver) repaired(seq uint16) {
	for _, s := range r.streams {
		if s.kind == videoPayload && s.found(seq) != 0 {
			r.tally.Lost--
			r.tally.Repaired++
			return
		}
	}
}

// picture notes that a picture began.
func (r *receiver) picture(s *stream, now time.Time) {
	if !r.first {
		r.first = true
		r.times.first.Add(now.Sub(r.asked))
	}
	if !s.frameAt.IsZero() && now.Sub(s.frameAt) > stallAfter {
		r.tally.Stalls++
	}
	s.frameAt = now
}

// control notes sender reports, by which the server measures the round trip.
func (r *receiver) control(t *transport, b []byte, now time.Time) {
	raw, err := t.in.DecryptRTCP(nil, b, nil)
	if err != nil {
		return
	}
	packets, err := rtcp.Unmarshal(raw)
	if err != nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.transport = t
	for _, p := range packets {
		if sr, ok := p.(*rtcp.SenderReport); ok {
			if s := r.streams[sr.SSRC]; s != nil {
				s.reportNTP, s.reportAt = uint32(sr.NTPTime>>16), now
			}
		}
	}
}

// tell sends back what a browser would by now.
func (r *receiver) tell(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.transport
	if t == nil {
		return
	}
	for r.last != nil && r.recorder.Pending() {
		r.report = r.recorder.Append(r.report[:0], receiverSSRC, r.last.ssrc)
		if len(r.report) > 0 {
			t.sendRawRTCP(r.report)
		}
	}
	r.nack(t)
	if now.Sub(r.told) >= reportInterval {
		r.told = now
		r.reportAll(t, now)
	}
}

func (r *receiver) nack(t *transport) {
	for _, s := range r.streams {
		if len(s.missing) == 0 || s.kind != videoPayload {
			continue
		}
		var seqs []uint16
		kept := s.missing[:0]
		for _, m := range s.missing {
			if m.asked < maxRequests {
				m.asked++
				seqs = append(seqs, m.seq)
				kept = append(kept, m)
			}
		}
		s.missing = kept
		if len(seqs) > 0 {
			t.sendRTCP(&rtcp.TransportLayerNack{SenderSSRC: receiverSSRC, MediaSSRC: s.ssrc, Nacks: rtcp.NackPairsFromSequenceNumbers(seqs)})
		}
	}
}

func (r *receiver) reportAll(t *transport, now time.Time) {
	rr := &rtcp.ReceiverReport{SSRC: receiverSSRC}
	var ssrcs []uint32
	for ssrc, s := range r.streams {
		block := rtcp.ReceptionReport{SSRC: ssrc, LastSequenceNumber: s.highest}
		if s.reportNTP != 0 {
			block.LastSenderReport, block.Delay = s.reportNTP, uint32(now.Sub(s.reportAt)*65536/time.Second)
		}
		if len(rr.Reports) < 31 {
			rr.Reports = append(rr.Reports, block)
		}
		ssrcs = append(ssrcs, ssrc)
	}
	packets := []rtcp.Packet{rr}
	if a := r.agreed.Load(); a.estimate && a.sequence == 0 {
		packets = append(packets, &rtcp.ReceiverEstimatedMaximumBitrate{SenderSSRC: receiverSSRC, Bitrate: carries, SSRCs: ssrcs})
	}
	t.sendRTCP(packets...)
}

// counted is what came by now.
func (r *receiver) counted() Tally {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.tally
}

// sequenceNumber finds a packet's transport-wide number among its header extensions (RFC 8285, section 4.2).
func sequenceNumber(b []byte, id uint8) (uint16, bool) {
	at := 12 + 4*int(b[0]&15)
	if id == 0 || b[0]&0x10 == 0 || len(b) < at+4 || binary.BigEndian.Uint16(b[at:]) != 0xBEDE {
		return 0, false
	}
	end := at + 4 + 4*int(binary.BigEndian.Uint16(b[at+2:]))
	if end > len(b) {
		return 0, false
	}
	for at += 4; at < end; {
		size := int(b[at]&15) + 1
		switch {
		case b[at] == 0:
			at++
		case b[at]>>4 == id && size == 2 && at+3 <= end:
			return binary.BigEndian.Uint16(b[at+1:]), true
		default:
			at += 1 + size
		}
	}
	return 0, false
}

// pacemaker lets many receivers send feedback at their own times without a timer for each.
type pacemaker struct {
	interval time.Duration // between two reports of one receiver

	mu        sync.Mutex
	receivers []*receiver
}

// pace is the pacemaker's own tick.
const pace = 5 * time.Millisecond

func (p *pacemaker) add(r *receiver) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.receivers = append(p.receivers, r)
}

// run ends when stop is closed.
func (p *pacemaker) run(stop <-chan struct{}) {
	ticker := time.NewTicker(pace)
	defer ticker.Stop()
	slots := max(1, int(p.interval/pace))
	for slot := 0; ; slot = (slot + 1) % slots {
		select {
		case <-stop:
			return
		case <-ticker.C:
		}
		p.mu.Lock()
		all := p.receivers
		p.mu.Unlock()
		for i := slot; i < len(all); i += slots {
			all[i].tell(time.Now())
		}
	}
}

// counted adds up what all receivers counted.
func (p *pacemaker) counted() (sum Tally) {
	p.mu.Lock()
	all := p.receivers
	p.mu.Unlock()
	for _, r := range all {
		sum.add(r.counted())
	}
	return sum
}
