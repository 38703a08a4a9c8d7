package sctp

import (
	"encoding/binary"
	"slices"
	"time"
)

// Reliability is what a message's sender promises. The zero value is ordered and reliable.
type Reliability struct {
	Unordered bool
	// Limited gives the message up after so many retransmissions of a part of it.
	Limited         bool
	Retransmissions uint32
	// Lifetime, when not 0, gives it up when it has not arrived by then.
	Lifetime time.Duration
}

const (
	// Retransmission timeouts (RFC 9260, section 6.3.1). The least is above what acknowledgements wait. ICE looks whether the
	// remote is there, so there is no point in waiting for long: a way that comes back is to be used soon.
	firstTimeout = 500 * time.Millisecond
	leastTimeout = 300 * time.Millisecond
	mostTimeout  = 3 * time.Second
	// missingReports is how often a chunk is reported missing before it counts as lost.
	missingReports = 3
	// renegeAfter is the number of timeouts in a row after which acknowledged chunks above a hole are sent again, should the remote
	// have thrown them away (RFC 9260, section 6.2).
	renegeAfter = 3
	// firstWindow is how many packets are sent at first (as RFC 6928 has it for TCP, and libwebrtc for SCTP).
	firstWindow = 10
)

// message is one that we send.
type message struct {
	stream  *stream
	ppid    uint32
	data    []byte
	cut     int // how much of it has been sent
	left    int // bytes that are not acknowledged
	ssn     uint16
	rules   Reliability
	expires time.Duration
	gone    bool // given up
}

func newMessage(s *stream, ppid uint32, data []byte, r Reliability, now time.Duration) *message {
	m := &message{stream: s, ppid: ppid, data: data, left: len(data), rules: r, expires: Never}
	if r.Lifetime > 0 {
		m.expires = now + r.Lifetime
	}
	return m
}

// sentChunk is a part of a message that has a TSN.
type sentChunk struct {
	*message
	from, to int
	at       time.Duration // of the last time that it was sent
	times    uint16
	missing  uint8 // reports in a row
	fate     fate
}

type fate uint8

const (
	inFlight fate = iota
	lost
	arrived
	abandoned
)

func (c *sentChunk) size() int { return c.to - c.from }

// sending is the state of our direction.
type sending struct {
	acked uint32 // all up to this TSN have arrived, or have been given up
	// sent are the chunks after it, one for each TSN.
	sent   []sentChunk
	flight int // bytes on their way
	losses int // chunks in sent that are lost

	ready []*stream // streams with something to send, whose turn it is first

	congestion
	rtt
	retransmitAt time.Duration
	timeouts     int // in a row

	forwardTo uint32 // what the remote is told to do without, acked when there is nothing
	forwarded time.Duration
	forward   bool // it has to be told
}

func newSending(first uint32, mtu int) sending {
	return sending{
		acked: first - 1, forwardTo: first - 1, retransmitAt: Never, congestion: congestion{window: firstWindow * mtu}, rtt: rtt{timeout: firstTimeout},
	}
}

// congestion is how much may be in flight (RFC 9260, section 7.2). Windows are in bytes.
type congestion struct {
	window, threshold int
	partial           int // acknowledged since the window last grew
	peerWindow        int // what the remote has said that it takes
	recovering        bool
	recoverTo         uint32
	urgent            bool // one packet of lost chunks leaves whatever the window is
}

// enqueue lets a message wait for its turn.
func (a *Association) enqueue(s *stream, m *message) {
	s.queue = append(s.queue, m)
	s.buffered += len(m.data)
	if len(s.queue) == 1 {
		a.ready = append(a.ready, s)
	}
}

// writeData sends what is lost, and then what is new, as far as the windows allow.
func (a *Association) writeData(now time.Duration) {
	for i := 0; i < len(a.sent) && a.losses > 0; i++ {
		c := &a.sent[i]
		if c.fate != lost {
			continue
		}
		if now >= c.expires && a.forwards {
			a.abandon(c.message, now)
			continue
		}
		if a.flight >= a.congestion.window && !a.urgent {
			break
		}
		a.urgent = a.urgent && a.out.room() >= dataHeader+c.size()
		c.fate, c.missing = inFlight, 0
		a.losses--
		a.put(c, a.acked+1+uint32(i), now)
	}
	a.urgent = false
	for a.flight < a.congestion.window {
		m := a.turn(now)
		if m == nil {
			break
		}
		size := min(len(m.data)-m.cut, (a.cfg.MTU-headerSize-chunkHeader-dataHeader)&^3)
		// A window that is shut is tried with one chunk (RFC 9260, section 6.1).
		if a.flight > 0 && a.flight+size > a.peerWindow {
			break
		}
		if m.cut == 0 && !m.rules.Unordered {
			m.ssn = m.stream.ssn
			m.stream.ssn++
		}
		a.sent = append(a.sent, sentChunk{message: m, from: m.cut, to: m.cut + size})
		m.cut += size
		a.put(&a.sent[len(a.sent)-1], a.acked+uint32(len(a.sent)), now)
		if m.cut == len(m.data) {
			a.finished(m.stream)
		}
	}
}

// turn is the message that a chunk is taken from next: messages stay whole, since the chunks of one have to follow each other, and
// streams take turns.
func (a *Association) turn(now time.Duration) *message {
	for len(a.ready) > 0 {
		m := a.ready[0].queue[0]
		if m.cut > 0 || now < m.expires {
			return m
		}
		a.drop(m)
		a.finished(m.stream)
	}
	return nil
}

