// Package probe is the door for connectivity tests: a page finds out here which of the server's ports it can reach, and how
// good the way is. It is open to everybody, so nobody gets more of it than a test needs: see ledger.go for the limits.
//
//   - GET /probe/ice: STUN and TURN servers, and the ports of WebRTC.
//   - GET /probe/ws: a WebSocket that echoes, for round-trip times.
//   - GET /probe/down and POST /probe/up: bytes, for bandwidth.
//   - POST /probe/rtc: a WebRTC peer that echoes on a data channel, for loss, round-trip times and jitter on the media port.
package probe

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/tuttilive/tutti/internal/limit"
	"github.com/tuttilive/tutti/internal/rtc"
	"github.com/tuttilive/tutti/internal/studio/refusal"
	"github.com/tuttilive/tutti/internal/turn"
)

// testTime is how long one test lasts at most: an echoing WebSocket or peer, or a transfer.
const testTime = 30 * time.Second

// Config is what the door needs.
type Config struct {
	Endpoint *rtc.Endpoint
	ICE      *turn.Directory
	Log      *slog.Logger
}

// Server is the door: an http.Handler for /probe/. Shut it down before the endpoint.
type Server struct {
	endpoint *rtc.Endpoint
	ice      *turn.Directory
	log      *slog.Logger
	ledger   *ledger
	names    names

	// testing ends with the door, and everything under way with it.
	testing context.Context
	stop    context.CancelFunc

	mu      sync.Mutex
	closed  bool
	running sync.WaitGroup
}

// New makes the door.
func New(cfg Config) *Server {
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	s := &Server{endpoint: cfg.Endpoint, ice: cfg.ICE, log: cfg.Log, ledger: newLedger(time.Now), names: newNames()}
	s.testing, s.stop = context.WithCancel(context.Background())
	return s
}

// ServeHTTP answers probes.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	method, kind, serve := http.MethodGet, lookup, s.serveICE
	switch r.URL.Path {
	case "/probe/ice":
	case "/probe/ws":
		kind, serve = socket, s.serveSocket
	case "/probe/down":
		kind, serve = transfer, s.serveDown
	case "/probe/up":
		method, kind, serve = http.MethodPost, transfer, s.serveUp
	case "/probe/rtc":
		method, kind, serve = http.MethodPost, session, s.serveRTC
	default:
		refusal.Write(w, refusal.NotFound)
		return
	}
	if r.Method != method {
		w.Header().Set("Allow", method)
		refusal.Write(w, refusal.Method)
		return
	}
	if fromElsewhere(r) {
		refusal.Write(w, errOrigin)
		return
	}
	v, err := s.begin(limit.Network(r.RemoteAddr), kind)
	if err != nil {
		refusal.Write(w, err)
		return
	}
	w.Header().Set("Cache-Control", "no-store, no-transform")
	if err := serve(w, r, v); err != nil {
		v.end()
		refusal.Write(w, err)
	}
}

// fromElsewhere tells that a page of another site has sent a browser here. It could have its visitors spend our bandwidth.
func fromElsewhere(r *http.Request) bool {
	var protection http.CrossOriginProtection
	return protection.Check(r) != nil || r.Header.Get("Sec-Fetch-Site") == "cross-site"
}

// begin lets a test begin, unless its client has had enough or the door is closed. The visit's end must be told.
func (s *Server) begin(who network, k kind) (*visit, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, errClosed
	}
	leave, err := s.ledger.enter(who, k)
	if err != nil {
		return nil, err
	}
	s.running.Add(1)
	return &visit{server: s, who: who, finish: sync.OnceFunc(func() { leave(); s.running.Done() })}, nil
}

// visit is one test under way.
type visit struct {
	server *Server
	who    network
	finish func()
}

// end may be told more than once.
func (v *visit) end() { v.finish() }

// spend takes bytes from what the client may transfer.
func (v *visit) spend(bytes int64) error { return v.server.ledger.spend(v.who, bytes) }

// Shutdown ends what is under way, and refuses what comes later. It waits for as long as ctx lasts.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.stop()
	done := make(chan struct{})
	go func() { s.running.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
