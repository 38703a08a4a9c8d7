package rtc

import (
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/stun/v4"

	"github.com/tuttilive/tutti/internal/media"
)

// told tells when a peer is connected and closed.
type told struct {
	ignore
	connected chan struct{}
	closed    chan error
}

func (h told) PeerConnected()       { close(h.connected) }
func (h told) PeerClosed(err error) { h.closed <- err }

// light is a client that is nothing but a socket, a STUN check and perhaps a DTLS session: it can do what no proper
// client does, and costs next to nothing.
type light struct {
	t       testing.TB
	peer    *Peer
	events  told
	conn    net.Conn
	link    *dtlsConn
	session *dtls.Conn
	// drop tells which datagrams of the server are lost on the way.
	drop func([]byte) bool
	done chan struct{}
}

// lightOffer is an offer with the certificate of the endpoint that stands for clients.
func lightOffer(client *Endpoint, sections ...string) string {
	text := offer(sections...)
	_, rest, _ := strings.Cut(text, "sha-256 ")
	old, _, _ := strings.Cut(rest, "\r\n")
	return strings.ReplaceAll(text, old, client.fingerprints[0].Value)
}

// newLight makes a client whose address has been validated.
func newLight(t testing.TB, e *Endpoint, offer string, drop func([]byte) bool) *light {
	t.Helper()
	return newLightFrom(t, nil, e, offer, drop)
}

// newLightFrom makes a client at a certain address, or at any when it is nil.
func newLightFrom(t testing.TB, from net.Addr, e *Endpoint, offer string, drop func([]byte) bool) *light {
	t.Helper()
	c := &light{t: t, events: told{connected: make(chan struct{}), closed: make(chan error, 1)}, drop: drop, done: make(chan struct{})}
	p, err := e.NewPeer(PeerConfig{Handler: c.events})
	if err != nil {
		t.Fatal(err)
	}
	c.peer = p
	addOutbound(t, p, media.Opus, nil)
	addOutbound(t, p, media.H264, nil)
	answer(t, p, offer)
	dialer := net.Dialer{LocalAddr: from}
	c.conn, err = dialer.Dial("udp4", netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(e.Port())).String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.conn.Close() })
	l := p.connectivity.current
	m, err := stun.Build(stun.TransactionID, stun.BindingRequest, stun.NewUsername(l.Ufrag+":abcd"), stun.RawAttribute{Type: stun.AttrUseCandidate}, stun.NewShortTermIntegrity(l.Pwd), stun.Fingerprint)
	if err != nil {
		t.Fatal(err)
	}
	var b [maxDatagram]byte
	for tries := 0; ; tries++ {
		c.write(m.Raw)
		_ = c.conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		n, err := c.conn.Read(b[:])
		if err == nil && classify(b[:n]) == stunProtocol {
			break
		}
		if tries > 1200 {
			t.Fatalf("no answer to checks: %v", err)
		}
	}
	_ = c.conn.SetReadDeadline(time.Time{})
	c.link = newDTLSConn(c.write)
	go c.read()
	return c
}

func (c *light) write(b []byte) { _, _ = c.conn.Write(b) }

func (c *light) read() {
	defer close(c.done)
	var b [maxDatagram]byte
	for {
		n, err := c.conn.Read(b[:])
		if err != nil {
			return
		}
		if c.drop == nil || !c.drop(b[:n]) {
			c.link.push(b[:n])
		}
	}
}

// shake does the DTLS handshake.
func (c *light) shake(client *Endpoint) {
	c.t.Helper()
	session, err := client.handshake(c.link, true)
	if err != nil {
		c.peer.secure.mu.Lock()
		phase := c.peer.secure.phase
		c.peer.secure.mu.Unlock()
		select {
		case reason := <-c.events.closed:
			c.t.Fatalf("%v; our side closed because of %v", err, reason)
		default:
			c.t.Fatalf("%v; our side is in phase %d", err, phase)
		}
	}
	c.session = session
	waitFor(c.t, c.events.connected, "connection")
}

// vanish ends the client without a farewell.
func (c *light) vanish() {
	c.link.hush()
	c.session.Close()
	c.conn.Close()
	<-c.done
}

func waitFor[T any](t testing.TB, from <-chan T, what string) (v T) {
	t.Helper()
	select {
	case v = <-from:
	case <-time.After(time.Minute):
		t.Fatalf("no %s", what)
	}
	return v
}

func TestLastFlightIsRepeated(t *testing.T) {
	e, client := testEndpoint(t), idleEndpoint(t)
	var lost atomic.Int32
	const changeCipherSpec = 20
	c := newLight(t, e, lightOffer(client, audioSection("recvonly")), func(b []byte) bool {
		return b[0] == changeCipherSpec && lost.Add(1) <= 2
	})
	c.shake(client)
	if lost.Load() < 3 {
		t.Errorf("the last flight was sent %d times", lost.Load())
	}
}

// A peer may be closed while its handshake comes to an end: what that was for is gone then.
func TestAHandshakeOutlivesItsPeer(t *testing.T) {
	e, client := testEndpoint(t), idleEndpoint(t)
	c := newLight(t, e, lightOffer(client, audioSection("recvonly")), nil)
	c.shake(client)
	c.peer.Close()
	waitFor(t, c.events.closed, "end")
	s := &c.peer.secure
	s.end(c.link, c.session, nil)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase != ended || s.records != nil || s.shaken != nil {
		t.Errorf("the peer is in phase %d", s.phase)
	}
}

