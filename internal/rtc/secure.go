package rtc

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/pion/dtls/v3"

	"github.com/tuttilive/tutti/internal/rtc/sdp"
	"github.com/tuttilive/tutti/internal/rtc/srtp"
)

const (
	// handshakeTimeout is how long a DTLS handshake may take.
	handshakeTimeout = 20 * time.Second
	// handshakeRetry is how long a flight waits for its answer at first. WebRTC's paths are short; 1 s, the default of
	// RFC 6347, would make every lost datagram felt.
	handshakeRetry = 200 * time.Millisecond
	// Limits on handshakes that are under way, in all and for one address.
	maxHandshakes           = 1024
	maxHandshakesPerAddress = 64
	dtlsMTU                 = 1200
	// alertPatience is how long a parked session stays awake for alerts.
	alertPatience = time.Second
)

// errHandshake tells that the DTLS handshake failed.
var errHandshake = errors.New("rtc: DTLS handshake")

// secure is a peer's DTLS session.
//
// pion/dtls keeps three goroutines and their buffers for each connection. Only data channels need them once the SRTP
// keys are known, so other peers park the session: its state, the flight that answers a late handshake message, and the
// farewell, already encrypted.
type secure struct {
	peer *Peer

	mu       sync.Mutex
	phase    securePhase
	role     sdp.Setup // ours: Active or Passive, NoSetup while unknown
	promised []sdp.Fingerprint
	hasPath  bool
	conn     *dtlsConn  // while a dtls.Conn runs
	session  *dtls.Conn // once the handshake is done and the session is not parked
	state    *dtls.State
	flight   [][]byte
	farewell [][]byte
	settled  bool // parking has come to its end
	wantData bool
	alerts   *dtlsConn // while somebody looks at the alerts of a parked session
	resent   time.Time
}

type securePhase uint8

const (
	idle securePhase = iota
	handshaking
	unverified // the handshake is done, the remote's fingerprint is not known yet
	running
	parked
	ended
)

// learnTransport takes what the remote's description says about DTLS. The negotiation's lock is held.
func (p *Peer) learnTransport(t *sdp.Transport, offer bool) {
	if len(t.Fingerprints) == 0 {
		return
	}
	p.negotiation.fingerprint = t.Fingerprints
	s := &p.secure
	s.mu.Lock()
	defer s.mu.Unlock()
	s.promised = t.Fingerprints
	if s.role == sdp.NoSetup {
		// RFC 8842, section 5: we are the server unless the remote insists on being it.
		s.role = sdp.Passive
		if t.Setup == sdp.Passive {
			s.role = sdp.Active
		}
	}
	s.advance()
}

// sdp.NoSetup is the DTLS role before it is negotiated.

func (s *secure) answerSetup() sdp.Setup {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.role == sdp.Active {
		return sdp.Active
	}
	return sdp.Passive
}

// pathFound tells that there is an address to send to.
func (s *secure) pathFound() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hasPath = true
	s.advance()
}

// advance does the next step, if there is one. The lock is held.
func (s *secure) advance() {
	switch {
	case s.phase == idle && s.role == sdp.Active && s.hasPath:
		s.start(nil)
	case s.phase == unverified && len(s.promised) > 0:
		s.phase = running
		s.peer.endpoint.tasks.Go(s.establish)
	}
}

// receive takes a DTLS datagram from the home reader.
func (s *secure) receive(b []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch s.phase {
	case idle:
		if s.role != sdp.Active && b[0] == recordHandshake {
			s.start(b)
		}
	case handshaking:
		s.conn.push(b)
	case unverified, running:
		if !hasPlainAlert(b) {
			s.conn.push(b)
		}
	case parked:
		switch {
		case b[0] == recordHandshake && time.Since(s.resent) > handshakeRetry/2:
			s.resent = time.Now()
			s.send(s.flight)
		case b[0] == recordAlert && !hasPlainAlert(b):
			s.hearAlert(b)
		}
	}
}

// Content types of DTLS records (RFC 6347, section 4.1).
const (
	recordAlert     = 21
	recordHandshake = 22
	recordHeader    = 13
)

// hasPlainAlert tells whether a datagram has an alert that is not encrypted, or is no sequence of records. After the
// handshake such an alert proves nothing, but pion/dtls would end the session for it.
func hasPlainAlert(b []byte) bool {
	for len(b) > 0 {
		if len(b) < recordHeader {
			return true
		}
		size := recordHeader + int(binary.BigEndian.Uint16(b[11:]))
		if size > len(b) || b[0] == recordAlert && binary.BigEndian.Uint16(b[3:]) == 0 {
			return true
		}
		b = b[size:]
	}
	return false
}

