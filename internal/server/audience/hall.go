package audience

import (
	"sync"
	"time"

	"github.com/gobwas/ws"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/studio"
	"github.com/tuttilive/tutti/internal/studio/talk"
)

// kept bounds what a client may fall behind before it begins anew with a welcome.
var kept = media.Limits{Items: 256, Bytes: 1 << 20, Span: 15 * time.Second}

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
	pinged   time.Time // when everybody was last asked for a sign of life
	clients  map[*client]struct{}
	bye      []byte // once the room has ended
}

// shared is what everybody is told at once, as frames.
type shared struct{ all, hosts []byte }

// standing is how a room stood at a moment, and the place at which a client goes on from there.
type standing struct {
	json []byte
	from media.Cursor[*shared]
	at   time.Time
}

func newHall(s *studio.Studio, wake, ended func(*hall)) *hall {
	now := time.Now()
	return &hall{
		studio: s, ring: media.NewRing[*shared](kept), wake: wake, ended: ended, said: now, pinged: now, clients: map[*client]struct{}{},
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
	h.ring.Append(s, media.Mark{Bytes: len(s.all) + len(s.hosts), Time: media.Now(), Key: true})
	h.ring.Flush()
	h.wake(h)
}

// beat lets everybody hear something after a silence, and asks for a sign of life now and then, also while much is said: who only listens says
// nothing by itself. That a page hears something is a small write; the answer to a ping costs more, so there are fewer.
func (h *hall) beat(now time.Time) {
	h.mu.Lock()
	silent, ping := now.Sub(h.said) >= talk.Heartbeat*time.Second, now.Sub(h.pinged) >= pingEvery
	if ping {
		h.pinged = now
	}
	h.mu.Unlock()
	switch {
	case ping:
		h.say(asking, now)
	case silent:
		h.say(heartbeat, now)
	}
}

// heartbeat is an empty array, for pages, which do not see pings; asking is that and a ping, which clients answer by themselves.
var heartbeat, asking = func() (*shared, *shared) {
	frame := textFrame([]byte("[]"))
	both := append(textFrame([]byte("[]")), ws.MustCompileFrame(ws.NewPingFrame(nil))...)
	return &shared{frame, frame}, &shared{both, both}
}()

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