// A client's port may be used by another one, behind a NAT above all, while we still know the peer that had it.
func TestSilentAddressIsTakenOver(t *testing.T) {
	e, client := testEndpoint(t), idleEndpoint(t)
	e.silence = 100 * time.Millisecond
	description := lightOffer(client, audioSection("recvonly"))
	first := newLight(t, e, description, nil)
	first.shake(client)
	first.vanish()
	second := newLightFrom(t, first.conn.LocalAddr(), e, description, nil)
	second.shake(client)
	gone := make(chan struct{})
	e.shards[0].reader.post(func() { close(gone) })
	waitFor(t, gone, "reader")
	if first.peer.remote.Load() != nil {
		t.Error("the first peer still sends to the second one's address")
	}
}

// A check with somebody else's source address must not cut that one off.
func TestLivingAddressIsNotTakenOver(t *testing.T) {
	e := testEndpoint(t)
	r := strayReader(e)
	from := netip.MustParseAddrPort("10.0.0.1:5000")
	var peers [2]*Peer
	check := func(p *Peer) {
		l := p.connectivity.current
		m, err := stun.Build(stun.TransactionID, stun.BindingRequest, stun.NewUsername(l.Ufrag+":x"), stun.RawAttribute{Type: stun.AttrUseCandidate}, stun.NewShortTermIntegrity(l.Pwd), stun.Fingerprint)
		if err != nil {
			t.Fatal(err)
		}
		r.datagram(m.Raw, from)
	}
	for i := range peers {
		peers[i] = testPeer(t, e)
		answer(t, peers[i], exampleOffer)
		check(peers[i])
	}
	if owner := r.paths[keyOf(from)].peer; owner != peers[0] || peers[1].remote.Load() != nil {
		t.Error("the address was taken from the peer that lives there")
	}
	r.now += pathSilence + time.Second
	check(peers[1])
	if owner := r.paths[keyOf(from)].peer; owner != peers[1] || peers[1].remote.Load() == nil {
		t.Error("a silent address was not given away")
	}
}

func TestFarewellWithoutChannels(t *testing.T) {
	e, client := testEndpoint(t), idleEndpoint(t)
	t.Run("theirs", func(t *testing.T) {
		c := newLight(t, e, lightOffer(client, audioSection("recvonly")), nil)
		c.shake(client)
		// Alerts that are not authentic must not end anything.
		c.write(append([]byte{21, 254, 253, 0, 1, 0, 0, 0, 0, 0, 9, 0, 26}, make([]byte, 26)...))
		c.session.Close()
		if err := waitFor(t, c.events.closed, "end"); !errors.Is(err, ErrRemoteClosed) {
			t.Errorf("closed because of %v", err)
		}
	})
	t.Run("ours", func(t *testing.T) {
		c := newLight(t, e, lightOffer(client, audioSection("recvonly")), nil)
		c.shake(client)
		c.peer.Close()
		ended := make(chan error, 1)
		go func() {
			_, err := c.session.Read(make([]byte, 100))
			ended <- err
		}()
		if err := waitFor(t, ended, "farewell"); err == nil {
			t.Error("read something else than a farewell")
		}
	})
}

func TestForgedAlertsEndNothing(t *testing.T) {
	for name, sections := range map[string][]string{
		"without channels": {audioSection("recvonly")}, "with channels": {audioSection("recvonly"), dataSection},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, client := testEndpoint(t), idleEndpoint(t)
			c := newLight(t, e, lightOffer(client, sections...), nil)
			c.shake(client)
			plain := []byte{21, 254, 253, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 2, 40}
			sealed := append([]byte{21, 254, 253, 0, 1, 0, 0, 0, 0, 0, 9, 0, 26}, make([]byte, 26)...)
			for range 100 {
				c.write(plain)
				c.write(sealed)
				c.write(append(append([]byte(nil), sealed...), plain...))
			}
			select {
			case err := <-c.events.closed:
				t.Errorf("closed because of %v", err)
			case <-time.After(300 * time.Millisecond):
			}
		})
	}
}

// Garbage during the handshake, from a validated address, and garbage within the session must cost that peer at most.
func TestGarbageCostsOnlyItsSender(t *testing.T) {
	e, client := testEndpoint(t), idleEndpoint(t)
	random := rand.New(rand.NewPCG(1, 2))
	noise := func(first byte) []byte {
		b := make([]byte, 14+random.IntN(600))
		for i := range b {
			b[i] = byte(random.Uint32())
		}
		copy(b, []byte{first, 254, 253, 0, 0})
		b[11], b[12] = byte((len(b)-13)>>8), byte(len(b)-13)
		return b
	}
	good := newLight(t, e, lightOffer(client, audioSection("recvonly")), nil)
	good.shake(client)
	t.Run("handshake", func(t *testing.T) {
		bad := newLight(t, e, lightOffer(client, audioSection("recvonly")), nil)
		for range 2000 {
			bad.write(noise(22))
			bad.write(noise(20 + byte(random.IntN(44))))
		}
	})
	t.Run("SCTP", func(t *testing.T) {
		bad := newLight(t, e, lightOffer(client, dataSection), nil)
		bad.shake(client)
		for range 2000 {
			if _, err := bad.session.Write(noise(0)[1:]); err != nil {
				break // it has been thrown out, which is fine
			}
		}
	})
	if !good.peer.Connected() {
		t.Error("another peer was lost")
	}
	after := newLight(t, e, lightOffer(client, audioSection("recvonly")), nil)
	after.shake(client)
}
