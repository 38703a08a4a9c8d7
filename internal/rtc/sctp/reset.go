package sctp

import (
	"encoding/binary"
	"time"
)

// Results of requests (RFC 6525, section 4.4).
const (
	resultNothing    = 0
	resultPerformed  = 1
	resultDenied     = 2
	resultBadNumber  = 5
	resultInProgress = 6
)

// resetHeader is the numbers of an outgoing reset request: its own, that of the remote's last, and our last TSN.
const resetHeader = 12

// resets is the state of what RFC 6525 calls re-configuration: streams end by being reset.
type resets struct {
	next    uint32        // number of our request, the one under way or else the next
	asked   []uint16      // streams of the request under way
	lastTSN uint32        // that it names
	at      time.Duration // when it is sent again
	due     bool          // there may be something to ask for
	again   bool          // under another number, since the remote was not ready

	heard  uint32 // number of the remote's last request
	result uint32 // and what it was told
}

// writeReset asks the remote to take streams as ended in which all has arrived.
func (a *Association) writeReset(now time.Duration) {
	r := &a.resets
	if !r.due {
		return
	}
	r.due = false
	if r.asked == nil {
		for id, s := range a.streams {
			if !s.closing || s.buffered > 0 {
				continue
			}
			if !a.resetting {
				a.resetDone(s)
				continue
			}
			if len(r.asked) < (a.cfg.MTU-headerSize-2*chunkHeader-resetHeader)/2 {
				r.asked = append(r.asked, id)
			}
		}
		r.lastTSN = a.acked + uint32(len(a.sent))
	} else if r.at != Never {
		return // it waits for its answer
	}
	if r.asked == nil {
		return
	}
	if r.again {
		r.next++
		r.again = false
	}
	b := make([]byte, resetHeader, resetHeader+2*len(r.asked))
	binary.BigEndian.PutUint32(b, r.next)
	binary.BigEndian.PutUint32(b[4:], r.heard)
	binary.BigEndian.PutUint32(b[8:], r.lastTSN)
	for _, id := range r.asked {
		b = binary.BigEndian.AppendUint16(b, id)
	}
	a.writeReconfig(parameterOutgoingReset, b)
	r.at = now + a.timeout
}

func (a *Association) writeReconfig(kind uint16, value []byte) {
	// The padding of a chunk's last parameter does not count as the chunk's.
	p := appendParameter(nil, kind, value)[:chunkHeader+len(value)]
	copy(a.out.chunk(kindReconfig, 0, len(p)), p)
}

// resetDone frees our direction of a stream.
func (a *Association) resetDone(s *stream) {
	s.closing, s.ssn = false, 0
	a.forget(s)
}

func (a *Association) handleReconfig(b []byte, now time.Duration) {
	for p, rest, ok := nextParameter(b); ok; p, rest, ok = nextParameter(rest) {
		if len(p.value) < 4 {
			return
		}
		number := binary.BigEndian.Uint32(p.value)
		switch p.kind {
		case parameterResponse:
			if len(p.value) >= 8 {
				a.answered(number, binary.BigEndian.Uint32(p.value[4:]), now)
			}
		case parameterOutgoingReset, parameterIncomingReset, parameterTSNReset, parameterAddOutgoing, parameterAddIncoming:
			a.answer(number, p)
		}
	}
}

// answered takes the answer to our request.
func (a *Association) answered(number, result uint32, now time.Duration) {
	r := &a.resets
	if r.asked == nil || number != r.next || r.again {
		return
	}
	if result == resultInProgress {
		// Not all has arrived that was sent before. libwebrtc wants another number then.
		r.again, r.at = true, now+a.timeout
		return
	}
	asked := r.asked
	r.asked, r.at, r.due = nil, Never, true // more may wait
	r.next++
	for _, id := range asked {
		if s := a.streams[id]; s != nil {
			a.resetDone(s)
		}
	}
}

// answer does what the remote asks for, and tells it so.
func (a *Association) answer(number uint32, p parameter) {
	r := &a.resets
	switch {
	case number == r.heard && r.result != resultInProgress: // our answer was lost
	case number == r.heard || number == r.heard+1:
		r.heard = number
		r.result = a.perform(p)
	default:
		a.respond(number, resultBadNumber)
		return
	}
	a.respond(number, r.result)
}

func (a *Association) respond(number, result uint32) {
	b := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, number), result)
	a.writeReconfig(parameterResponse, b)
}

func (a *Association) perform(p parameter) uint32 {
	switch {
	case p.kind == parameterAddOutgoing:
		return resultPerformed // it may use all there are
	case p.kind != parameterOutgoingReset || len(p.value) < resetHeader:
		return resultDenied
	case after(binary.BigEndian.Uint32(p.value[8:]), a.cumulative):
		return resultInProgress
	}
	ids := p.value[resetHeader:]
	if len(ids) == 0 { // all
		for _, s := range a.streams {
			a.resetByRemote(s)
		}
		return resultPerformed
	}
	for ; len(ids) >= 2; ids = ids[2:] {
		if s := a.streams[binary.BigEndian.Uint16(ids)]; s != nil {
			a.resetByRemote(s)
		}
	}
	return resultPerformed
}

// resetByRemote begins the remote's direction of a stream anew.
func (a *Association) resetByRemote(s *stream) {
	a.discard(s, func(*part) bool { return true })
	s.next, s.refused = 0, false
	a.events = append(a.events, Event{Kind: Reset, Stream: s.id})
	a.forget(s)
}
