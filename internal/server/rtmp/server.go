package rtmp

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/tuttilive/tutti/internal/studio"
)

// takeoverSilence is how long a publisher must have sent nothing before a connection from another address may take over.
const takeoverSilence = 3 * time.Second

// Options are what the door needs.
type Options struct {
	// Address to listen on, "host:port".
	Address string
	House   *studio.House
	Log     *slog.Logger

	// MaxConnections bounds all connections, 1000 when 0; MaxPerAddress those of one IP address, 32 when 0.
	MaxConnections, MaxPerAddress int
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
	listener       net.Listener

	running sync.WaitGroup

	mu         sync.Mutex
	sessions   map[*session]struct{}
	perAddress map[string]int
	publishers map[string]*session // by room and identity
	closed     bool
}

// Listen opens the door. Serve lets clients in.
func Listen(o Options) (*Server, error) { return listen(o, houseStage{o.House}) }

func listen(o Options, st stage) (*Server, error) {
	l, err := net.Listen("tcp", o.Address)
	if err != nil {
		return nil, fmt.Errorf("listening for RTMP: %w", err)
	}
	s := &Server{
		stage: st, log: o.Log, idle: o.Idle, maxConnections: o.MaxConnections, maxPerAddress: o.MaxPerAddress, listener: l,
		sessions: map[*session]struct{}{}, perAddress: map[string]int{}, publishers: map[string]*session{},
	}
	if s.log == nil {
		s.log = slog.Default()
	}
	s.log = s.log.With("door", "rtmp")
	if s.idle == 0 {
		s.idle = 12 * time.Second
	}
	if s.maxConnections == 0 {
		s.maxConnections = 1000
	}
	if s.maxPerAddress == 0 {
		s.maxPerAddress = 32
	}
	return s, nil
}

// Addr is where it listens.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Serve accepts connections until Close, and then returns nil.
func (s *Server) Serve() error {
	for {
		c, err := s.listener.Accept()
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
	if s.closed || len(s.sessions) >= s.maxConnections || s.perAddress[x.host] >= s.maxPerAddress {
		s.mu.Unlock()
		x.log.Info("connection refused", "error", "too many connections")
		c.Close()
		return
	}
	s.sessions[x] = struct{}{}
	s.perAddress[x.host]++
	s.running.Add(1)
	s.mu.Unlock()
	go func() {
		defer s.running.Done()
		defer s.end(x)
		x.run()
	}()
}

func (s *Server) end(x *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sessions, x)
	if s.perAddress[x.host]--; s.perAddress[x.host] == 0 {
		delete(s.perAddress, x.host)
	}
}

// claim makes a session the publisher of a name. The one before is sent away when it may be taken over.
func (s *Server) claim(name string, x *session) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if before := s.publishers[name]; before != nil && before != x {
		if before.host != x.host && before.conn.silence() < takeoverSilence {
			return errPublished
		}
		before.conn.kick(errReplaced)
	}
	s.publishers[name] = x
	return nil
}

func (s *Server) release(name string, x *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.publishers[name] == x {
		delete(s.publishers, name)
	}
}

// Close sends all clients away and waits until their connections have ended.
func (s *Server) Close() error {
	err := s.listener.Close()
	s.mu.Lock()
	s.closed = true
	for x := range s.sessions {
		x.conn.kick(errShutdown)
	}
	s.mu.Unlock()
	s.running.Wait()
	return err
}
