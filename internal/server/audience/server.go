// Package audience is the door for those who watch: one light WebSocket over which they see who is there, write, like, vote, and hear
// what happens on stage. docs/audience-protocol.md describes what goes over the wire; the vocabulary is studio/talk's, which
// participants speak too.
//
// What everybody is told is encoded once for each room (hall) and lies in a ring in which each client has a place; what is told to
// one client alone waits in a short list of its own. A client that falls out of the ring begins anew.
package audience

import (
	"context"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gobwas/ws"

	"github.com/tuttilive/tutti/internal/limit"
	"github.com/tuttilive/tutti/internal/poller"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/studio"
	httprefusal "github.com/tuttilive/tutti/internal/studio/refusal"
	"github.com/tuttilive/tutti/internal/studio/talk"
	"github.com/tuttilive/tutti/internal/tally"
)

// checkEvery is how often connections are looked through for those that are over.
const checkEvery = time.Second

// maxSweepers bounds how many goroutines write.
const maxSweepers = 4

// Config is what the door needs.
type Config struct {
	House *studio.House
	// PerAddress is how many connections one address (IPv6: a /64) has at a time, 0 for as many as it likes.
	PerAddress int
	Log        *slog.Logger
}

// Server is the door: an http.Handler for /audience/{room}.
type Server struct {
	house     *studio.House
	log       *slog.Logger
	addresses *addresses
	counts    counts
	poller    *poller.Poller // nil where there is none
	intake    *intake
	sweepers  []*sweeper
	turn      atomic.Uint64 // of the sweepers

	mu      sync.Mutex
	halls   map[*studio.Studio]*hall
	clients map[*client]struct{}
	closing bool
	running sync.WaitGroup // of clients; none is added once closing

	stop chan struct{}
	work sync.WaitGroup
}

// counts are figures since the start.
type counts struct {
	sent     atomic.Uint64 // bytes
	requests tally.Reasons // by kind
	refused  tally.Reasons // requests and connections, by code
	lost     tally.Reasons // clients that were cut off or began anew, by reason
}

// New makes the door.
func New(cfg Config) *Server {
	s := &Server{
		house: cfg.House, log: cfg.Log, addresses: newAddresses(cfg.PerAddress), halls: map[*studio.Studio]*hall{}, clients: map[*client]struct{}{},
		stop: make(chan struct{}),
	}
	if s.log == nil {
		s.log = slog.Default()
	}
	var err error
	if s.poller, err = poller.New(); err != nil {
		s.log.Debug("no poller", "error", err)
	}
	s.intake = newIntake()
	for range min(runtime.GOMAXPROCS(0), maxSweepers) {
		s.sweepers = append(s.sweepers, newSweeper())
	}
	s.work.Go(s.check)
	return s
}

// ServeHTTP takes a WebSocket over. Refusals are told on it, since a browser does not tell a page why a WebSocket was not opened.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	who := limit.Network(r.RemoteAddr)
	if !s.addresses.mayAsk(time.Now(), who) {
		httprefusal.Write(w, httprefusal.TooOften)
		return
	}
	if r.Method != http.MethodGet {
		httprefusal.Write(w, httprefusal.Method)
		return
	}
	c := &client{
		server: s, from: who, name: strings.TrimPrefix(r.URL.Path, "/audience/"), url: roomURL(r), foreign: !sameOrigin(r), heard: time.Now(),
		due: time.Now().Add(helloWithin),
	}
	conn, rw, _, err := ws.UpgradeHTTP(r, w)
	if err != nil {
		return // it was answered
	}
	conn.SetDeadline(time.Time{})
	c.conn = conn
	first := make([]byte, rw.Reader.Buffered())
	rw.Read(first) // it is there
	if s.poller != nil {
		c.raw = descriptorOf(conn)
	}
	if c.raw != nil {
		s.hand(c, first)
		return
	}
	p := &pair{kick: make(chan struct{}, 1)}
	c.carrier = p
	if !s.begin(c) {
		conn.Close()
		return
	}
	p.serve(c, first)
}

// hand gives a client to the poller and a sweeper: nothing of the request's is needed any more.
func (s *Server) hand(c *client, first []byte) {
	c.carrier, c.progress = s.sweepers[s.turn.Add(1)%uint64(len(s.sweepers))], time.Now()
	if !s.begin(c) {
		c.conn.Close()
		return
	}
	if len(first) > 0 && !c.received(first, time.Now()) || !c.watch() {
		c.over()
	}
}

