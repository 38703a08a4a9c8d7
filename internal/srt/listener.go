// Package srt takes streams over SRT (draft-sharabayko-srt): a listener whom encoders call, with the receiving half of the protocol. What a connection does is a
// state machine (flow) that tests run in virtual time; a packet costs the same wherever its place is, and memory is bounded for each connection and for all.
package srt

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// backlog is how many requests may wait to be answered. Encoders ask again, four times a second.
	backlog = 64
	// cookieFor is for how long a cookie is good, at least.
	cookieFor = time.Minute
	socketBuf = 4 << 20
)

// Config is how a Listener takes streams.
type Config struct {
	// Latency is how long packets wait for those that were lost, in whole milliseconds up to 65,535; an encoder may ask for more.
	Latency time.Duration
	// Held is how many bytes may wait on all connections together; when there are more, the connection that has most of them ends with ErrFull. 256 MiB when 0.
	Held int64
}

// Listener takes calls on a UDP port. One goroutine hears all packets; Close ends it, and all connections.
type Listener struct {
	socket   *net.UDPConn
	config   Config
	secret   [32]byte
	requests chan *Request
	running  sync.WaitGroup
	closed   chan struct{}

	held atomic.Int64 // bytes that wait on all connections

	mu    sync.RWMutex
	conns map[uint32]*Conn // by our socket ids
	peers map[peer]*Conn   // nil while a request is not answered
}

// peer is an encoder's socket.
type peer struct {
	address netip.AddrPort
	id      uint32
}

// Listen opens a port, "host:port".
func Listen(address string, config Config) (*Listener, error) {
	a, err := net.ResolveUDPAddr("udp", address)
	if err != nil {
		return nil, err
	}
	socket, err := net.ListenUDP("udp", a)
	if err != nil {
		return nil, err
	}
	_ = socket.SetReadBuffer(socketBuf) // as much as the system allows
	if config.Held == 0 {
		config.Held = 256 << 20
	}
	l := &Listener{
		socket: socket, config: config, requests: make(chan *Request, backlog), closed: make(chan struct{}),
		conns: map[uint32]*Conn{}, peers: map[peer]*Conn{},
	}
	rand.Read(l.secret[:])
	l.running.Go(l.hear)
	return l, nil
}

// Addr is where it listens.
func (l *Listener) Addr() net.Addr { return l.socket.LocalAddr() }

// Accept waits for a request, which is to be answered. After Close it gives net.ErrClosed.
func (l *Listener) Accept() (*Request, error) {
	select {
	case r := <-l.requests:
		return r, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close tells all encoders that it is over. What is read of connections is net.ErrClosed then.
func (l *Listener) Close() error {
	l.mu.RLock()
	var all []*Conn
	for _, c := range l.conns {
		all = append(all, c)
	}
	l.mu.RUnlock()
	for _, c := range all {
		c.Close()
	}
	err := l.socket.Close()
	l.running.Wait()
	return err
}

// hear takes what comes until the socket is closed.
func (l *Listener) hear() {
	defer close(l.closed)
	b := make([]byte, 2048)
	for {
		n, from, err := l.socket.ReadFromUDPAddrPort(b)
		if err != nil {
			return
		}
		p := packet(b[:n])
		if n < headerSize || n > largest {
			continue
		}
		if p.to() == 0 {
			if p.isControl() && p.kind() == kindHandshake {
				l.hearHandshake(p, from)
			}
			continue
		}
		l.mu.RLock()
		c := l.conns[p.to()]
		l.mu.RUnlock()
		if c == nil || c.peer.address != from {
			continue
		}
		if c.hear(p); l.held.Load() > l.config.Held {
			l.relieve()
		}
	}
}

// relieve ends the connection that holds most.
func (l *Listener) relieve() {
	l.mu.RLock()
	defer l.mu.RUnlock()
	var most *Conn
	for _, c := range l.conns {
		if most == nil || c.held.Load() > most.held.Load() {
			most = c
		}
	}
	if most != nil {
		most.fail(ErrFull)
	}
}

// cookie proves that an address hears us (section 4.3.1.1).
func (l *Listener) cookie(a netip.AddrPort, now time.Time) uint32 {
	mac := hmac.New(sha256.New, l.secret[:])
	fmt.Fprint(mac, a, now.UnixNano()/int64(cookieFor))
	return binary.BigEndian.Uint32(mac.Sum(nil))
}

func (l *Listener) hearHandshake(p packet, from netip.AddrPort) {
	h, err := parseHandshake(p.body())
	if err != nil {
		return
	}
	now := time.Now()
	switch h.kind {
	case induction:
		h.version, h.encryption, h.extension, h.cookie = version, 0, magic, l.cookie(from, now)
		l.answer(from, &h, h.id)
	case conclusion:
		if h.cookie == l.cookie(from, now) || h.cookie == l.cookie(from, now.Add(-cookieFor)) {
			l.request(peer{from, h.id}, &h, p.timestamp(), now)
		}
	}
}

// request passes on who wants a connection, once.
func (l *Listener) request(who peer, h *handshake, timestamp uint32, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c, ok := l.peers[who]; ok {
		if c != nil {
			l.send(who.address, c.welcome) // it did not arrive
		}
		return
	}
	r := &Request{listener: l, peer: who, handshake: h, timestamp: timestamp, begun: now}
	if why := h.refused(); why != 0 {
		r.refuse(why)
		return
	}
	select {
	case l.requests <- r:
		l.peers[who] = nil
	default:
	}
}

// answer sends a handshake.
func (l *Listener) answer(to netip.AddrPort, h *handshake, id uint32) []byte {
	h.address = wire(to.Addr())
	b := h.append(appendControl(nil, kindHandshake, 0, 0, 0, id))
	l.send(to, b)
	return b
}

// send gives a packet to the system. What is lost on the way there is as lost as on any other.
func (l *Listener) send(to netip.AddrPort, b []byte) { _, _ = l.socket.WriteToUDPAddrPort(b, to) }
