// Package sctp is SCTP as WebRTC uses it: one association over a DTLS session (RFC 9260, RFC 8261), with streams that can be reset
// (RFC 6525) and messages that may be given up (RFC 3758).
//
// An association is a state machine without goroutines, timers or a clock. Packets and the time go in; packets to send, events, and
// the time at which it wants to be looked at again come out. So one that has nothing to do costs its memory and nothing else. There is
// one path, whose life ICE looks after: no heartbeats are sent, and nothing is given up for want of answers.
package sctp

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"time"
)

var (
	// ErrEnded tells that the association is over.
	ErrEnded = errors.New("sctp: association has ended")
	// ErrLength tells of a message that is empty or too long.
	ErrLength = errors.New("sctp: length of message")
	// ErrStreams tells that too many streams are in use.
	ErrStreams = errors.New("sctp: too many streams")
	// ErrClosing tells that a stream is being reset.
	ErrClosing = errors.New("sctp: stream is being reset")
)

// Never is a time that does not come.
const Never = time.Duration(math.MaxInt64)

// Config is what an association needs to know.
type Config struct {
	// MTU is how long packets may be, in bytes.
	MTU int
	// MaxMessage bounds messages, theirs and ours.
	MaxMessage int
	// Window bounds what is kept of what the remote has sent, in bytes with what keeping it takes; at least twice MaxMessage.
	Window int
	// MaxStreams bounds the streams that there is something to know of.
	MaxStreams int
	// Random gives numbers that the remote cannot guess.
	Random func() uint32
}

// Association is one end of an SCTP association. It is not safe for concurrent use.
//
// After each call whoever drives it takes the packets and events that it has led to, and looks at the deadline.
type Association struct {
	cfg   Config
	state state

	handshake
	sending
	receiving
	resets

	streams map[uint16]*stream
	out     writer
	events  []Event
}

type state uint8

const (
	waiting      state = iota // for the remote's INIT, for a while
	cookieWait                // our INIT is out
	cookieEchoed              // and its answer has been answered
	established
	ended
)

// Event is something that the remote has brought about.
type Event struct {
	Kind   EventKind
	Stream uint16
	// PPID is a message's payload protocol identifier, and Data its content, which whoever takes the event owns.
	PPID uint32
	Data []byte
}

// EventKind says what has happened.
type EventKind uint8

const (
	// Established comes once.
	Established EventKind = iota
	// Message is one that came. It takes part of the window until Consumed.
	Message
	// Reset: the remote has ended its direction of a stream.
	Reset
	// Refused: the remote sends a longer message than it may. Nothing more comes in the stream until the remote resets it.
	Refused
	// Ended comes last: the remote has ended the association.
	Ended
)

// New makes an association that waits for the remote to begin, and begins itself when patience is over. In WebRTC both ends may begin
// and nearly all do.
func New(cfg Config, now, patience time.Duration) *Association {
	a := &Association{cfg: cfg, streams: make(map[uint16]*stream), out: writer{mtu: cfg.MTU}}
	a.tag, a.retryAt = max(cfg.Random(), 1), now+patience
	first := cfg.Random()
	a.sending = newSending(first, cfg.MTU)
	a.resets = resets{at: Never, next: first} // RFC 6525, section 4.1: the numbers of requests begin with the first TSN
	a.receiving.ackAt = Never
	return a
}

// Take gives the packets to send and the events, in order. They are the caller's.
func (a *Association) Take() (packets [][]byte, events []Event) {
	packets, events = a.out.packets, a.events
	a.out.packets, a.events = nil, nil
	return packets, events
}

// Deadline is when Advance should be called; Never while only the remote or the user can bring anything about.
func (a *Association) Deadline() time.Duration {
	if a.state == ended {
		return Never
	}
	return min(a.retryAt, a.retransmitAt, a.ackAt, a.resets.at)
}

