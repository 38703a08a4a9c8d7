// Package rtc is a WebRTC endpoint: one UDP port in shards, a TCP port for clients that have no UDP, ICE-lite, DTLS, SRTP,
// SCTP data channels and SDP. It knows peers and packets, and nothing of rooms or tracks.
//
// A shard is a reader goroutine and a sender goroutine with a socket of its own on the shared port. A peer lives on one
// shard, its home: only the home reader decrypts for it and only the home sender encrypts for it, so neither takes a
// lock for a packet.
package rtc

import (
	"crypto/rand"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/rtc/ice"
	"github.com/tuttilive/tutti/internal/rtc/sdp"
)

var (
	ErrClosed       = errors.New("rtc: peer closed")
	ErrRemoteClosed = errors.New("rtc: the remote closed the connection")
	ErrTimeout      = errors.New("rtc: no valid connectivity check for 30 s")
)

// Config is what an endpoint needs to know.
type Config struct {
	// Listen is the UDP address, ":7882" by default.
	Listen string
	// ListenTCP is the TCP address, for clients whose network blocks UDP; none when empty.
	ListenTCP string
	// BoundTCP, where it is not nil, wraps the TCP listener. What is accepted then must still be a *net.TCPConn.
	BoundTCP func(net.Listener) net.Listener
	// Shards is the number of sockets and goroutine pairs, GOMAXPROCS when 0.
	Shards int
	// Addresses are announced as host candidates; the addresses of all interfaces when empty.
	Addresses []netip.Addr
	Log       *slog.Logger
}

// Endpoint is one UDP port, perhaps a TCP port, and the peers behind them. Close ends them all.
type Endpoint struct {
	log          *slog.Logger
	shards       []*Shard
	tcp          *tcpPort // nil when there is none
	certificate  tls.Certificate
	fingerprints []sdp.Fingerprint
	// candidates are what descriptions announce: those of UDP first, then those of TCP.
	candidates    []string
	udpCandidates int
	handshakes    handshakes
	counts        peerCounts
	// consent and silence are consentTimeout and pathSilence; tests cannot wait that long.
	consent, silence time.Duration

	mu     sync.RWMutex
	logins map[string]*login // by ufrag
	peers  map[*Peer]struct{}
	closed bool

	next  atomic.Uint32 // home of the next peer
	tasks sync.WaitGroup
	stop  chan struct{}
}

// Listen opens the port and starts its goroutines.
func Listen(cfg Config) (*Endpoint, error) {
	e, err := open(cfg)
	if err != nil {
		return nil, err
	}
	for _, s := range e.shards {
		go s.reader.run()
		e.tasks.Go(s.send)
	}
	if e.tcp != nil {
		e.tasks.Go(e.tcp.run)
	}
	e.tasks.Go(e.tick)
	return e, nil
}

// open makes an endpoint that does nothing yet.
func open(cfg Config) (*Endpoint, error) {
	if cfg.Listen == "" {
		cfg.Listen = ":7882"
	}
	if cfg.Shards <= 0 {
		cfg.Shards = runtime.GOMAXPROCS(0)
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	e := &Endpoint{
		log: cfg.Log, consent: consentTimeout, silence: pathSilence, stop: make(chan struct{}),
		logins: make(map[string]*login), peers: make(map[*Peer]struct{}), counts: peerCounts{connect: newConnectHistogram()},
	}
	e.counts.ended.Begin(endNames[:]...)
	var err error
	if e.certificate, e.fingerprints, err = newCertificate(); err != nil {
		return nil, err
	}
	sockets, err := listenShared(cfg.Listen, cfg.Shards)
	if err != nil {
		return nil, err
	}
	for _, s := range sockets {
		e.shards = append(e.shards, newShard(e, s))
	}
	e.candidates = candidates(sockets[0].address, cfg.Addresses, ice.Candidate)
	e.udpCandidates = len(e.candidates)
	if cfg.ListenTCP == "" {
		return e, nil
	}
	if e.tcp, err = e.listenTCP(cfg); err != nil {
		for _, s := range sockets {
			s.close()
		}
		return nil, err
	}
	local := e.tcp.listener.Addr().(*net.TCPAddr).AddrPort()
	e.candidates = append(e.candidates, candidates(local, cfg.Addresses, ice.PassiveCandidate)...)
	return e, nil
}

// Shards are the endpoint's shards.
func (e *Endpoint) Shards() []*Shard { return e.shards }

// Port is the UDP port.
func (e *Endpoint) Port() int { return int(e.shards[0].socket.address.Port()) }

// Close ends all peers and waits until everything has stopped.
func (e *Endpoint) Close() error {
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return nil
	}
	e.closed = true
	peers := slices.Collect(maps.Keys(e.peers))
	e.mu.Unlock()
	close(e.stop)
	for _, p := range peers {
		p.Close()
	}
	for _, p := range peers {
		<-p.done
	}
	var failure error
	if e.tcp != nil {
		failure = e.tcp.close()
	}
	for _, s := range e.shards {
		s.reader.close()
		<-s.reader.finished
		s.close()
	}
	e.tasks.Wait()
	for _, s := range e.shards {
		failure = errors.Join(failure, s.socket.close())
	}
	return failure
}

