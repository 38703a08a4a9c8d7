// Package srt is the door for encoders that speak SRT: OBS, ffmpeg, cameras. They call us (mode caller) with a transport stream of H.264 or
// H.265, and AAC or Opus. The stream id says which room, and shows a key; see parseStreamID.
//
// A passphrase encrypts the way. It is the server's, where there is one, and then everybody must use it; else the stream key, for who wants to.
package srt

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	gosrt "github.com/datarhei/gosrt"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/studio"
	"github.com/tuttilive/tutti/internal/studio/ingest"
)

// Options are what the door needs.
type Options struct {
	// Address to listen on over UDP, "host:port".
	Address string
	House   *studio.House
	// Passphrase that all connections must use, 10 to 80 bytes; empty for none.
	Passphrase string
	// Latency is how long packets wait for those that were lost; an encoder may ask for more.
	Latency time.Duration
	Log     *slog.Logger

	// MaxConnections bounds all connections, 500 when 0; MaxPerAddress those of one IP address, 16 when 0.
	MaxConnections, MaxPerAddress int
}

// stage is what the door needs of the house.
type stage interface {
	Admit(roomName string, c studio.Credential, a studio.Action) (auth.Claims, error)
	AdmitEncoder(ctx context.Context, roomName, protocol string, c studio.Credential) (studio.Encoder, error)
	// TurnAway notes for a room's hosts that an encoder was turned away.
	TurnAway(roomName, protocol, code, reason string)
	enter(e studio.Encoder, program room.Program, obs studio.EncoderObserver) (ingest.Participant, error)
}

type houseStage struct{ *studio.House }

func (h houseStage) enter(e studio.Encoder, program room.Program, obs studio.EncoderObserver) (ingest.Participant, error) {
	p, err := h.EnterEncoder(e, program, obs)
	if err != nil {
		return nil, err
	}
	return ingest.Of(p), nil
}

// Server is the listener. Close ends it and all its connections.
type Server struct {
	stage      stage
	passphrase string
	log        *slog.Logger
	listener   gosrt.Listener
	running    sync.WaitGroup
	crashed    atomic.Uint64 // handshakes on which the library panicked
	limits     limits
	held       atomic.Int64 // packets of all connections that wait for their time
	searched   bucket       // of all connections
	acks       *sync.Map    // see inspector

	maxConnections, maxPerAddress int

	mu         sync.Mutex
	sessions   map[*session]struct{}
	perAddress map[string]int
	closed     bool
}

// Listen opens the door. Serve lets encoders in.
func Listen(o Options) (*Server, error) {
	config := gosrt.DefaultConfig()
	config.EnforcedEncryption = true
	acks := &sync.Map{}
	config.Logger = inspector{gosrt.NewLogger(nil), acks}
	if o.Latency > 0 {
		config.ReceiverLatency = o.Latency
	}
	if o.Passphrase != "" && (len(o.Passphrase) < gosrt.MIN_PASSPHRASE_SIZE || len(o.Passphrase) > gosrt.MAX_PASSPHRASE_SIZE) {
		return nil, errors.New("the passphrase of SRT must have 10 to 80 bytes")
	}
	l, err := gosrt.Listen("srt", o.Address, config)
	if err != nil {
		return nil, fmt.Errorf("listening for SRT: %w", err)
	}
	s := &Server{
		stage: houseStage{o.House}, passphrase: o.Passphrase, log: o.Log, listener: l, limits: usual, acks: acks, sessions: map[*session]struct{}{}, perAddress: map[string]int{},
		maxConnections: o.MaxConnections, maxPerAddress: o.MaxPerAddress,
	}
	if s.log == nil {
		s.log = slog.Default()
	}
	s.log = s.log.With("door", "srt")
	if s.maxConnections == 0 {
		s.maxConnections = 500
	}
	if s.maxPerAddress == 0 {
		s.maxPerAddress = 16
	}
	return s, nil
}

// Addr is where it listens.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Serve lets encoders in until Close, and then returns nil.
func (s *Server) Serve() error {
	for {
		req, err := s.accept()
		switch {
		case errors.Is(err, errHandshake):
			if n := s.crashed.Add(1); n == 1 || n%1000 == 0 {
				s.log.Warn("a handshake that nobody honest sends", "error", err, "count", n)
			}
			continue
		case errors.Is(err, gosrt.ErrListenerClosed):
			return nil
		case err != nil:
			return fmt.Errorf("accepting SRT connections: %w", err)
		}
		x, ok := s.admit(req)
		if !ok {
			refuse(req, gosrt.REJX_OVERLOAD)
			continue
		}
		go func() {
			defer s.running.Done()
			defer s.end(x)
			x.run(req)
		}()
	}
}

// admit makes a session of a request, unless there are too many.
func (s *Server) admit(req gosrt.ConnRequest) (*session, bool) {
	peer := req.RemoteAddr().String()
	host, _, err := net.SplitHostPort(peer)
	if err != nil {
		host = peer
	}
	x := &session{server: s, host: host, log: s.log.With("peer", peer), kicked: make(chan struct{})}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || len(s.sessions) >= s.maxConnections || s.perAddress[host] >= s.maxPerAddress {
		return nil, false
	}
	s.sessions[x] = struct{}{}
	s.perAddress[host]++
	s.running.Add(1)
	return x, true
}

func (s *Server) end(x *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sessions, x)
	if s.perAddress[x.host]--; s.perAddress[x.host] == 0 {
		delete(s.perAddress, x.host)
	}
}

// Close sends all encoders away and waits until their connections have ended.
func (s *Server) Close() error {
	s.mu.Lock()
	s.closed = true
	for x := range s.sessions {
		x.kick(ingest.ErrShutdown)
	}
	s.mu.Unlock()
	s.listener.Close()
	s.running.Wait()
	return nil
}