// Advance does what the time has come for.
func (a *Association) Advance(now time.Duration) {
	if a.state == ended {
		return
	}
	if now >= a.retryAt {
		a.tryAgain(now)
	}
	if now >= a.retransmitAt {
		a.retransmit(now)
	}
	if now >= a.ackAt {
		a.ackNow = true
	}
	if now >= a.resets.at {
		a.resets.due, a.resets.at = true, Never
	}
	a.flush(now)
}

// Receive takes one packet. What is none, or not for this association, means nothing.
func (a *Association) Receive(packet []byte, now time.Duration) {
	if a.state == ended {
		return
	}
	port, tag, chunks, ok := open(packet)
	if !ok {
		return
	}
	first, _, ok := nextChunk(chunks)
	switch {
	case !ok:
		return
	case first.kind == kindInit:
		if tag != 0 {
			return
		}
	case first.kind == kindAbort && first.flags&tagReflected != 0 || first.kind == kindShutdownComplete && first.flags&tagReflected != 0:
		if tag != a.peerTag || a.state == waiting {
			return
		}
	case tag != a.tag:
		return
	}
	for c, rest, ok := nextChunk(chunks); ok && a.state != ended; c, rest, ok = nextChunk(rest) {
		if !a.take(c, port, now) {
			break
		}
	}
	a.acknowledge(now)
	a.flush(now)
}

// take handles one chunk. It is false when the rest of the packet must not be looked at.
func (a *Association) take(c chunk, port uint16, now time.Duration) bool {
	switch c.kind {
	case kindInit:
		a.handleInit(c.body, port, now)
		return false // RFC 9260, section 3.3.2: it comes alone
	case kindInitAck:
		a.handleInitAck(c.body, port, now)
		return false
	case kindCookieEcho:
		return a.handleCookieEcho(c.body)
	case kindCookieAck:
		if a.state == cookieEchoed {
			a.establish()
		}
		return true
	case kindAbort, kindShutdownComplete:
		a.end()
		return false
	case kindHeartbeat:
		copy(a.out.chunk(kindHeartbeatAck, 0, len(c.body)), c.body)
		return true
	}
	if a.state != established {
		return true
	}
	switch c.kind {
	case kindData:
		return a.handleData(c)
	case kindSack:
		a.handleSack(c.body, now)
	case kindForward:
		a.handleForward(c.body)
	case kindReconfig:
		a.handleReconfig(c.body, now)
	case kindShutdown:
		a.out.chunk(kindShutdownAck, 0, 0)
		a.end()
		return false
	default:
		// RFC 9260, section 3.2: the highest bit tells whether what follows an unknown chunk is looked at.
		return c.kind&0x80 != 0 || c.kind == kindError || c.kind == kindShutdownAck
	}
	return true
}

// flush puts what there is to send into packets.
func (a *Association) flush(now time.Duration) {
	if a.state == established {
		if a.ackNow {
			a.writeSack()
		}
		a.writeForward(now)
		a.writeData(now)
		a.writeReset(now)
		a.armRetransmission(now)
	}
	a.out.end()
}

// Send queues a message. The association keeps data, which must not be changed any more. The message may be given up as r says, if the
// remote can be told so.
func (a *Association) Send(id uint16, ppid uint32, data []byte, r Reliability, now time.Duration) error {
	if a.state == ended {
		return ErrEnded
	}
	if len(data) == 0 || len(data) > a.cfg.MaxMessage {
		return ErrLength
	}
	s := a.stream(id)
	if s == nil {
		return ErrStreams
	}
	if s.closing {
		return ErrClosing
	}
	a.enqueue(s, newMessage(s, ppid, data, r, now))
	a.flush(now)
	return nil
}

// Buffered is how many bytes of a stream the remote has not acknowledged.
func (a *Association) Buffered(id uint16) int {
	if s := a.streams[id]; s != nil {
		return s.buffered
	}
	return 0
}

// Consumed tells that so many messages with so many bytes in all are kept no more.
func (a *Association) Consumed(messages, bytes int, now time.Duration) {
	a.release(messages, bytes)
	if a.state == established && a.windowOpened() {
		a.ackNow = true
		a.flush(now)
	}
}

