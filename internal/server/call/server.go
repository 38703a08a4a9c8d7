// Package call is the door for calls between two: it introduces browsers to each other, who then talk peer to peer, and
// moves them into the room of the same name when they are more than two or find no way to each other. docs/call-protocol.md
// describes what goes over the wire.
//
// A call is pure state (call), owned by a line, which also has a seat with a session for each person; a session outlives the
// sockets that carry it one after the other.
package call

import (
	"context"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"github.com/tuttilive/tutti/internal/limit"
	"github.com/tuttilive/tutti/internal/studio"
	httprefusal "github.com/tuttilive/tutti/internal/studio/refusal"
	"github.com/tuttilive/tutti/internal/turn"
)

// Config is what the door needs.
type Config struct {
	House *studio.House
	// ICE names STUN and TURN servers for clients, none when nil.
	ICE *turn.Directory
	// ResumeGrace is how long a member stays whose WebSocket dropped, 30 s when 0. Settle is how long two must have been
	// alone in the room before they go back to the direct path, 10 s when 0.
	ResumeGrace, Settle time.Duration
	Log                 *slog.Logger
}

// Server is the door: an http.Handler for /call/{room}.
type Server struct {
	house         *studio.House
	ice           *turn.Directory
	grace, settle time.Duration
	// silence is after how long a connection that says nothing is broken.
	silence   time.Duration
	log       *slog.Logger
	passes    passes
	addresses *addresses
	resumes   atomic.Uint64

	mu      sync.Mutex
	lines   map[string]*line
	closing bool
	sockets map[*socket]struct{}
	running sync.WaitGroup // of the sockets; none is added once closing
}

// New makes the door.
func New(cfg Config) *Server {
	s := &Server{
		house: cfg.House, ice: cfg.ICE, grace: cfg.ResumeGrace, settle: cfg.Settle, silence: 25 * time.Second, log: cfg.Log,
		passes: newPasses(), addresses: newAddresses(), lines: map[string]*line{},
		sockets: map[*socket]struct{}{},
	}
	if s.grace == 0 {
		s.grace = 30 * time.Second
	}
	if s.settle == 0 {
		s.settle = 10 * time.Second
	}
	if s.log == nil {
		s.log = slog.Default()
	}
	s.house.AlsoAt(s)
	return s
}

// ServeHTTP serves a member's WebSocket. Refusals are told on it, since a browser does not tell a page why a WebSocket was
// not opened.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	who := limit.Network(r.RemoteAddr)
	if !s.addresses.mayAsk(time.Now(), who) {
		httprefusal.Write(w, httprefusal.TooOften)
		return
	}
	below := &hijack{ResponseWriter: w}
	ws, err := websocket.Accept(below, r, &websocket.AcceptOptions{InsecureSkipVerify: true}) // origins: see admit
	if err != nil {
		return
	}
	defer ws.CloseNow()
	sock := newSocket(ws, below.conn)
	if !s.begin(sock) {
		sock.refuse(errShutdown, received{})
		<-sock.done
		return
	}
	defer s.finish(sock)
	if !s.addresses.enter(time.Now(), who) {
		sock.refuse(errTooOften, received{})
		return
	}
	defer s.addresses.leave(who)
	s.serve(r.Context(), sock, r)
}

// begin lists a connection, unless the server is closing.
func (s *Server) begin(sock *socket) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return false
	}
	s.running.Add(1)
	s.sockets[sock] = struct{}{}
	return true
}

// finish waits until all that a connection was told is written.
func (s *Server) finish(sock *socket) {
	<-sock.done
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sockets, sock)
	s.running.Done()
}

// open gives the line of a name, a new one where there is none.
func (s *Server) open(name string) (*line, error) {
	policy, _, err := s.house.Policies().Find(name)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return nil, studio.ErrShutdown
	}
	if l := s.lines[name]; l != nil {
		return l, nil
	}
	l := newLine(s, name, policy.Title)
	s.lines[name] = l
	return l, nil
}

// find gives the line of a name, nil where there is none.
func (s *Server) find(name string) *line {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lines[name]
}

// forget is called by a line that closes, with its lock held.
func (s *Server) forget(l *line) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lines[l.room] == l {
		delete(s.lines, l.room)
	}
}

// look sees who is in the room of a name.
func (s *Server) look(name string) surroundings {
	around := surroundings{limit: s.house.MaxParticipants()}
	st, err := s.house.Studio(name)
	if err != nil {
		return around
	}
	for _, p := range st.Participants() {
		around.participants = append(around.participants, p.Identity)
	}
	around.live = st.Info().Live.On
	return around
}

// Remove sends somebody away from a call, or from its door, and tells whether there was anybody of that identity.
func (s *Server) Remove(room, identity string) bool {
	l := s.find(room)
	return l != nil && l.remove(identity)
}

// End sends everybody away from a call whose room was deleted.
func (s *Server) End(room string) {
	if l := s.find(room); l != nil {
		l.shutdown(errDeleted)
	}
}

// Holds tells whether there is a call in a room.
func (s *Server) Holds(room string) bool { return s.find(room) != nil }

// Stats are figures of all calls.
type Stats struct {
	Calls, Members, Visitors int
	// Direct and Room count calls by path.
	Direct, Room int
	// Resumes counts since the start.
	Resumes uint64
}

// Stats counts at the moment.
func (s *Server) Stats() Stats {
	stats := Stats{Resumes: s.resumes.Load()}
	for _, l := range s.all() {
		l.mu.Lock()
		stats.Calls++
		stats.Members += len(l.call.members)
		stats.Visitors += len(l.call.visitors)
		switch l.call.path.kind {
		case direct:
			stats.Direct++
		case viaRoom:
			stats.Room++
		}
		l.mu.Unlock()
	}
	return stats
}

func (s *Server) all() []*line {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Values(s.lines))
}

// Shutdown tells everybody to come back and ends their connections; ctx bounds how long they may take to be told.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.closing = true
	s.mu.Unlock()
	for _, l := range s.all() {
		l.shutdown(errShutdown)
	}
	s.eachSocket(func(sock *socket) { sock.refuse(errShutdown, received{}) }) // those who have not come in yet
	ended := make(chan struct{})
	go func() {
		s.running.Wait()
		close(ended)
	}()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		s.eachSocket((*socket).fail)
		<-ended
		return ctx.Err()
	}
}

func (s *Server) eachSocket(do func(*socket)) {
	s.mu.Lock()
	sockets := slices.Collect(maps.Keys(s.sockets))
	s.mu.Unlock()
	for _, sock := range sockets {
		do(sock)
	}
}
