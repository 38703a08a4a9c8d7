package turn

import (
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/pion/turn/v5"

	"github.com/tuttilive/tutti/internal/address"
)

var (
	errNoRelay      = errors.New("no relay for this address family")
	errNoPort       = errors.New("no free port for a relay")
	errShort        = errors.New("no more descriptors but those that nobody else can do without")
	errQuota        = errors.New("the user has too many allocations")
	errShuttingDown = errors.New("shutting down")
	errNoTCP        = errors.New("relaying over TCP is not offered") // RFC 6062
)

// maxPermissions are the addresses that a client may have permissions for at once. A browser asks for one for each
// candidate of its peer.
const maxPermissions = 128

// side is one address that relays have.
type side struct {
	address netip.Addr
	// bind is where sockets are bound: the same, or everything when the address is the outside of a NAT.
	bind netip.Addr
	// ports are the open relays, the first port's first.
	ports []atomic.Pointer[relay]
}

// behindNAT tells whether the address is none of the machine's.
func (s *side) behindNAT() bool { return s.bind.IsUnspecified() }

// relays are all relay sockets; pion asks them for new ones (turn.RelayAddressGenerator). Safe for several goroutines.
type relays struct {
	sides   []*side
	first   uint16
	filter  filter
	limits  Limits
	short   func(syscall.Conn) bool
	count   *counters
	log     *slog.Logger
	started time.Time

	mu       sync.Mutex
	accounts map[string]*account
	byFrom   map[netip.Prefix]int                       // allocations by client address
	permits  map[netip.AddrPort]map[netip.Addr]struct{} // whom each client has permissions for
	closed   bool
	open     int        // relays, and allocations that pion has announced and not ended yet
	idle     *sync.Cond // told when open is 0; its lock is mu
}

func newRelays(cfg Config, count *counters) (*relays, error) {
	if cfg.First == 0 || cfg.Last < cfg.First {
		return nil, fmt.Errorf("turn: %d-%d is no range of ports", cfg.First, cfg.Last)
	}
	size := int(cfg.Last-cfg.First) + 1
	if cfg.Limits.AddressAllocations == 0 {
		cfg.Limits.AddressAllocations = max(cfg.Limits.Allocations, size/4)
	}
	r := &relays{
		first: cfg.First, limits: cfg.Limits, short: cfg.Short, count: count, log: cfg.Log, started: time.Now(),
		accounts: map[string]*account{}, byFrom: map[netip.Prefix]int{}, permits: map[netip.AddrPort]map[netip.Addr]struct{}{},
	}
	r.idle = sync.NewCond(&r.mu)
	r.filter = filter{allow: cfg.Allow, relay: r.isRelay, relayAddress: r.isRelayAddress, look: address.OfHost}
	for _, m := range cfg.Media {
		m = netip.AddrPortFrom(m.Addr().Unmap(), m.Port())
		r.filter.media = append(r.filter.media, m)
		r.filter.fixed = append(r.filter.fixed, m.Addr())
	}
	for _, a := range cfg.Relay {
		a = a.Unmap()
		if !a.IsValid() || a.IsUnspecified() || r.has(a) {
			return nil, fmt.Errorf("turn: relay addresses %v: at most one of each family, and no wildcard", cfg.Relay)
		}
		s := &side{address: a, bind: a, ports: make([]atomic.Pointer[relay], size)}
		if !isLocal(a) {
			s.bind = netip.IPv4Unspecified()
			if a.Is6() {
				s.bind = netip.IPv6Unspecified()
			}
		}
		r.sides = append(r.sides, s)
		r.filter.fixed = append(r.filter.fixed, a)
	}
	if len(r.sides) == 0 {
		return nil, errors.New("turn: a relay address is needed")
	}
	if err := r.filter.refresh(time.Now()); err != nil {
		return nil, fmt.Errorf("turn: %w", err)
	}
	return r, nil
}

// isLocal tells whether sockets can be bound to an address.
func isLocal(a netip.Addr) bool {
	c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(a, 0)))
	if err != nil {
		return false
	}
	_ = c.Close()
	return true
}

// side gives the relays of an address's family, nil for none.
func (r *relays) side(a netip.Addr) *side {
	for _, s := range r.sides {
		if s.address.Is4() == a.Is4() {
			return s
		}
	}
	return nil
}

func (r *relays) has(family netip.Addr) bool { return r.side(family) != nil }

func (r *relays) isRelayAddress(a netip.Addr) bool {
	s := r.side(a)
	return s != nil && s.address == a
}

// isRelay tells whether an address is that of a relay which is open.
func (r *relays) isRelay(a netip.AddrPort) bool {
	s := r.side(a.Addr())
	return s != nil && s.address == a.Addr() && r.at(s, a.Port()) != nil
}

func (r *relays) at(s *side, port uint16) *relay {
	if port < r.first || int(port-r.first) >= len(s.ports) {
		return nil
	}
	return s.ports[port-r.first].Load()
}