func (s *secure) send(datagrams [][]byte) {
	for _, d := range datagrams {
		s.peer.writeRaw(d)
	}
}

// writeRaw sends a datagram to wherever the peer is.
func (p *Peer) writeRaw(b []byte) {
	switch to := p.remote.Load(); {
	case to == nil:
	case to.tcp != nil:
		to.tcp.send(b, len(b))
	default:
		p.home.Load().socket.writeTo(b, to.addr)
	}
}

// start begins the handshake. The lock is held.
func (s *secure) start(first []byte) {
	to := s.peer.remote.Load()
	if to == nil || !s.peer.endpoint.handshakes.begin(to.addr.Addr()) {
		return
	}
	s.phase = handshaking
	s.conn = newDTLSConn(s.peer.writeRaw)
	if first != nil {
		s.conn.push(first)
	}
	conn, client := s.conn, s.role == sdp.Active
	s.peer.endpoint.tasks.Go(func() {
		session, err := s.peer.endpoint.handshake(conn, client)
		s.peer.endpoint.handshakes.end(to.addr.Addr())
		s.shaken(session, err)
	})
}

// handshake runs the handshake to its end.
func (e *Endpoint) handshake(conn *dtlsConn, client bool) (*dtls.Conn, error) {
	session, err := e.newSession(conn, client)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), handshakeTimeout)
	defer cancel()
	if err := session.HandshakeContext(ctx); err != nil {
		session.Close()
		return nil, err
	}
	return session, nil
}

func (e *Endpoint) dtlsOptions() []dtls.Option {
	return []dtls.Option{
		dtls.WithCertificates(e.certificate),
		dtls.WithInsecureSkipVerify(true), // the fingerprint is what is verified
		dtls.WithExtendedMasterSecret(dtls.RequireExtendedMasterSecret),
		dtls.WithSRTPProtectionProfiles(dtls.SRTP_AEAD_AES_128_GCM, dtls.SRTP_AES128_CM_HMAC_SHA1_80),
		dtls.WithMTU(dtlsMTU),
		dtls.WithFlightInterval(handshakeRetry),
		dtls.WithReplayProtectionWindow(1024),
		dtls.WithLoggerFactory(quiet{}),
	}
}

func (e *Endpoint) newSession(conn *dtlsConn, client bool) (*dtls.Conn, error) {
	if client {
		var options []dtls.ClientOption
		for _, o := range e.dtlsOptions() {
			options = append(options, o)
		}
		return dtls.ClientWithOptions(conn, dtlsAddr{}, options...)
	}
	options := []dtls.ServerOption{
		dtls.WithClientAuth(dtls.RequireAnyClientCert),
		dtls.WithInsecureSkipVerifyHello(true), // the address is validated by ICE
	}
	for _, o := range e.dtlsOptions() {
		options = append(options, o)
	}
	return dtls.ServerWithOptions(conn, dtlsAddr{}, options...)
}

// shaken takes the handshake's result.
func (s *secure) shaken(session *dtls.Conn, err error) {
	s.mu.Lock()
	if err != nil {
		closed := s.phase == ended
		s.mu.Unlock()
		if !closed {
			s.peer.closeWith(fmt.Errorf("%w: %w", errHandshake, err))
		}
		return
	}
	if s.phase == ended {
		s.mu.Unlock()
		session.Close()
		return
	}
	s.session, s.phase = session, unverified
	s.advance()
	s.mu.Unlock()
}

// establish verifies the remote and takes the keys; then the peer is connected.
func (s *secure) establish() {
	s.mu.Lock()
	session, promised := s.session, s.promised
	s.mu.Unlock()
	if session == nil {
		return
	}
	if err := s.keys(session, promised); err != nil {
		s.peer.closeWith(err)
		return
	}
	p := s.peer
	s.mu.Lock()
	if s.phase == ended {
		s.mu.Unlock()
		return
	}
	p.connected.Store(true)
	p.endpoint.counts.connected.Add(1)
	p.endpoint.counts.connect.Observe(p.sinceBegun().Seconds())
	if s.wantData {
		p.channels.start(session, s.role == sdp.Active)
		s.mu.Unlock()
	} else {
		s.mu.Unlock()
		s.park(session)
	}
	p.log.Debug("peer connected", "after", p.sinceBegun())
	p.events.post(p.cfg.Handler.PeerConnected)
	p.announceReady()
}

