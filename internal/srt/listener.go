// Package srt takes streams over SRT (draft-sharabayko-srt): a listener whom encoders call, with the receiving half of the protocol. What a connection does is a
// state machine (flow) that tests run in virtual time; a packet costs the same wherever its place is, and memory is bounded for each connection and for all.
package srt

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tuttilive/tutti/internal/pktinfo"
)

const (
	// backlog is how many requests may wait to be answered. Encoders ask again, four times a second.
	backlog = 64
	// cookieFor is for how long a cookie is good, at least.
	cookieFor = time.Minute
	socketBuf = 4 << 20
	// rejections is how many are remembered, each for rejectedFor. An encoder that was not answered at once has asked again, and may hear the same.
	rejections  = 256
	rejectedFor = 10 * time.Second
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
	shut  bool

	rejected map[peer]rejection
	lately   [rejections]peer // those of rejected, in turn
	rejects  int              // how many there have been
}

// peer is an encoder's socket. What begins anew may have the same again, but begins with another number.
type peer struct {
	address   netip.AddrPort
	id, first uint32
}

type rejection struct {
	why Reason
	at  time.Time
}

// way leads to an encoder, from the address that it has called.
type way struct {
	to   netip.AddrPort
	from []byte // see pktinfo
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
		conns: map[uint32]*Conn{}, peers: map[peer]*Conn{}, rejected: map[peer]rejection{},
	}
	rand.Read(l.secret[:])
	called := pktinfo.Room(socket)
	l.running.Go(func() { l.hear(called) })
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
	l.mu.Lock()
	l.shut = true
	all := slices.Collect(maps.Values(l.conns))
	l.mu.Unlock()
	for _, c := range all {
		c.Close()
	}
	err := l.socket.Close()
	l.running.Wait()
	return err
}

// hear takes what comes until the socket is closed. What the kernel says of it has room in called.
func (l *Listener) hear(called []byte) {
	defer close(l.closed)
	b := make([]byte, 2048)
	for {
		n, size, _, from, err := l.socket.ReadMsgUDPAddrPort(b, called)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil || n < headerSize || n > largest { // any other error is the fate of one datagram
			continue
		}
		p := packet(b[:n])
		if p.to() == 0 {
			if p.isControl() && p.kind() == kindHandshake {
				l.hearHandshake(p, way{from, called[:size]})
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

func (l *Listener) hearHandshake(p packet, back way) {
	h, err := parseHandshake(p.body())
	if err != nil || h.id == 0 { // nobody's: another listener would take the answer for a handshake, and answer it, without an end
		return
	}
	now := time.Now()
	switch h.kind {
	case induction:
		h.version, h.encryption, h.extension, h.cookie = version, 0, magic, l.cookie(back.to, now)
		l.answer(back, &h, h.id)
	case conclusion:
		if h.cookie == l.cookie(back.to, now) || h.cookie == l.cookie(back.to, now.Add(-cookieFor)) {
			l.request(&Request{
				listener: l, peer: peer{back.to, h.id, h.first}, back: way{back.to, slices.Clone(back.from)}, handshake: &h, timestamp: p.timestamp(), begun: now,
			})
		}
	}
}

// request passes on who wants a connection, once.
func (l *Listener) request(r *Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c, ok := l.peers[r.peer]; ok {
		if c != nil {
			l.send(r.back, c.welcome) // it did not arrive
		}
		return
	}
	if was, ok := l.rejected[r.peer]; ok && r.begun.Sub(was.at) < rejectedFor {
		r.refuse(was.why)
		return
	}
	if why := r.handshake.refused(); why != 0 {
		r.refuse(why)
		return
	}
	select {
	case l.requests <- r:
		l.peers[r.peer] = nil
	default:
	}
}

// answer sends a handshake.
func (l *Listener) answer(back way, h *handshake, id uint32) []byte {
	h.address = wire(back.to.Addr())
	b := h.append(appendControl(nil, kindHandshake, 0, 0, 0, id))
	l.send(back, b)
	return b
}

// send gives a packet to the system. What is lost on the way there is as lost as on any other.
func (l *Listener) send(back way, b []byte) {
	_, _, _ = l.socket.WriteMsgUDPAddrPort(b, back.from, back.to)
}