// asReached is the address at which a peer is reached: what is ours behind a NAT, relays and WebRTC, over loopback, since
// many NATs do not send back what comes from inside.
func (r *relays) asReached(peer netip.AddrPort) netip.AddrPort {
	if s := r.side(peer.Addr()); s != nil && s.behindNAT() && s.address == peer.Addr() {
		return netip.AddrPortFrom(loopback(peer.Addr()), peer.Port())
	}
	return peer
}

// asTold is the reverse: the address that clients know a peer by.
func (r *relays) asTold(from netip.AddrPort) netip.AddrPort {
	s := r.side(from.Addr())
	if s == nil || !s.behindNAT() || from.Addr() != loopback(from.Addr()) {
		return from
	}
	if told := netip.AddrPortFrom(s.address, from.Port()); r.filter.ours(told) {
		return told
	}
	return from
}

func loopback(family netip.Addr) netip.Addr {
	if family.Is4() {
		return netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	return netip.IPv6Loopback()
}

// Validate is part of pion's interface.
func (r *relays) Validate() error { return nil }

// AllocatePacketConn opens a relay. pion also calls it without a user, to find an even port, and closes what it gets.
func (r *relays) AllocatePacketConn(wish turn.AllocateListenerConfig) (net.PacketConn, net.Addr, error) {
	family := netip.IPv4Unspecified()
	if wish.Network == "udp6" {
		family = netip.IPv6Unspecified()
	}
	s := r.side(family)
	if s == nil {
		return nil, nil, errNoRelay
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, nil, errShuttingDown
	}
	owner := r.accounts[wish.UserID]
	if owner == nil {
		owner = r.newAccount(wish.UserID)
	}
	if owner.open >= r.limits.Allocations {
		r.count.refuse(refusedQuota)
		return nil, nil, errQuota
	}
	conn, err := r.bind(s, wish.RequestedPort)
	if err == nil && r.short(conn) {
		_ = conn.Close()
		err = errShort
	}
	if err != nil {
		r.count.refuse(refusedQuota)
		return nil, nil, err
	}
	port := conn.LocalAddr().(*net.UDPAddr).AddrPort().Port()
	opened := &relay{UDPConn: conn, address: netip.AddrPortFrom(s.address, port), user: wish.UserID, owner: owner, relays: r, peers: addressBook{}}
	owner.open++
	r.accounts[wish.UserID] = owner
	s.ports[port-r.first].Store(opened)
	r.open++
	return opened, net.UDPAddrFromAddrPort(opened.address), nil
}

// attempts are how many ports are tried to bind at most; ports of other programs may lie in between.
const attempts = 100

// bind opens a socket at the wanted port of the range, or at a random one when that is 0.
func (r *relays) bind(s *side, wanted int) (*net.UDPConn, error) {
	if wanted != 0 {
		i := wanted - int(r.first)
		if i < 0 || i >= len(s.ports) || s.ports[i].Load() != nil {
			return nil, errNoPort
		}
		return r.listen(s, i)
	}
	offset, tried := rand.IntN(len(s.ports)), 0
	for i := range s.ports {
		i = (i + offset) % len(s.ports)
		if s.ports[i].Load() != nil {
			continue
		}
		if conn, err := r.listen(s, i); err == nil {
			return conn, nil
		}
		if tried++; tried >= attempts {
			break
		}
	}
	return nil, errNoPort
}

func (r *relays) listen(s *side, i int) (*net.UDPConn, error) {
	network := "udp4"
	if s.address.Is6() {
		network = "udp6"
	}
	return net.ListenUDP(network, net.UDPAddrFromAddrPort(netip.AddrPortFrom(s.bind, r.first+uint16(i))))
}

// release forgets a relay that was closed.
func (r *relays) release(gone *relay) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.side(gone.address.Addr()).ports[gone.address.Port()-r.first].Store(nil)
	if gone.owner.open--; gone.owner.open == 0 {
		delete(r.accounts, gone.user)
	}
	r.leave()
}

// leave counts one off that was open; mu is held.
func (r *relays) leave() {
	if r.open--; r.open == 0 {
		r.idle.Broadcast()
	}
}

// AllocateListener refuses TCP allocations.
func (r *relays) AllocateListener(turn.AllocateListenerConfig) (net.Listener, net.Addr, error) {
	return nil, nil, errNoTCP
}

// AllocateConn refuses TCP connections to peers.
func (r *relays) AllocateConn(turn.AllocateConnConfig) (net.Conn, error) { return nil, errNoTCP }

// refuse ends new allocations.
func (r *relays) refuse() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
}

// close ends all relays and waits until pion is done with them.
func (r *relays) close() {
	for _, s := range r.sides {
		for i := range s.ports {
			if open := s.ports[i].Load(); open != nil {
				_ = open.UDPConn.Close() // pion's reader finds out and ends the allocation
			}
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.open > 0 {
		r.idle.Wait()
	}
}
