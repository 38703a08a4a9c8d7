package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/tuttilive/tutti/internal/config"
	"github.com/tuttilive/tutti/internal/rtc"
	"github.com/tuttilive/tutti/internal/turn"
)

// standardTURNPorts are those that another program, such as coturn, may well have: then the server starts without them.
var standardTURNPorts = []uint16{3478, 5349}

// openTURN opens the STUN and TURN server and says what clients are told of it.
func (s *server) openTURN(c config.Server, secret string, endpoint *rtc.Endpoint, certificate *tls.Config) (*turn.Directory, error) {
	cfg := turn.Config{
		UDPAndTCP: listenAt(c.TURN), TLS: listenAt(c.TURNS), Dispensable: standardTURNPorts, Certificate: certificate,
		Secret: turn.DeriveSecret(secret), Media: endpoint.Addresses(), Bound: s.connections.Bound, Short: s.connections.Short, Log: s.log,
	}
	var err error
	if cfg.First, cfg.Last, err = c.RelayPorts(); err != nil {
		return nil, err
	}
	if cfg.Allow, err = c.RelayNetworks(); err != nil {
		return nil, err
	}
	if cfg.Relay, err = c.RelayAddresses(); err != nil {
		return nil, err
	}
	if len(cfg.Relay) == 0 {
		cfg.Relay = relayAddresses([]string{cfg.UDPAndTCP, cfg.TLS}, cfg.Media)
	}
	if s.turn, err = turn.Listen(cfg); err != nil {
		return nil, fmt.Errorf("opening STUN and TURN: %w", err)
	}
	s.onClose(func(context.Context) { s.closeQuietly(s.turn) })
	udp, tcp, overTLS := s.turn.Ports()
	return turn.NewDirectory(turn.DirectoryConfig{
		Secret: cfg.Secret, UDP: udp, TCP: tcp, TLS: overTLS, Host: c.TURNHost,
		Outside: turn.Outside{URLs: c.TURNServer, Secret: c.TURNSecret, User: c.TURNUser, Password: c.TURNPassword},
	})
}

// turnPorts are the ports of TURN without and with TLS, 0 for what is off.
func (s *server) turnPorts() (plain, overTLS int) {
	udp, tcp, overTLS := s.turn.Ports()
	return max(udp, tcp), overTLS
}

func listenAt(address string) string {
	if address == config.Off {
		return ""
	}
	return address
}

// relayAddresses are what relayed media is sent from when nobody has said: the address at which the server listens, where
// that is just one, else the first IPv4 and the first global IPv6 address that WebRTC announces.
func relayAddresses(listen []string, media []netip.AddrPort) []netip.Addr {
	for _, address := range listen {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			continue
		}
		if host == "localhost" {
			host = "127.0.0.1"
		}
		if a, err := netip.ParseAddr(host); err == nil && !a.IsUnspecified() {
			return []netip.Addr{a.Unmap().WithZone("")}
		}
	}
	var list []netip.Addr
	if i := slices.IndexFunc(media, func(m netip.AddrPort) bool { return m.Addr().Is4() }); i >= 0 {
		list = append(list, media[i].Addr())
	}
	if i := slices.IndexFunc(media, func(m netip.AddrPort) bool {
		return m.Addr().Is6() && m.Addr().IsGlobalUnicast() && !m.Addr().IsPrivate()
	}); i >= 0 {
		list = append(list, media[i].Addr())
	}
	if len(list) == 0 {
		list = append(list, netip.AddrFrom4([4]byte{127, 0, 0, 1}))
	}
	return list
}