// CloseStream ends our direction of a stream once what was sent in it has arrived (RFC 6525, section 5.1.2).
func (a *Association) CloseStream(id uint16, now time.Duration) {
	s := a.streams[id]
	if s == nil || a.state == ended {
		return
	}
	s.closing, a.resets.due = true, true
	a.flush(now)
}

// Idle tells that a stream can be begun anew: neither direction has been used, or both have been reset.
func (a *Association) Idle(id uint16) bool { return a.streams[id] == nil }

// Abort ends the association at once. The remote is told.
func (a *Association) Abort() {
	if a.state > waiting && a.state != ended && a.peerTag != 0 {
		a.out.chunk(kindAbort, 0, 0)
		a.out.end()
	}
	a.state = ended
	a.free()
}

// end takes note that the remote has ended the association.
func (a *Association) end() {
	a.state = ended
	a.events = append(a.events, Event{Kind: Ended})
	a.free()
}

// free lets go of what an ended association has no use for.
func (a *Association) free() {
	a.streams, a.sent, a.ready, a.chunks, a.gaps = nil, nil, nil, nil, nil
}

// stream is what there is to know of both directions of a stream.
type stream struct {
	id uint16

	ssn      uint16     // of the next ordered message that we send
	queue    []*message // that have not been sent completely
	buffered int        // bytes that have not been acknowledged
	closing  bool       // to be reset, and no more messages taken

	next    uint16     // sequence number of the ordered message that is to be delivered next
	early   []complete // ordered messages after it
	refused bool       // the remote has broken the rules: the rest is thrown away
}

// stream finds or makes the state of a stream; nil when there are too many.
func (a *Association) stream(id uint16) *stream {
	s := a.streams[id]
	if s == nil && len(a.streams) < a.cfg.MaxStreams {
		s = &stream{id: id}
		a.streams[id] = s
	}
	return s
}

// forget frees a stream that is as good as new.
func (a *Association) forget(s *stream) {
	if !s.closing && s.ssn == 0 && s.buffered == 0 && len(s.queue) == 0 && s.next == 0 && len(s.early) == 0 && !s.refused {
		delete(a.streams, s.id)
	}
}

// after compares serial numbers (RFC 1982): whether a comes after b.
func after(a, b uint32) bool { return int32(a-b) > 0 }

// afterSSN is after for stream sequence numbers.
func afterSSN(a, b uint16) bool { return int16(a-b) > 0 }

// handshake is how an association begins.
type handshake struct {
	tag, peerTag uint32
	cookie       []byte // of the remote's, while we send it back
	retryAt      time.Duration
	tries        int
	met          bool // the remote's parameters are known
	forwards     bool // the remote understands that messages are given up
	resetting    bool // and that streams are reset
}

const (
	// firstRetry is how long a handshake's packet waits for its answer; each further time it is twice as long.
	firstRetry = 500 * time.Millisecond
	lastRetry  = 5 * time.Second
	// maxTries is how often a remote is asked that does not answer. It may still begin later.
	maxTries = 10
	initSize = 16
	// maxStreamCount is how many streams each direction may have: all (RFC 8831, section 6.2).
	maxStreamCount = math.MaxUint16
)

// tryAgain sends the handshake's packet that has not been answered.
func (a *Association) tryAgain(now time.Duration) {
	if a.state == waiting {
		a.state = cookieWait
	}
	if a.tries++; a.tries > maxTries {
		a.retryAt = Never
		return
	}
	a.retryAt = now + min(firstRetry<<(a.tries-1), lastRetry)
	switch a.state {
	case cookieWait:
		tag := a.out.tag
		a.out.tag = 0
		a.writeInit(kindInit, nil)
		a.out.end()
		a.out.tag = tag
	case cookieEchoed:
		a.writeCookie()
	}
}

