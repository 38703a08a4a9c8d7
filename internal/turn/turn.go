// Package turn helps clients through NATs: a STUN and TURN server (RFC 8489, RFC 8656) over UDP, TCP and TLS, and what
// clients are told of it and of other such servers.
package turn

import (
	"crypto/tls"
	"log/slog"
	"net/netip"
)

// Config is what a server needs.
type Config struct {
	// UDPAndTCP and TLS are addresses to listen at, empty for none.
	UDPAndTCP, TLS string
	// Certificate is what TLS needs.
	Certificate *tls.Config
	// Secret signs credentials (see Directory).
	Secret string
	// Relay is the address that relayed media leaves from, and that peers are told; the ports are those from First to Last.
	Relay       netip.Addr
	First, Last uint16
	// Media are this server's own WebRTC addresses, to which relaying is always allowed.
	Media []netip.AddrPort
	// Allow are networks to which relaying is allowed though they are not global.
	Allow []netip.Prefix
	Log   *slog.Logger
}

// Server is an open STUN and TURN server.
type Server struct{}

// Listen opens it.
func Listen(cfg Config) (*Server, error) { return &Server{}, nil }

// Ports are where it listens, 0 for what is off.
func (s *Server) Ports() (udp, tcp, tls int) { return 0, 0, 0 }

// Close ends all allocations and waits until everything has stopped.
func (s *Server) Close() error { return nil }
