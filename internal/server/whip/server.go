package whip

import (
	"context"
	"log/slog"
	"net/http"
	"sync"

	"github.com/tuttilive/tutti/internal/rtc"
	"github.com/tuttilive/tutti/internal/studio"
	"github.com/tuttilive/tutti/internal/studio/ingest"
)

// Config is what the door needs.
type Config struct {
	House    *studio.House
	Endpoint *rtc.Endpoint
	Log      *slog.Logger
	// MaxSessions bounds sessions overall, 10000 when 0; MaxPerAddress those of one address (of one /64 in IPv6), 1000
	// when 0. Of sessions that are not connected yet there may be a quarter as many.
	MaxSessions, MaxPerAddress int
}

// Server is the door, an http.Handler for the paths below /whip/ and /whep/. Close it before the endpoint.
type Server struct {
	house    house
	endpoint endpoint
	log      *slog.Logger
	limits   limits

	mu       sync.Mutex
	sessions map[string]*session // by id
	closed   bool
	ending   sync.WaitGroup
}

// New makes the door.
func New(cfg Config) *Server {
	return newServer(studioHouse{cfg.House}, rtcEndpoint{cfg.Endpoint}, cfg)
}

func newServer(h house, e endpoint, cfg Config) *Server {
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	return &Server{
		house: h, endpoint: e, log: cfg.Log, sessions: map[string]*session{},
		limits: newLimits(cfg.MaxSessions, cfg.MaxPerAddress),
	}
}

var _ http.Handler = (*Server)(nil)

// Close ends all sessions and refuses new ones. It returns when all have left their rooms.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	all := make([]*session, 0, len(s.sessions))
	for _, x := range s.sessions {
		all = append(all, x)
	}
	s.mu.Unlock()
	for _, x := range all {
		x.end(ingest.ErrShutdown)
	}
	s.ending.Wait()
}

// Shutdown is Close for as long as ctx lasts.
func (s *Server) Shutdown(ctx context.Context) error {
	done := make(chan struct{})
	go func() { s.Close(); close(done) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// keep makes a session known under its id. It is false when the door is closed, or the session ended.
func (s *Server) keep(x *session) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-x.ended: // its peer was faster
		return false
	default:
	}
	if s.closed {
		return false
	}
	s.sessions[x.id] = x
	s.ending.Add(1)
	return true
}

func (s *Server) forget(x *session) {
	s.mu.Lock()
	_, kept := s.sessions[x.id]
	delete(s.sessions, x.id)
	s.mu.Unlock()
	if kept {
		s.ending.Done()
	}
}

// find gives a session of a room.
func (s *Server) find(p path) (*session, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	x, ok := s.sessions[p.id]
	if !ok || x.path.room != p.room || x.path.verb != p.verb {
		return nil, false
	}
	return x, true
}
