package sctp

import (
	"encoding/binary"
	"slices"
	"sort"
	"time"
)

const (
	// ackDelay is how long an acknowledgement may wait for a second packet (RFC 9260, section 6.2).
	ackDelay = 200 * time.Millisecond
	// overhead is what keeping a chunk or message counts beside its bytes. It is more than the memory that it takes: who sends a byte a
	// chunk makes work with each of those that are there.
	overhead = 256
	// maxAhead is how far beyond the first missing TSN others are taken, and maxGaps how many holes there may be.
	maxAhead = 1 << 14
	maxGaps  = 256
)

// receiving is the state of the remote's direction.
type receiving struct {
	cumulative uint32 // all up to this TSN have come
	gaps       []span // what has come above it, in order
	chunks     []part // parts of messages that are not complete, by TSN

	held       int // bytes of the window that are taken
	unread     int // of those, in messages that have been given out
	advertised int // what the remote was last told of the window

	unacked  int // packets with data that were not acknowledged
	came     bool
	ackNow   bool
	ackAt    time.Duration
	hasAcked bool
}

// span are TSNs from first to last.
type span struct{ first, last uint32 }

// part is a chunk of a message.
type part struct {
	tsn         uint32
	stream, ssn uint16
	ppid        uint32
	flags       uint8
	// run is how many bytes there are from the message's beginning up to and with this part, 0 when some are missing.
	run  int
	data []byte
}

// follows tells whether a part continues the message that another is of.
func (p *part) follows(before *part) bool {
	return p.tsn == before.tsn+1 && before.flags&flagEnd == 0 && p.flags&flagBeginning == 0 &&
		p.stream == before.stream && p.ssn == before.ssn && (p.flags^before.flags)&flagUnordered == 0
}

// complete is a whole message.
type complete struct {
	ssn  uint16
	ppid uint32
	data []byte
}

func (a *Association) handleData(c chunk) bool {
	if len(c.body) <= dataHeader {
		a.out.chunk(kindAbort, 0, 0) // RFC 9260, section 6.2: a message has bytes
		a.end()
		return false
	}
	p := part{
		tsn: binary.BigEndian.Uint32(c.body), stream: binary.BigEndian.Uint16(c.body[4:]), ssn: binary.BigEndian.Uint16(c.body[6:]),
		ppid: binary.BigEndian.Uint32(c.body[8:]), flags: c.flags,
	}
	payload := c.body[dataHeader:]
	a.came = true
	a.ackNow = a.ackNow || c.flags&flagImmediate != 0
	if a.has(p.tsn) {
		a.ackNow = true
		return true
	}
	if !a.fits(p.tsn, len(payload)+overhead) || p.tsn-a.cumulative > maxAhead || !a.note(p.tsn) {
		a.ackNow = true
		return true
	}
	s := a.stream(p.stream)
	if s == nil || s.refused {
		return true // it has come, and is thrown away
	}
	p.data = slices.Clone(payload)
	a.held += len(p.data) + overhead
	if p.flags&(flagBeginning|flagEnd) == flagBeginning|flagEnd {
		a.deliver(s, &p, p.data)
		return true
	}
	a.assemble(s, p)
	return true
}

// fits tells whether there is room for a chunk. A window that is full must not keep out what the rest waits for, unless it is full of
// what has been given out.
func (a *Association) fits(tsn uint32, size int) bool {
	limit := a.cfg.Window
	if tsn == a.cumulative+1 && a.unread == 0 {
		limit += a.cfg.MaxMessage
	}
	return a.held+size <= limit
}

// has tells whether a TSN has come before.
func (r *receiving) has(tsn uint32) bool {
	if !after(tsn, r.cumulative) {
		return true
	}
	for _, g := range r.gaps {
		if !after(g.first, tsn) && !after(tsn, g.last) {
			return true
		}
	}
	return false
}