// begin lists a connection, unless the server is closing. One that may not be there is told so.
func (s *Server) begin(c *client) bool {
	s.mu.Lock()
	if s.closing {
		s.mu.Unlock()
		return false
	}
	s.running.Add(1)
	s.clients[c] = struct{}{}
	s.mu.Unlock()
	switch err := room.CheckName(c.name); {
	case !s.addresses.enter(time.Now(), c.from):
		c.refuse(errTooOften, talk.Request{})
	case err != nil:
		c.refuse(err, talk.Request{})
	}
	return true
}

// forget is called by each client once it is over.
func (s *Server) forget(c *client) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.clients, c)
	if c.raw != nil {
		s.poller.Forget(c.polled)
	}
	s.addresses.leave(c.from)
	s.running.Done()
}

// attend lets a client into the audience, and finds the hall of its room.
func (s *Server) attend(c *client, at studio.Attendance) (*studio.Attendee, *hall, error) {
	attendee, err := s.house.Attend(c.name, at)
	if err != nil {
		return nil, nil, err
	}
	h, err := s.hall(attendee.Studio())
	if err != nil {
		attendee.Leave()
		return nil, nil, errShutdown // the room ended just now: what comes next is another
	}
	return attendee, h, nil
}

func (s *Server) hall(of *studio.Studio) (*hall, error) {
	s.mu.Lock()
	h := s.halls[of]
	s.mu.Unlock()
	if h != nil {
		return h, nil
	}
	made := newHall(of, s.wake, s.endHall)
	stop, err := of.Hear(made) // before anybody is in it, so that nobody misses anything
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	if h = s.halls[of]; h == nil {
		s.halls[of], h = made, made
	}
	s.mu.Unlock()
	switch {
	case h != made:
		stop()
	case h.over(): // perhaps before it was listed
		s.endHall(h)
	}
	return h, nil
}

// endHall is called by a hall whose room has ended, with the studio's lock held.
func (s *Server) endHall(h *hall) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.halls[h.studio] == h {
		delete(s.halls, h.studio)
	}
}

// wake has what is new in a hall written. It does not block.
func (s *Server) wake(h *hall) {
	for _, w := range s.sweepers {
		w.tell(h)
	}
}

// check looks after connections until the server ends.
func (s *Server) check() {
	tick := time.NewTicker(checkEvery)
	defer tick.Stop()
	for {
		select {
		case now := <-tick.C:
			for _, h := range s.allHalls() {
				h.beat(now)
			}
			for _, c := range s.all() {
				if c.check(now) {
					c.over()
				}
			}
		case <-s.stop:
			return
		}
	}
}

func (s *Server) allHalls() []*hall {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Values(s.halls))
}

func (s *Server) all() []*client {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Keys(s.clients))
}

// asked counts a request and what became of it.
func (s *Server) asked(kind string, answer talk.Reply) {
	switch kind {
	case "chat", "like", "gift", "vote":
	default:
		kind = "other"
	}
	s.counts.requests.Count(kind)
	if answer.Err != nil {
		s.counts.refused.Count(refusalOf(answer.Err, s.log).Code)
	}
}

// Stats are figures of the door.
type Stats struct {
	Connections, Rooms int
	// The rest counts since the start. Sent is in bytes.
	Sent                    uint64
	Requests, Refused, Lost map[string]uint64
}

// Stats counts at the moment.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	connections, rooms := len(s.clients), len(s.halls)
	s.mu.Unlock()
	return Stats{
		Connections: connections, Rooms: rooms, Sent: s.counts.sent.Load(),
		Requests: s.counts.requests.Read(), Refused: s.counts.refused.Read(), Lost: s.counts.lost.Read(),
	}
}

// Shutdown tells everybody to come back and ends their connections; ctx bounds how long they may take to be told.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	if !s.closing {
		s.closing = true
	}
	s.mu.Unlock()
	for _, c := range s.all() {
		c.refuse(errShutdown, talk.Request{})
	}
	ended := make(chan struct{})
	go func() {
		s.running.Wait()
		close(ended)
	}()
	var err error
	select {
	case <-ended:
	case <-ctx.Done():
		err = ctx.Err()
		for _, c := range s.all() {
			c.over()
		}
		<-ended
	}
	close(s.stop)
	s.work.Wait()
	for _, w := range s.sweepers {
		w.stop()
	}
	if s.poller != nil {
		s.poller.Close()
	}
	return err
}

// sameOrigin tells whether a request comes from our own page, or from no page at all.
func sameOrigin(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && strings.EqualFold(u.Host, r.Host)
}

// roomURL is where the client that asks reaches rooms: the same host and scheme as this request. The header only gets here from a
// trusted proxy.
func roomURL(r *http.Request) string {
	if r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https" {
		return "wss://" + r.Host
	}
	return "ws://" + r.Host
}