// tick looks after what must happen although no packet comes: reports that are owed, and peers that have gone silent.
func (e *Endpoint) tick() {
	ticker := time.NewTicker(reportInterval)
	defer ticker.Stop()
	for n := 0; ; n++ {
		select {
		case <-e.stop:
			return
		case <-ticker.C:
		}
		for _, s := range e.shards {
			if s.reporting.Load() {
				s.reader.post(func() {}) // whatever wakes the reader lets it report
			}
		}
		if n%20 == 0 {
			e.closeExpired()
		}
	}
}

func (e *Endpoint) closeExpired() {
	now := media.Now()
	for _, p := range e.everyPeer() {
		if p.expired(now) {
			p.closeWith(ErrTimeout)
		}
	}
}

// everyPeer lists the peers, for what must not happen under the endpoint's lock: a peer's own lock comes before it.
func (e *Endpoint) everyPeer() []*Peer {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return slices.Collect(maps.Keys(e.peers))
}

func (e *Endpoint) add(p *Peer) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return fmt.Errorf("rtc: new peer: %w", net.ErrClosed)
	}
	e.peers[p] = struct{}{}
	p.home.Store(e.shards[int(e.next.Add(1))%len(e.shards)])
	return nil
}

func (e *Endpoint) remove(p *Peer) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.peers, p)
}

// remember makes credentials under which checks for a peer are accepted.
func (e *Endpoint) remember(p *Peer, closed bool) *login {
	e.mu.Lock()
	defer e.mu.Unlock()
	l := &login{Credentials: ice.NewCredentials(), peer: p}
	for e.logins[l.Ufrag] != nil {
		l.Credentials = ice.NewCredentials()
	}
	if !closed {
		e.logins[l.Ufrag] = l
	}
	return l
}

func (e *Endpoint) forget(l *login) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.logins, l.Ufrag)
}

func (e *Endpoint) login(ufrag string) *login {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return e.logins[ufrag]
}

// candidates are the values of our a=candidate lines: of the addresses given, or else of those that the socket can be
// reached at. Loopback comes last when there is something else.
func candidates(local netip.AddrPort, addresses []netip.Addr, line func(at netip.AddrPort, rank int) string) []string {
	if len(addresses) == 0 {
		addresses = localAddresses(local.Addr())
	}
	var first, last []string
	for _, a := range addresses {
		rank := len(first) + len(last)
		if a.IsLoopback() {
			last = append(last, line(netip.AddrPortFrom(a, local.Port()), 100+rank))
		} else {
			first = append(first, line(netip.AddrPortFrom(a, local.Port()), rank))
		}
	}
	return append(first, last...)
}

// maxCandidates bounds what a machine with many interfaces announces.
const maxCandidates = 16

// localAddresses are the addresses at which a socket bound to an address can be reached.
func localAddresses(bound netip.Addr) []netip.Addr {
	if !bound.IsUnspecified() {
		return []netip.Addr{bound.Unmap()}
	}
	interfaces, err := net.InterfaceAddrs()
	if err != nil {
		return []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1})}
	}
	var list []netip.Addr
	for _, i := range interfaces {
		prefix, err := netip.ParsePrefix(i.String())
		if err != nil {
			continue
		}
		a := prefix.Addr().Unmap()
		if a.Is6() && (bound.Is4() || a.IsLoopback()) || a.IsLinkLocalUnicast() || len(list) >= maxCandidates {
			continue
		}
		list = append(list, a)
	}
	return list
}

// randomNumber is unpredictable.
func randomNumber() uint32 {
	var b [4]byte
	rand.Read(b[:])
	return binary.BigEndian.Uint32(b[:])
}

// randomSession is a session identifier for o= lines: 62 bits (RFC 8829, section 5.2.1).
func randomSession() uint64 { return uint64(randomNumber())<<30 ^ uint64(randomNumber()) }