// note takes a TSN that has not come before as come. It is false when there are too many holes.
func (r *receiving) note(tsn uint32) bool {
	if tsn == r.cumulative+1 {
		r.cumulative = tsn
		r.closeGap()
		return true
	}
	i := sort.Search(len(r.gaps), func(i int) bool { return after(r.gaps[i].first, tsn) })
	before, behind := i > 0 && r.gaps[i-1].last+1 == tsn, i < len(r.gaps) && tsn+1 == r.gaps[i].first
	switch {
	case before && behind:
		r.gaps[i-1].last = r.gaps[i].last
		r.gaps = slices.Delete(r.gaps, i, i+1)
	case before:
		r.gaps[i-1].last = tsn
	case behind:
		r.gaps[i].first = tsn
	case len(r.gaps) >= maxGaps:
		return false
	default:
		r.gaps = slices.Insert(r.gaps, i, span{tsn, tsn})
	}
	return true
}

// closeGap takes the spans that the cumulative TSN has reached.
func (r *receiving) closeGap() {
	for len(r.gaps) > 0 && !after(r.gaps[0].first, r.cumulative+1) {
		if after(r.gaps[0].last, r.cumulative) {
			r.cumulative = r.gaps[0].last
		}
		r.gaps = r.gaps[1:]
	}
	if len(r.gaps) == 0 {
		r.gaps = nil
	}
}

// assemble puts a part beside the others of its message, and delivers the message if that completes it.
func (a *Association) assemble(s *stream, p part) {
	i := sort.Search(len(a.chunks), func(i int) bool { return after(a.chunks[i].tsn, p.tsn) })
	a.chunks = slices.Insert(a.chunks, i, p)
	if a.dropOrphan(i) {
		return
	}
	for at := i; at < len(a.chunks); at++ {
		c := &a.chunks[at]
		switch {
		case c.flags&flagBeginning != 0:
			if at > i {
				return // another message
			}
			c.run = len(c.data)
		case at > 0 && c.follows(&a.chunks[at-1]) && a.chunks[at-1].run > 0:
			c.run = a.chunks[at-1].run + len(c.data)
		default:
			return
		}
		if c.run > a.cfg.MaxMessage {
			a.refuse(s)
			return
		}
		if c.flags&flagEnd != 0 {
			a.join(s, at)
			return
		}
	}
}

// dropOrphan throws a part away, with those that follow it, if what it continues has been given up and will not come.
func (a *Association) dropOrphan(at int) bool {
	c := &a.chunks[at]
	if c.flags&flagBeginning != 0 || at > 0 && c.follows(&a.chunks[at-1]) || !a.has(c.tsn-1) {
		return false
	}
	end := at + 1
	for end < len(a.chunks) && a.chunks[end].follows(&a.chunks[end-1]) {
		end++
	}
	for _, c := range a.chunks[at:end] {
		a.held -= len(c.data) + overhead
	}
	a.chunks = slices.Delete(a.chunks, at, end)
	if len(a.chunks) == 0 {
		a.chunks = nil
	}
	return true
}

// join makes one of the parts of the message that ends at an index.
func (a *Association) join(s *stream, end int) {
	begin := end
	for a.chunks[begin].flags&flagBeginning == 0 {
		begin--
	}
	data := make([]byte, 0, a.chunks[end].run)
	for _, c := range a.chunks[begin : end+1] {
		data = append(data, c.data...)
	}
	first := a.chunks[begin]
	a.held -= overhead * (end - begin) // it is one now
	a.chunks = slices.Delete(a.chunks, begin, end+1)
	if len(a.chunks) == 0 {
		a.chunks = nil
	}
	a.deliver(s, &first, data)
}

// deliver gives a whole message out, or lets it wait for those before it.
func (a *Association) deliver(s *stream, first *part, data []byte) {
	m := complete{first.ssn, first.ppid, data}
	switch {
	case len(data) > a.cfg.MaxMessage:
		a.held -= len(data) + overhead
		a.refuse(s)
	case first.flags&flagUnordered != 0:
		a.give(s, m)
	case m.ssn == s.next:
		s.next++
		a.give(s, m)
		a.giveEarly(s)
	case afterSSN(m.ssn, s.next):
		i := sort.Search(len(s.early), func(i int) bool { return !afterSSN(m.ssn, s.early[i].ssn) })
		s.early = slices.Insert(s.early, i, m)
	default:
		a.held -= len(data) + overhead // it has been given up
	}
}

// giveEarly gives out what waited for a message that has come.
func (a *Association) giveEarly(s *stream) {
	for len(s.early) > 0 && !afterSSN(s.early[0].ssn, s.next) {
		m := s.early[0]
		s.early = s.early[1:]
		s.next = m.ssn + 1
		a.give(s, m)
	}
	if len(s.early) == 0 {
		s.early = nil
	}
}

