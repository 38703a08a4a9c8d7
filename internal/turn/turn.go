// Package turn helps clients through NATs: a STUN and TURN server (RFC 8489, RFC 8656) over UDP, TCP and TLS, and what
// clients are told of it and of other such servers.
//
// The protocol is pion/turn's. Around it stand our own guards: the gate looks at every request before it (who asks, how
// often, with which credentials), streams cut TCP into messages, and relays are sockets that only talk to whom the filter
// lets them. What a relay may reach: this server's own WebRTC addresses, other relays of this server, and global
// addresses that are not this host's own. Everything else is dropped in the relay socket, whatever came before.
package turn

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/pion/turn/v5"
)

// Config is what a server needs.
type Config struct {
	// UDPAndTCP and TLS are addresses to listen at, empty for none. Port 0 is any free one, the same for UDP and TCP.
	UDPAndTCP, TLS string
	// Dispensable are ports that the server goes on without, after a warning, when another program has them.
	Dispensable []uint16
	// Certificate is what TLS needs.
	Certificate *tls.Config
	// Secret signs credentials (see Directory and DeriveSecret).
	Secret string
	// Relay are the addresses that relayed media leaves from, and that peers are told: at most one of each family. One
	// that no interface has is taken for the outside of a one-to-one NAT. The ports are those from First to Last.
	Relay       []netip.Addr
	First, Last uint16
	// Media are this server's own WebRTC addresses, to which relaying is always allowed.
	Media []netip.AddrPort
	// Allow are networks to which relaying is allowed though they are not global.
	Allow []netip.Prefix
	// Limits bound what clients may use.
	Limits Limits
	// Bound, where it is not nil, wraps the listeners for TCP and TLS.
	Bound func(net.Listener) net.Listener
	// Short, where it is not nil, tells that a socket has one of the last descriptors, which are not for relays.
	Short func(syscall.Conn) bool
	Log   *slog.Logger

	now func() time.Time // time.Now when nil
}

// Server is an open STUN and TURN server. All its methods are safe for use by several goroutines.
type Server struct {
	server *turn.Server // nil when nothing is listened at
	gate   *gate
	relays *relays
	stream *streams
	count  counters

	udp, tcp, tls int
	closing       sync.Once
	failure       error
}

// allocationLifetime is how long an allocation lasts that is not refreshed, where the client does not ask for another time
// (browsers do not). It is shorter than RFC 8656's 10 minutes because a browser that is closed or reloaded says nothing,
// and what it had counts until then.
const allocationLifetime = 3 * time.Minute

// Listen opens it.
func Listen(cfg Config) (*Server, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.now == nil {
		cfg.now = time.Now
	}
	cfg.Limits = cfg.Limits.withDefaults()
	if cfg.Bound == nil {
		cfg.Bound = func(l net.Listener) net.Listener { return l }
	}
	if cfg.Short == nil {
		cfg.Short = func(syscall.Conn) bool { return false }
	}
	s := &Server{}
	if cfg.UDPAndTCP == "" && cfg.TLS == "" {
		return s, nil
	}
	if cfg.Secret == "" {
		return nil, errors.New("turn: a secret is needed")
	}
	var err error
	if s.relays, err = newRelays(cfg, &s.count); err != nil {
		return nil, err
	}
	s.gate = newGate(cfg, s.relays, &s.count)
	s.stream = newStreams(s.gate, cfg.Limits, &s.count)
	sockets, err := s.open(cfg)
	if err != nil {
		return nil, err
	}
	if sockets.none() {
		return s, nil
	}
	pion := turn.ServerConfig{
		Realm: realm, LoggerFactory: silence{}, AuthHandler: s.gate.authenticate, QuotaHandler: s.relays.mayOpen, EventHandler: s.relays.events(),
		AllocationLifetime: allocationLifetime,
		// RFC 6156, section 4.2: IPv4 unless the client asks for something else, if we have it.
		StrictAddressFamily: s.relays.has(netip.IPv4Unspecified()),
	}
	if sockets.packets != nil {
		pion.PacketConnConfigs = []turn.PacketConnConfig{{
			PacketConn: newPackets(sockets.packets, s.gate), RelayAddressGenerator: s.relays, PermissionHandler: s.relays.mayPermit,
		}}
	}
	for _, l := range sockets.streams() {
		pion.ListenerConfigs = append(pion.ListenerConfigs, turn.ListenerConfig{
			Listener: l, RelayAddressGenerator: s.relays, PermissionHandler: s.relays.mayPermit,
		})
	}
	if s.server, err = turn.NewServer(pion); err != nil {
		sockets.close()
		return nil, fmt.Errorf("turn: %w", err)
	}
	return s, nil
}