// writeInit says who we are and what we can.
func (a *Association) writeInit(kind uint8, cookie []byte) {
	parameters := []byte{
		0xc0, 0x00, 0, 4, // Forward-TSN-Supported (RFC 3758, section 3.1)
		0x80, 0x08, 0, 6, kindReconfig, kindForward, 0, 0, // Supported Extensions (RFC 5061, section 4.2.7)
	}
	if cookie != nil {
		parameters = append(appendParameter(nil, parameterCookie, cookie), parameters...)
	}
	b := a.out.chunk(kind, 0, initSize+len(parameters))
	binary.BigEndian.PutUint32(b, a.tag)
	binary.BigEndian.PutUint32(b[4:], uint32(a.cfg.Window))
	binary.BigEndian.PutUint16(b[8:], maxStreamCount)
	binary.BigEndian.PutUint16(b[10:], maxStreamCount)
	binary.BigEndian.PutUint32(b[12:], a.resets.next)
	copy(b[initSize:], parameters)
}

// introduction is what an INIT or its acknowledgement says.
type introduction struct {
	tag, window, first  uint32
	forwards, resetting bool
	cookie              []byte
}

func parseIntroduction(b []byte) (i introduction, ok bool) {
	if len(b) < initSize {
		return i, false
	}
	i.tag, i.window, i.first = binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:]), binary.BigEndian.Uint32(b[12:])
	if i.tag == 0 || binary.BigEndian.Uint16(b[8:]) == 0 || binary.BigEndian.Uint16(b[10:]) == 0 {
		return i, false
	}
	for p, rest, ok := nextParameter(b[initSize:]); ok; p, rest, ok = nextParameter(rest) {
		switch p.kind {
		case parameterForward:
			i.forwards = true
		case parameterExtensions:
			i.resetting = i.resetting || slices.Contains(p.value, kindReconfig)
			i.forwards = i.forwards || slices.Contains(p.value, kindForward)
		case parameterCookie:
			i.cookie = p.value
		}
	}
	return i, true
}

// meet takes what the remote says of itself.
func (a *Association) meet(i introduction, port uint16) {
	a.met, a.peerTag, a.forwards, a.resetting = true, i.tag, i.forwards, i.resetting
	a.peerWindow, a.threshold = int(min(i.window, math.MaxInt32)), int(min(i.window, math.MaxInt32))
	a.cumulative, a.resets.heard = i.first-1, i.first-1
	a.out.tag, a.out.port = i.tag, port
}

// handleInit answers. What the remote has said is kept, since there can be only one remote in a DTLS session; the cookie only tells that
// it has heard the answer.
func (a *Association) handleInit(b []byte, port uint16, now time.Duration) {
	i, ok := parseIntroduction(b)
	if !ok || a.state >= cookieEchoed && i.tag != a.peerTag {
		return
	}
	if a.state < cookieEchoed {
		a.meet(i, port)
	}
	if a.state == waiting {
		// It has begun, so we need not; but should its cookie never come, we will.
		a.retryAt = now + lastRetry
	}
	a.writeInit(kindInitAck, a.ourCookie())
}

// ourCookie is what the remote shall send back.
func (a *Association) ourCookie() []byte {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, a.tag), a.peerTag)
}

func (a *Association) handleInitAck(b []byte, port uint16, now time.Duration) {
	i, ok := parseIntroduction(b)
	if !ok || a.state != cookieWait || len(i.cookie) == 0 || len(i.cookie) > a.cfg.MTU-headerSize-chunkHeader {
		return
	}
	a.meet(i, port)
	a.state, a.cookie, a.tries, a.retryAt = cookieEchoed, slices.Clone(i.cookie), 1, now+firstRetry
	a.writeCookie()
}

func (a *Association) writeCookie() { copy(a.out.chunk(kindCookieEcho, 0, len(a.cookie)), a.cookie) }

func (a *Association) handleCookieEcho(b []byte) bool {
	if !a.met || string(b) != string(a.ourCookie()) {
		return false
	}
	a.out.chunk(kindCookieAck, 0, 0)
	a.establish()
	return true
}

func (a *Association) establish() {
	if a.state == established {
		return
	}
	a.state, a.retryAt, a.cookie = established, Never, nil
	a.events = append(a.events, Event{Kind: Established})
}