// keys verifies the remote's certificate and derives the SRTP keys.
func (s *secure) keys(session *dtls.Conn, promised []sdp.Fingerprint) error {
	state, ok := session.ConnectionState()
	if !ok || len(state.PeerCertificates) == 0 {
		return errFingerprint
	}
	if err := verifyFingerprint(state.PeerCertificates[0], promised); err != nil {
		return err
	}
	chosen, ok := session.SelectedSRTPProtectionProfile()
	if !ok {
		return errors.New("rtc: the remote negotiated no SRTP")
	}
	profile := srtp.Profile(chosen)
	s.mu.Lock()
	client := s.role == sdp.Active
	s.state = &state
	s.mu.Unlock()
	material, err := state.ExportKeyingMaterial(srtp.ExporterLabel, nil, profile.MaterialSize())
	if err != nil {
		return fmt.Errorf("rtc: SRTP keys: %w", err)
	}
	seal, open, err := srtp.Split(profile, material, client)
	if err != nil {
		return err
	}
	s.peer.seal.Store(seal)
	s.peer.open.Store(open)
	return nil
}

// park stops a session that nobody needs now. What it would still have to say is kept.
func (s *secure) park(session *dtls.Conn) {
	state, ok := session.ConnectionState()
	if !ok {
		return
	}
	s.mu.Lock()
	if s.phase != running || s.session != session {
		s.mu.Unlock()
		return
	}
	conn := s.conn
	s.phase = parked
	s.conn, s.session, s.state = nil, nil, &state
	s.mu.Unlock()
	conn.capture()
	session.Close()
	farewell, flight := conn.taken()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase == ended {
		s.send(farewell)
		return
	}
	s.flight, s.farewell, s.settled = flight, farewell, true
	if s.wantData {
		s.resume()
	}
}

// needData tells that data channels have been negotiated.
func (s *secure) needData() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.wantData {
		return
	}
	s.wantData = true
	switch s.phase {
	case running:
		if s.session != nil && s.peer.Connected() {
			s.peer.channels.start(s.session, s.role == sdp.Active)
		}
	case parked:
		if s.settled {
			s.resume()
		}
	}
}

// resume runs a parked session again. The lock is held.
func (s *secure) resume() {
	conn, session, err := s.revive()
	if err != nil {
		s.peer.log.Warn("cannot resume DTLS for data channels", "error", err)
		return
	}
	s.phase, s.conn, s.session, s.farewell = running, conn, session, nil
	s.peer.channels.start(session, s.role == sdp.Active)
}

// revive makes a connection of a parked session's state.
func (s *secure) revive() (*dtlsConn, *dtls.Conn, error) {
	conn := newDTLSConn(s.peer.writeRaw)
	session, err := dtls.ResumeWithOptions(s.state, conn, dtlsAddr{}, s.peer.endpoint.dtlsOptions()...)
	if err != nil {
		return nil, nil, err
	}
	if err := session.Handshake(); err != nil { // starts its goroutines; there is nothing to shake
		session.Close()
		return nil, nil, err
	}
	return conn, session, nil
}

// hearAlert has an alert decrypted that came to a parked session: perhaps the remote says good-bye. The lock is held.
func (s *secure) hearAlert(datagram []byte) {
	if s.alerts != nil {
		s.alerts.push(datagram)
		return
	}
	conn, session, err := s.revive()
	if err != nil {
		return
	}
	conn.capture()
	conn.push(datagram)
	s.alerts = conn
	s.peer.endpoint.tasks.Go(func() {
		_ = session.SetReadDeadline(time.Now().Add(alertPatience))
		var b [64]byte
		_, err := session.Read(b[:])
		s.mu.Lock()
		s.alerts = nil
		s.mu.Unlock()
		session.Close()
		if err != nil && !isTimeout(err) {
			s.peer.closeWith(ErrRemoteClosed)
		}
	})
}

func isTimeout(err error) bool {
	var timeout interface{ Timeout() bool }
	return errors.As(err, &timeout) && timeout.Timeout()
}

// close says good-bye and frees everything.
func (s *secure) close() {
	s.mu.Lock()
	session, conn, farewell := s.session, s.conn, s.farewell
	s.phase = ended
	s.session, s.conn, s.state, s.farewell, s.flight = nil, nil, nil, nil, nil
	s.mu.Unlock()
	s.send(farewell)
	if session != nil {
		session.Close()
	}
	if conn != nil {
		conn.Close()
	}
}

// handshakes limits those that are under way: each costs a goroutine and public-key arithmetic.
type handshakes struct {
	mu        sync.Mutex
	all       int
	byAddress map[netip.Addr]int
}

func (h *handshakes) begin(from netip.Addr) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.all >= maxHandshakes || h.byAddress[from] >= maxHandshakesPerAddress {
		return false
	}
	if h.byAddress == nil {
		h.byAddress = make(map[netip.Addr]int)
	}
	h.all++
	h.byAddress[from]++
	return true
}

func (h *handshakes) end(from netip.Addr) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.all--
	if h.byAddress[from]--; h.byAddress[from] <= 0 {
		delete(h.byAddress, from)
	}
}
