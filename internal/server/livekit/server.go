package livekit

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	pb "github.com/livekit/protocol/livekit"

	"github.com/tuttilive/tutti/internal/limit"
	"github.com/tuttilive/tutti/internal/poller"
	"github.com/tuttilive/tutti/internal/rtc"
	"github.com/tuttilive/tutti/internal/studio"
	"github.com/tuttilive/tutti/internal/turn"
)

// Config is what the door needs.
type Config struct {
	House    *studio.House
	Endpoint *rtc.Endpoint
	// ICE names STUN and TURN servers for clients.
	ICE *turn.Directory
	// ResumeGrace is how long a participant stays whose WebSocket dropped, 20 s when 0.
	ResumeGrace time.Duration
	// Joins is how many may join from one address at once, 300 when 0; each second a thirtieth of them may follow.
	Joins int
	Log   *slog.Logger
}

// Server is the door: an http.Handler for /rtc, /rtc/v1 and the validate paths below them.
type Server struct {
	house       *studio.House
	endpoint    *rtc.Endpoint
	ice         *turn.Directory
	resumeGrace time.Duration
	patience    time.Duration // negotiationPatience, unless a test has more
	deciding    time.Duration // decidingPatience, unless a test has more
	log         *slog.Logger
	mux         *http.ServeMux
	rates       limit.Rates
	join        limit.Rate
	comeBack    limit.Rate
	counts      counts
	detours     memos[pb.CandidateProtocol] // ways that clients asked to try when they connect next
	poller      *poller.Poller              // reads signal connections; nil where there is none
	withheld    memos[rulesOfTracks]        // so that nobody gets what a client withheld while it was gone without a word

	mu       sync.Mutex
	sessions map[place]*session
	closing  bool
	running  sync.WaitGroup
}

// place is where a session is: one identity in one room.
type place struct{ room, identity string }

// New makes the door.
func New(cfg Config) *Server {
	s := &Server{
		house: cfg.House, endpoint: cfg.Endpoint, ice: cfg.ICE, resumeGrace: cfg.ResumeGrace, patience: negotiationPatience, deciding: decidingPatience, log: cfg.Log,
		mux: http.NewServeMux(), sessions: map[place]*session{},
		counts: counts{join: newJoinHistogram()},
	}
	s.counts.begin()
	s.house.Mirror(EncodeTalk)
	if s.resumeGrace == 0 {
		s.resumeGrace = 20 * time.Second
	}
	if cfg.Joins == 0 {
		cfg.Joins = defaultJoins
	}
	s.join, s.comeBack = joinRates(cfg.Joins)
	if s.log == nil {
		s.log = slog.Default()
	}
	var err error
	if s.poller, err = poller.New(); err != nil {
		s.log.Debug("no poller", "error", err)
	}
	s.mux.HandleFunc("GET /rtc", func(w http.ResponseWriter, r *http.Request) { s.connect(w, r, false) })
	s.mux.HandleFunc("GET /rtc/v1", func(w http.ResponseWriter, r *http.Request) { s.connect(w, r, true) })
	s.mux.HandleFunc("GET /rtc/validate", func(w http.ResponseWriter, r *http.Request) { s.validate(w, r, false) })
	s.mux.HandleFunc("GET /rtc/v1/validate", func(w http.ResponseWriter, r *http.Request) { s.validate(w, r, true) })
	return s
}

// ServeHTTP answers from any origin: the token is what permits, and the browser sends it along with nothing by itself.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Access-Control-Allow-Origin", "*")
	if r.Method == http.MethodOptions {
		w.Header().Set("Access-Control-Allow-Methods", "GET, HEAD, OPTIONS")
		w.Header().Set("Access-Control-Allow-Headers", "Authorization, Content-Type")
		w.Header().Set("Access-Control-Max-Age", "86400")
		w.WriteHeader(http.StatusNoContent)
		return
	}
	s.mux.ServeHTTP(w, r)
}

// Shutdown tells all clients to connect anew and ends their sessions; ctx bounds how long their connections may take to
// be told.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.closing = true
	for _, sess := range s.sessions {
		sess.inbox.put(serverClosing{}, 0)
	}
	s.mu.Unlock()
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
	}
	if s.poller != nil {
		s.poller.Close()
	}
	return err
}

// list has a session be found, in the place of another one that the same identity had before, whose rules it holds to. It is called with the
// studio's lock held: two that come at once are listed in the order in which they entered, so that it is the one that is in the room.
func (s *Server) list(sess *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sess.inheritRules(s.sessions[sess.place])
	s.sessions[sess.place] = sess
}

// start runs a session.
func (s *Server) start(sess *session, c *conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return false
	}
	s.running.Add(1)
	go sess.run(c)
	return true
}

// forget is called by a session that has ended.
func (s *Server) forget(sess *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sessions[sess.place] == sess {
		delete(s.sessions, sess.place)
	}
}

// find gives the session of an identity in a room, nil when there is none.
func (s *Server) find(p place) *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sessions[p]
}

// inRoom gives all sessions in a room.
func (s *Server) inRoom(room string) []*session {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []*session
	for p, sess := range s.sessions {
		if p.room == room {
			found = append(found, sess)
		}
	}
	return found
}