func (a *Association) give(s *stream, m complete) {
	a.unread += len(m.data) + overhead
	a.events = append(a.events, Event{Kind: Message, Stream: s.id, PPID: m.ppid, Data: m.data})
}

// release opens the window for messages that are kept no more.
func (r *receiving) release(messages, bytes int) {
	n := min(bytes+messages*overhead, r.unread)
	r.unread -= n
	r.held -= n
}

// refuse throws away what comes in a stream from now on, and what has come of unfinished messages.
func (a *Association) refuse(s *stream) {
	s.refused = true
	a.discard(s, func(*part) bool { return true })
	a.events = append(a.events, Event{Kind: Refused, Stream: s.id})
}

// discard forgets parts of a stream's messages, and all that wait for their turn.
func (a *Association) discard(s *stream, which func(*part) bool) {
	for _, m := range s.early {
		a.held -= len(m.data) + overhead
	}
	s.early = nil
	a.discardParts(func(p *part) bool { return p.stream == s.id && which(p) })
}

func (a *Association) discardParts(which func(*part) bool) {
	a.chunks = slices.DeleteFunc(a.chunks, func(p part) bool {
		if which(&p) {
			a.held -= len(p.data) + overhead
			return true
		}
		return false
	})
	if len(a.chunks) == 0 {
		a.chunks = nil
	}
}

// handleForward goes on without what the remote has given up (RFC 3758, section 3.6).
func (a *Association) handleForward(b []byte) {
	if len(b) < 4 {
		return
	}
	a.ackNow = true
	to := binary.BigEndian.Uint32(b)
	if !after(to, a.cumulative) {
		return
	}
	a.cumulative = to
	a.closeGap()
	a.discardParts(func(p *part) bool { return !after(p.tsn, to) })
	for len(a.chunks) > 0 && a.dropOrphan(0) {
	}
	for b = b[4:]; len(b) >= 4; b = b[4:] {
		s, ssn := a.streams[binary.BigEndian.Uint16(b)], binary.BigEndian.Uint16(b[2:])
		if s == nil {
			s = a.stream(binary.BigEndian.Uint16(b))
		}
		if s == nil || afterSSN(s.next, ssn) {
			continue
		}
		for len(s.early) > 0 && !afterSSN(s.early[0].ssn, ssn) {
			a.give(s, s.early[0])
			s.early = s.early[1:]
		}
		s.next = ssn + 1
		a.giveEarly(s)
	}
}

// acknowledge decides, after a packet, whether an acknowledgement is due.
func (a *Association) acknowledge(now time.Duration) {
	if !a.came {
		return
	}
	a.came = false
	a.unacked++
	// RFC 9260, section 6.2: at once for what is not in order, for every second packet, and for the first.
	if len(a.gaps) > 0 || a.unacked >= 2 || !a.hasAcked {
		a.ackNow = true
	}
	if !a.ackNow && a.ackAt == Never {
		a.ackAt = now + ackDelay
	}
}

// space is what is left of the window.
func (a *Association) space() int { return max(a.cfg.Window-a.held, 0) }

// windowOpened tells that the remote, which was told of a small window, may send much again.
func (a *Association) windowOpened() bool {
	return a.hasAcked && a.advertised < a.cfg.Window/2 && a.space()-a.advertised >= a.cfg.Window/4
}

func (a *Association) writeSack() {
	a.ackNow, a.ackAt, a.unacked, a.hasAcked = false, Never, 0, true
	a.advertised = a.space()
	blocks := min(len(a.gaps), (a.cfg.MTU-headerSize-chunkHeader-sackHeader)/4)
	b := a.out.chunk(kindSack, 0, sackHeader+4*blocks)
	binary.BigEndian.PutUint32(b, a.cumulative)
	binary.BigEndian.PutUint32(b[4:], uint32(a.advertised))
	binary.BigEndian.PutUint16(b[8:], uint16(blocks))
	for i, g := range a.gaps[:blocks] {
		binary.BigEndian.PutUint16(b[sackHeader+4*i:], uint16(g.first-a.cumulative))
		binary.BigEndian.PutUint16(b[sackHeader+4*i+2:], uint16(g.last-a.cumulative))
	}
}
