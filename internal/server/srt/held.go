package srt

import (
	"errors"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	gosrt "github.com/datarhei/gosrt"

	"github.com/tuttilive/tutti/internal/room"
)

// limits bound what the library keeps of connections, which it does not do itself.
type limits struct {
	// idle is how long an encoder may send nothing.
	idle time.Duration
	// held is how many packets of a connection may wait until it is their time, whatever is in them: full ones take 2.1 KB, empty ones still 0.4. The library passes
	// all of them 100 times a second for acknowledgements, and up to 50 times for reports of losses: 40,000 take half a core to one.
	// Encoders fill them (1316 bytes), so that 1000 are 10.5 Mbit: at 40 Mbit/s they may wait for 10 s, at 10 Mbit/s for 42.
	// heldByAll is how many of all connections may; when there are more, the connection that has most is ended.
	held, heldByAll int64
	// searched is how many waiting packets may be passed a second, in the long run, to find the place of others, searchedByAll the same of all connections
	// together; when those are more, the connection that had most passed of late is ended. A million take 70 to 300 ms. See search.
	searched, searchedByAll float64
	// unanswered is how many acknowledgements may be unanswered since the last that was: the library remembers them. It sends up to 100 a second.
	unanswered uint32
}

var usual = limits{idle: 12 * time.Second, held: 40_000, heldByAll: 1 << 17, searched: 8_000_000, searchedByAll: 10_000_000, unanswered: 1 << 15}

// searchBurst is for how many seconds' worth of searching may come at once: a way that loses much for a moment has much sent again.
const searchBurst = 10

// lookEvery is how often it is looked at what is held. What comes between is bounded by what the door takes at all.
const lookEvery = 200 * time.Millisecond

var (
	// errAhead the hosts hear of: an honest encoder may be set so.
	errAhead = &room.Refusal{
		Code:    "latency",
		Message: "more waits for its time than the server holds: the latency is too long for the bitrate, or the encoder sends far ahead of the time",
	}
	errAgain = &room.Refusal{
		Code:    "latency",
		Message: "too much comes again or out of order while much waits for its time: the latency is too long for the bitrate and what gets lost",
	}
	errUnanswered = errors.New("the encoder does not answer acknowledgements")
)

// acks are the numbers of a connection's acknowledgements (SRT Internet-Draft, section 3.2.4): of each the library remembers when it sent it, until it, or a later
// one, is answered. They are read now and then, when it is asked for them, since that costs the printing of a packet.
type acks struct {
	askSent, askAnswered atomic.Bool
	sent, answered       atomic.Uint32
}

func (a *acks) ask() {
	a.askSent.Store(true)
	a.askAnswered.Store(true)
}

// goes takes one that is sent. Light ones have no number, and are not answered.
func (a *acks) goes(message func() string) {
	if !a.askSent.Load() {
		return
	}
	if n := typeSpecific(message()); n != 0 {
		a.sent.Store(n)
		a.askSent.Store(false)
	}
}

// isAnswered takes an answer. None counts for more than what was sent.
func (a *acks) isAnswered(message func() string) {
	if !a.askAnswered.Load() {
		return
	}
	n, sent, last := typeSpecific(message()), a.sent.Load(), a.answered.Load()
	if int32(n-sent) > 0 {
		n = sent
	}
	if int32(n-last) > 0 {
		a.answered.Store(n)
	}
	a.askAnswered.Store(false)
}

func (a *acks) unanswered() uint32 { return a.sent.Load() - a.answered.Load() }

// typeSpecific is that field of a control packet that is printed.
func typeSpecific(packet string) uint32 {
	_, rest, _ := strings.Cut(packet, "typeSpecific=")
	field, _, _ := strings.Cut(rest, "\n")
	n, _ := strconv.ParseUint(field, 0, 32)
	return uint32(n)
}

// watch ends a session of which the library keeps more than it may. What packets say of their time the library believes. stop ends the looking.
func (x *session) watch(conn gosrt.Conn) (stop func()) {
	s, ended, a := x.server, make(chan struct{}), &acks{}
	s.acks.Store(conn.SocketId(), a)
	go func() {
		look := time.NewTicker(lookEvery)
		defer look.Stop()
		defer s.acks.Delete(conn.SocketId())
		defer func() {
			s.held.Add(-x.held.Swap(0))
			x.searched.Store(0)
		}()
		var searches search
		var searched bucket
		last := time.Now()
		for {
			select {
			case <-look.C:
			case <-ended:
				return
			}
			var st gosrt.Statistics
			conn.Stats(&st)
			held := int64(st.Instantaneous.PktRecvBuf)
			all := s.held.Add(held - x.held.Swap(held))
			now := time.Now()
			elapsed := now.Sub(last)
			last = now
			passed := searches.look(&st, elapsed)
			x.searched.Store(int64(float64(x.searched.Load())*fade(elapsed) + passed))
			tooMuch, allTooMuch := searched.add(passed, s.limits.searched, now), s.searched.add(passed, s.limits.searchedByAll, now)
			switch {
			case held > s.limits.held, all > s.limits.heldByAll && s.hasMost(x, (*session).holds):
				x.kick(errAhead)
				return
			case tooMuch, allTooMuch && s.hasMost(x, (*session).searches):
				s.searched.relieve(s.limits.searchedByAll)
				x.kick(errAgain)
				return
			case a.unanswered() > s.limits.unanswered:
				x.kick(errUnanswered)
				return
			}
			a.ask()
		}
	}()
	return func() { close(ended) }
}

func (x *session) holds() int64    { return x.held.Load() }
func (x *session) searches() int64 { return x.searched.Load() }

// hasMost tells that no other session has more of something.
func (s *Server) hasMost(x *session, of func(*session) int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for other := range s.sessions {
		if of(other) > of(x) {
			return false
		}
	}
	return true
}
