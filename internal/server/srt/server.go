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
	"net/netip"
	"sync"
	"time"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/limit"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/srt"
	"github.com/tuttilive/tutti/internal/studio"
	"github.com/tuttilive/tutti/internal/studio/ingest"
)

// A passphrase has so many bytes (SRT Internet-Draft, section 6.1.4).
const shortest, longest = 10, 80

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

	// MaxConnections bounds all connections, 500 when 0; MaxPerAddress those of one address (of one /64 in IPv6), 16 when 0.
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
	listener   *srt.Listener
	running    sync.WaitGroup
	idle       time.Duration // how long an encoder may send nothing

	maxConnections, maxPerAddress int

	mu         sync.Mutex
	sessions   map[*session]struct{}
	perAddress map[netip.Prefix]int
	closed     bool
}

// Listen opens the door. Serve lets encoders in.
func Listen(o Options) (*Server, error) {
	if n := len(o.Passphrase); n > 0 && (n < shortest || n > longest) {
		return nil, errors.New("the passphrase of SRT must have 10 to 80 bytes")
	}
	l, err := srt.Listen(o.Address, srt.Config{Latency: o.Latency})
	if err != nil {
		return nil, fmt.Errorf("listening for SRT: %w", err)
	}
	s := &Server{
		stage: houseStage{o.House}, passphrase: o.Passphrase, log: o.Log, listener: l, idle: 12 * time.Second, sessions: map[*session]struct{}{}, perAddress: map[netip.Prefix]int{},
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
		req, err := s.listener.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return nil
		case err != nil:
			return fmt.Errorf("accepting SRT connections: %w", err)
		}
		x, ok := s.admit(req.RemoteAddr())
		if !ok {
			req.Reject(srt.Overload)
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
func (s *Server) admit(peer netip.AddrPort) (*session, bool) {
	x := &session{server: s, host: peer.Addr().String(), network: limit.NetworkOf(peer.Addr()), log: s.log.With("peer", peer), kicked: make(chan struct{})}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || len(s.sessions) >= s.maxConnections || s.perAddress[x.network] >= s.maxPerAddress {
		return nil, false
	}
	s.sessions[x] = struct{}{}
	s.perAddress[x.network]++
	s.running.Add(1)
	return x, true
}

func (s *Server) end(x *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sessions, x)
	if s.perAddress[x.network]--; s.perAddress[x.network] == 0 {
		delete(s.perAddress, x.network)
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