// finished takes the first message off its stream's queue; it is the next stream's turn.
func (a *Association) finished(s *stream) {
	s.queue[0] = nil
	s.queue = s.queue[1:]
	a.ready = slices.DeleteFunc(a.ready, func(r *stream) bool { return r == s })
	if len(s.queue) > 0 {
		a.ready = append(a.ready, s)
	} else {
		s.queue = nil
	}
	if len(a.ready) == 0 {
		a.ready = nil
	}
}

// drop forgets what is left of a message.
func (a *Association) drop(m *message) {
	m.gone = true
	m.stream.buffered -= m.left
	m.left = 0
	a.resets.due = a.resets.due || m.stream.closing
}

// put writes a chunk and takes note of it.
func (a *Association) put(c *sentChunk, tsn uint32, now time.Duration) {
	var flags uint8
	if c.from == 0 {
		flags |= flagBeginning
	}
	if c.to == len(c.data) {
		flags |= flagEnd
	}
	if c.rules.Unordered {
		flags |= flagUnordered
	}
	b := a.out.chunk(kindData, flags, dataHeader+c.size())
	binary.BigEndian.PutUint32(b, tsn)
	binary.BigEndian.PutUint16(b[4:], c.stream.id)
	binary.BigEndian.PutUint16(b[6:], c.ssn)
	binary.BigEndian.PutUint32(b[8:], c.ppid)
	copy(b[dataHeader:], c.data[c.from:c.to])
	c.at = now
	c.times++
	a.flight += c.size()
}

// armRetransmission sees to it that the timer runs while something is on its way.
func (a *Association) armRetransmission(now time.Duration) {
	switch {
	case len(a.sent) == 0:
		a.retransmitAt = Never
	case a.retransmitAt == Never:
		a.retransmitAt = now + a.timeout
	}
}

// retransmit takes everything as lost that is on its way: no answer has come for too long (RFC 9260, section 6.3.3).
func (a *Association) retransmit(now time.Duration) {
	a.timeouts++
	a.timeout = min(2*a.timeout, mostTimeout)
	a.retransmitAt = Never
	a.threshold, a.congestion.window, a.partial = max(a.congestion.window/2, 4*a.cfg.MTU), a.cfg.MTU, 0
	a.recovering = false
	for i := range a.sent {
		c := &a.sent[i]
		if c.fate == arrived && a.timeouts > renegeAfter {
			c.fate = lost
			c.left += c.size()
			c.stream.buffered += c.size()
			a.losses++
		}
		if c.fate == inFlight {
			a.lose(c, now)
		}
	}
	a.advanceForward()
	a.forward = a.forwardTo != a.acked
}

// lose takes note that a chunk has not arrived.
func (a *Association) lose(c *sentChunk, now time.Duration) {
	a.flight -= c.size()
	c.fate = lost
	a.losses++
	if a.forwards && (c.rules.Limited && uint32(c.times) > c.rules.Retransmissions || now >= c.expires) {
		a.abandon(c.message, now)
	}
}

// abandon gives a message up (RFC 3758, section 3.5).
func (a *Association) abandon(m *message, now time.Duration) {
	for i := range a.sent {
		c := &a.sent[i]
		if c.message != m {
			continue
		}
		switch c.fate {
		case lost:
			a.losses--
		case inFlight:
			a.flight -= c.size()
		}
		c.fate = abandoned // what has arrived is of no use without the rest
	}
	if m.cut < len(m.data) {
		m.cut = len(m.data)
		a.finished(m.stream)
	}
	a.drop(m)
	a.advanceForward()
}

// advanceForward finds out what the remote can be told to do without.
func (a *Association) advanceForward() {
	if after(a.acked, a.forwardTo) {
		a.forwardTo = a.acked
	}
	for i := int(a.forwardTo - a.acked); i < len(a.sent) && a.sent[i].fate == abandoned; i++ {
		a.forwardTo++
		a.forward = true
	}
}

// writeForward tells the remote not to wait for what was given up.
func (a *Association) writeForward(now time.Duration) {
	n := int(a.forwardTo - a.acked)
	if n <= 0 || !a.forward && now-a.forwarded < a.srtt+a.srtt/2 {
		return
	}
	a.forward, a.forwarded = false, now
	var skipped []byte
	seen := func(id uint16) []byte {
		for at := 0; at < len(skipped); at += 4 {
			if binary.BigEndian.Uint16(skipped[at:]) == id {
				return skipped[at+2:]
			}
		}
		return nil
	}
	for i := range a.sent[:n] {
		c := &a.sent[i]
		if c.rules.Unordered {
			continue
		}
		if entry := seen(c.stream.id); entry != nil {
			binary.BigEndian.PutUint16(entry, c.ssn) // they come in order
			continue
		}
		skipped = binary.BigEndian.AppendUint16(skipped, c.stream.id)
		skipped = binary.BigEndian.AppendUint16(skipped, c.ssn)
	}
	b := a.out.chunk(kindForward, 0, 4+len(skipped))
	binary.BigEndian.PutUint32(b, a.forwardTo)
	copy(b[4:], skipped)
}

// rtt estimates the round-trip time (RFC 9260, section 6.3.1).
type rtt struct {
	srtt, deviation, timeout time.Duration
}

func (r *rtt) measured(d time.Duration) {
	if r.srtt == 0 {
		r.srtt, r.deviation = d, d/2
	} else {
		r.deviation += (max(d-r.srtt, r.srtt-d) - r.deviation) / 4
		r.srtt += (d - r.srtt) / 8
	}
	r.timeout = min(max(r.srtt+4*r.deviation, leastTimeout), mostTimeout)
}
