package audience

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gobwas/ws"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/studio"
	"github.com/tuttilive/tutti/internal/studio/talk"
)

// kept bounds what a client may fall behind before it begins anew with a welcome.
var kept = media.Limits{Items: 320, Bytes: 1 << 20, Span: 15 * time.Second}

// standingFor is for how long clients that come one after the other are given the same picture of the room. What happened since
// then follows it.
const standingFor = 500 * time.Millisecond

// fewClients are so few that each is given a picture of its own.
const fewClients = 50

// hall is one room's audience as this door has it: what everybody is told, once, for clients that each have a place in it. It is made
// for the first client and ends with the room.
type hall struct {
	studio *studio.Studio
	ring   *media.Ring[*shared]
	wake   func(*hall) // has what is new written
	ended  func(*hall)

	mu       sync.Mutex
	standing [studio.Views]standing
	said     time.Time // when everybody heard something last
	beaten   time.Time // until when there were signs of life
	turn     int       // whose turn it was then
	clients  map[*client]struct{}
	bye      []byte // once the room has ended

	entered atomic.Uint32
}

// shared is what everybody is told at once, as frames.
type shared struct {
	all, hosts []byte
	// beat, where not nil, is a sign of life instead, for those whose turn it is.
	beat *beat
}

// turns are so many that each is pinged once in pingEvery: were all asked at once, all would answer at once.
const turns = int(pingEvery / time.Second)

// beat asks those whose turn it is for a sign of life, which pages do not see; where nobody heard anything of late, they and those whose turn is
// half a round later are told something that pages see.
type beat struct {
	turn  int
	quiet bool
}

// forTurn is the beat's frame for those of a turn, nil for none.
func (b *beat) forTurn(turn int) []byte {
	switch {
	case turn == b.turn && b.quiet:
		return asking
	case turn == b.turn:
		return ping
	case b.quiet && (turn+turns/2)%turns == b.turn:
		return heartbeat
	}
	return nil
}

// frameFor is the frame for somebody, nil for none.
func (s *shared) frameFor(v studio.View, turn int) []byte {
	switch {
	case s.beat != nil:
		return s.beat.forTurn(turn)
	case v == studio.ViewDoor: // who waits to be let in hears signs of life alone
		return nil
	case v == studio.ViewHosts:
		return s.hosts
	}
	return s.all
}

// standing is how a room stood at a moment, and the place at which a client goes on from there.
type standing struct {
	json []byte
	from media.Cursor[*shared]
	at   time.Time
}

func newHall(s *studio.Studio, wake, ended func(*hall)) *hall {
	now := time.Now()
	return &hall{
		studio: s, ring: media.NewRing[*shared](kept), wake: wake, ended: ended, said: now, beaten: now, clients: map[*client]struct{}{},
	}
}

// Batch implements studio.Outlet.
func (h *hall) Batch(b talk.Batch) {
	s := &shared{all: textFrame(b.All)}
	s.hosts = s.all
	if &b.Hosts[0] != &b.All[0] {
		s.hosts = textFrame(b.Hosts)
	}
	h.say(s, time.Now())
}

func (h *hall) say(s *shared, now time.Time) {
	h.mu.Lock()
	h.said = now
	h.mu.Unlock()
	h.append(s)
	h.ring.Flush()
	h.wake(h)
}

func (h *hall) append(s *shared) {
	h.ring.Append(s, media.Mark{Bytes: len(s.all) + len(s.hosts), Time: media.Now(), Key: true})
}

// beat gives signs of life to those whose turn it is: one turn has a second. In a silence each hears something in every half round; where much is
// said, pings go along with the rest.
func (h *hall) beat(now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	quiet := now.Sub(h.said) >= time.Second
	h.beaten = later(h.beaten, now.Add(-pingEvery)) // each turn once is enough
	for ; now.Sub(h.beaten) >= time.Second; h.beaten = h.beaten.Add(time.Second) {
		h.turn = (h.turn + 1) % turns
		h.append(&shared{beat: &beat{h.turn, quiet}})
	}
	if quiet {
		h.ring.Flush()
		h.wake(h)
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// heartbeat is an empty array, for pages, which do not see pings; asking is both.
var (
	heartbeat = textFrame([]byte("[]"))
	ping      = ws.MustCompileFrame(ws.NewPingFrame(nil))
	asking    = slices.Concat(heartbeat, ping)
)

// nextTurn gives somebody a turn.
func (h *hall) nextTurn() int { return int(h.entered.Add(1)) % turns }

// End implements studio.Outlet.
func (h *hall) End(farewell []byte) {
	h.mu.Lock()
	clients := h.clients
	h.clients, h.bye = nil, farewell
	h.mu.Unlock()
	h.ended(h)
	for c := range clients {
		c.roomEnded(farewell)
	}
}

// enter gives a client a place; it tells whether the room is still there.
func (h *hall) enter(c *client) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.bye != nil {
		return false
	}
	h.clients[c] = struct{}{}
	return true
}

// over tells that the room has ended.
func (h *hall) over() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.bye != nil
}

func (h *hall) leave(c *client) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.clients, c)
}

// now gives how the room stands, and a cursor to what follows.
func (h *hall) now(v studio.View) ([]byte, *media.Cursor[*shared]) {
	h.mu.Lock()
	s, many := h.standing[v], len(h.clients) > fewClients
	h.mu.Unlock()
	if now := time.Now(); s.json == nil || !many || now.Sub(s.at) > standingFor {
		s = standing{from: *h.ring.Live(), at: now} // first the place: what happens meanwhile is told twice rather than not at all
		s.json = h.studio.Overview(v)
		h.mu.Lock()
		h.standing[v] = s
		h.mu.Unlock()
	}
	from := s.from
	return s.json, &from
}
