package rtmp

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/tuttilive/tutti/internal/poller"
	"github.com/tuttilive/tutti/internal/studio"
	"github.com/tuttilive/tutti/internal/studio/ingest"
)

// Options are what the door needs.
type Options struct {
	// Address to listen on, "host:port".
	Address string
	// TLSAddress is where RTMPS is spoken, with TLS; empty for nowhere.
	TLSAddress string
	TLS        *tls.Config
	// Bound, where it is not nil, wraps the listeners.
	Bound func(net.Listener) net.Listener
	House *studio.House
	// Tick is how long what players get is gathered: 0 writes each picture with the sound before it, more saves work. At most 350 ms.
	Tick time.Duration
	Log  *slog.Logger

	// MaxConnections bounds all connections but players', 1000 when 0; MaxPerAddress those of one address (of one /64 in IPv6), 32 when 0.
	// MaxPlayers bounds the players of one address, 256 when 0.
	MaxConnections, MaxPerAddress, MaxPlayers int
	// Idle is how long a publisher may send nothing, 12 s when 0.
	Idle time.Duration
}

// Server is the listener. Close ends it and all its connections.
type Server struct {
	stage          stage
	log            *slog.Logger
	idle           time.Duration
	maxConnections int
	maxPerAddress  int
	maxPlayers     int // of an address
	listeners      []net.Listener
	poller         *poller.Poller // of players; nil where there is none

	running sync.WaitGroup

	mu         sync.Mutex
	sessions   map[*session]struct{}
	counted    int // of the sessions, those that do not play
	perAddress map[netip.Prefix]int
	players    map[netip.Prefix]int // by address
	closed     bool
}

// Listen opens the door. Serve lets clients in.
func Listen(o Options) (*Server, error) {
	log := o.Log
	if log == nil {
		log = slog.Default()
	}
	return listen(o, houseStage{o.House, min(max(o.Tick, 0), 350*time.Millisecond), log.With("door", "rtmp")})
}

func listen(o Options, st stage) (*Server, error) {
	l, err := net.Listen("tcp", o.Address)
	if err != nil {
		return nil, fmt.Errorf("listening for RTMP: %w", err)
	}
	if o.Bound == nil {
		o.Bound = func(l net.Listener) net.Listener { return l }
	}
	listeners := []net.Listener{o.Bound(l)}
	if o.TLSAddress != "" {
		plain, err := net.Listen("tcp", o.TLSAddress)
		if err != nil {
			l.Close()
			return nil, fmt.Errorf("listening for RTMPS: %w", err)
		}
		listeners = append(listeners, tls.NewListener(o.Bound(plain), o.TLS))
	}
	s := &Server{
		stage: st, log: o.Log, idle: o.Idle, maxConnections: o.MaxConnections, maxPerAddress: o.MaxPerAddress, listeners: listeners,
		sessions: map[*session]struct{}{}, perAddress: map[netip.Prefix]int{}, players: map[netip.Prefix]int{}, maxPlayers: o.MaxPlayers,
	}
	if s.log == nil {
		s.log = slog.Default()
	}
	s.log = s.log.With("door", "rtmp")
	if s.poller, err = poller.New(); err != nil {
		s.log.Debug("players are listened to by a goroutine each", "reason", err)
		s.poller = nil
	}
	if s.idle == 0 {
		s.idle = 12 * time.Second
	}
	if s.maxConnections == 0 {
		s.maxConnections = 1000
	}
	if s.maxPerAddress == 0 {
		s.maxPerAddress = 32
	}
	if s.maxPlayers == 0 {
		s.maxPlayers = 256
	}
	return s, nil
}

// Addr is where it listens for RTMP, TLSAddr where for RTMPS, nil for nowhere.
func (s *Server) Addr() net.Addr { return s.listeners[0].Addr() }

// TLSAddr is where it listens for RTMPS.
func (s *Server) TLSAddr() net.Addr {
	if len(s.listeners) < 2 {
		return nil
	}
	return s.listeners[1].Addr()
}

// Serve accepts connections until Close, and then returns nil.
func (s *Server) Serve() error {
	failed := make(chan error, len(s.listeners))
	for _, l := range s.listeners {
		go func() { failed <- s.serve(l) }()
	}
	var err error
	for range s.listeners {
		err = errors.Join(err, <-failed)
	}
	return err
}

func (s *Server) serve(l net.Listener) error {
	for {
		c, err := l.Accept()
		switch {
		case err == nil:
			s.start(c)
		case errors.Is(err, net.ErrClosed):
			return nil
		default:
			// Out of descriptors or a connection that died while it waited: the next one may do better.
			s.log.Warn("accepting a connection", "error", err)
			time.Sleep(50 * time.Millisecond)
		}
	}
}

func (s *Server) start(c net.Conn) {
	x := newSession(s, c)
	s.mu.Lock()
	if s.closed || s.counted >= s.maxConnections || s.perAddress[x.network] >= s.maxPerAddress {
		s.mu.Unlock()
		x.log.Info("connection refused", "error", "too many connections")
		c.Close()
		return
	}
	s.sessions[x] = struct{}{}
	x.counted = true
	s.counted++
	s.perAddress[x.network]++
	s.running.Add(1)
	s.mu.Unlock()
	go x.run(x.serve)
}

func (s *Server) end(x *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sessions, x)
	s.uncount(x)
	if x.plays {
		if s.players[x.network]--; s.players[x.network] == 0 {
			delete(s.players, x.network)
		}
	}
}

// watches takes a session for a player's, of which there may be as many as there are descriptors, but not all from one address.
func (s *Server) watches(x *session) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.players[x.network] >= s.maxPlayers {
		return errManyPlayers
	}
	s.players[x.network]++
	x.plays = true
	s.uncount(x)
	return nil
}

// uncount frees a place within the limits. The caller holds the lock.
func (s *Server) uncount(x *session) {
	if !x.counted {
		return
	}
	x.counted = false
	s.counted--
	if s.perAddress[x.network]--; s.perAddress[x.network] == 0 {
		delete(s.perAddress, x.network)
	}
}

// Close sends all clients away and waits until their connections have ended.
func (s *Server) Close() error {
	var err error
	for _, l := range s.listeners {
		err = errors.Join(err, l.Close())
	}
	s.mu.Lock()
	s.closed = true
	sessions := slices.Collect(maps.Keys(s.sessions))
	s.mu.Unlock()
	for _, x := range sessions {
		x.conn.kick(ingest.ErrShutdown)
		x.leave()
	}
	s.running.Wait()
	if s.poller != nil {
		s.poller.Close()
	}
	return err
}