// sockets are what a server listens at, nil for what is off.
type sockets struct {
	packets  *net.UDPConn
	tcp, tls net.Listener
}

func (s sockets) none() bool { return s.packets == nil && len(s.streams()) == 0 }

func (s sockets) streams() []net.Listener {
	return slices.DeleteFunc([]net.Listener{s.tcp, s.tls}, func(l net.Listener) bool { return l == nil })
}

func (s sockets) close() {
	if s.packets != nil {
		s.packets.Close()
	}
	for _, l := range s.streams() {
		l.Close()
	}
}

// open opens all sockets, or those that are not dispensable.
func (s *Server) open(cfg Config) (sockets, error) {
	var all sockets
	spare := func(what, address string, err error) error {
		var port uint16
		if ap, resolveErr := net.ResolveTCPAddr("tcp", address); resolveErr == nil {
			port = uint16(ap.Port)
		}
		if !errors.Is(err, syscall.EADDRINUSE) || !slices.Contains(cfg.Dispensable, port) {
			return fmt.Errorf("opening %s: %w", what, err)
		}
		cfg.Log.Warn("another program has the port: going on without", "what", what, "address", address)
		return nil
	}
	if cfg.UDPAndTCP != "" {
		packets, listener, udpErr, tcpErr := listenBoth(cfg.UDPAndTCP)
		if packets != nil {
			all.packets, s.udp = packets, packets.LocalAddr().(*net.UDPAddr).Port
		}
		if listener != nil {
			all.tcp, s.tcp = s.stream.listener(cfg.Bound(listener), nil), listener.Addr().(*net.TCPAddr).Port
		}
		if udpErr != nil {
			udpErr = spare("STUN and TURN over UDP", cfg.UDPAndTCP, udpErr)
		}
		if tcpErr != nil {
			tcpErr = spare("TURN over TCP", cfg.UDPAndTCP, tcpErr)
		}
		if err := errors.Join(udpErr, tcpErr); err != nil {
			all.close()
			return sockets{}, err
		}
	}
	if cfg.TLS != "" {
		if cfg.Certificate == nil {
			all.close()
			return sockets{}, errors.New("TURN over TLS needs a certificate")
		}
		listener, err := net.Listen("tcp", cfg.TLS)
		if err == nil {
			secure := cfg.Certificate.Clone()
			secure.NextProtos = nil // the certificate is shared with HTTP, whose protocols are not spoken here
			all.tls, s.tls = s.stream.listener(cfg.Bound(listener), secure), listener.Addr().(*net.TCPAddr).Port
		} else if err = spare("TURN over TLS", cfg.TLS, err); err != nil {
			all.close()
			return sockets{}, err
		}
	}
	return all, nil
}

// listenBoth opens the same port for UDP and TCP. With port 0 it looks for one that is free for both.
func listenBoth(address string) (packets *net.UDPConn, listener net.Listener, udpErr, tcpErr error) {
	local, err := net.ResolveUDPAddr("udp", address)
	if err != nil {
		return nil, nil, err, nil
	}
	for range 20 {
		if packets, udpErr = net.ListenUDP("udp", local); udpErr == nil {
			_ = packets.SetReadBuffer(2 << 20) // as much as the system gives
			_ = packets.SetWriteBuffer(2 << 20)
		}
		where := *local
		if local.Port == 0 && udpErr == nil {
			where.Port = packets.LocalAddr().(*net.UDPAddr).Port
		}
		listener, tcpErr = net.Listen("tcp", where.String())
		if local.Port != 0 || tcpErr == nil || udpErr != nil {
			break
		}
		packets.Close()
		packets = nil
	}
	return packets, listener, udpErr, tcpErr
}

// Ports are where it listens, 0 for what is off.
func (s *Server) Ports() (udp, tcp, tls int) { return s.udp, s.tcp, s.tls }

// Close ends all allocations and waits until everything has stopped.
func (s *Server) Close() error {
	s.closing.Do(func() {
		if s.server == nil {
			return
		}
		s.relays.refuse()
		s.failure = s.server.Close()
		s.stream.close()
		s.relays.close()
	})
	return s.failure
}
