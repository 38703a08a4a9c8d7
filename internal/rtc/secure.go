package rtc

import (
	"context"
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
	// maxEarly bounds the datagrams with data that are kept while the handshake is not done.
	maxEarly = 8
)

// errHandshake tells that the DTLS handshake failed.
var errHandshake = errors.New("rtc: DTLS handshake")

// secure is a peer's DTLS session: a handshake of pion/dtls's, and then records of our own. A connection of pion's would keep four
// goroutines and their buffers for as long as it lives.
type secure struct {
	peer *Peer

	mu       sync.Mutex
	phase    securePhase
	role     sdp.Setup // ours: Active or Passive, NoSetup while unknown
	promised []sdp.Fingerprint
	hasPath  bool
	conn     *dtlsConn   // while handshaking
	shaken   *handshaken // while the remote's fingerprint is not known
	early    [][]byte    // datagrams with data that came until it was
	records  *records    // from then on
	flight   [][]byte    // our last one, which the remote may have lost
	resent   time.Time
	wantData bool
}

// handshaken is what a handshake has led to.
type handshaken struct {
	state   dtls.State
	profile srtp.Profile
}

type securePhase uint8

const (
	idle securePhase = iota
	handshaking
	unverified // the handshake is done, the remote's fingerprint is not known yet
	running
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
	case s.phase == unverified && len(s.promised) > 0 && s.shaken != nil:
		shaken, promised := s.shaken, s.promised
		s.shaken = nil
		s.peer.endpoint.tasks.Go(func() { s.establish(shaken, promised) })
	}
}

// receive takes a DTLS datagram from the home reader.
func (s *secure) receive(b []byte) {
	var space [4][]byte // on the stack
	for _, content := range s.sort(b, space[:0]) {
		s.peer.channels.receive(content)
	}
}

// sort gives a datagram to whom it is for, and its data, decrypted in place, to the caller.
func (s *secure) sort(b []byte, data [][]byte) [][]byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch s.phase {
	case idle:
		if s.role != sdp.Active && b[0] == recordHandshake {
			s.start(b)
		}
	case handshaking, unverified:
		switch {
		case b[0] == recordData:
			// Who has finished the handshake may send at once.
			if len(s.early) < maxEarly {
				s.early = append(s.early, append([]byte(nil), b...))
			}
		case s.conn != nil:
			s.conn.push(b)
		default:
			s.take(b, nil)
		}
	case running:
		return s.take(b, data)
	}
	return data
}

// take reads the records of a datagram after the handshake. What is not authentic means nothing. The lock is held.
func (s *secure) take(b []byte, data [][]byte) [][]byte {
	for record, rest := nextRecord(b); record != nil; record, rest = nextRecord(rest) {
		switch record[0] {
		case recordHandshake:
			// The remote has lost our last flight, or has got it twice.
			if time.Since(s.resent) > handshakeRetry/2 {
				s.resent = time.Now()
				s.send(s.flight)
			}
		case recordAlert:
			if alert, ok := s.records.open(record); ok && ends(alert) {
				s.peer.closeWith(ErrRemoteClosed)
				return data
			}
		case recordData:
			if !s.wantData || s.phase != running {
				continue
			}
			if content, ok := s.records.open(record); ok {
				data = append(data, content)
			}
		}
	}
	return data
}

// The parts of an alert that matter here (RFC 5246, section 7.2).
const (
	warningAlert = 1
	fatalAlert   = 2
	closeNotify  = 0
)

// ends tells whether an alert ends the session.
func ends(alert []byte) bool {
	return len(alert) == 2 && (alert[0] == fatalAlert || alert[1] == closeNotify)
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
		p.home.Load().write(b, to.addr)
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
		s.end(conn, session, err)
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

// cipherSuites are those whose records this package knows how to protect. Our certificate is ECDSA; remotes that insist on being DTLS's server may
// have one with RSA, as GStreamer's does.
var cipherSuites = []dtls.CipherSuiteID{dtls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, dtls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}

func (e *Endpoint) dtlsOptions() []dtls.Option {
	return []dtls.Option{
		dtls.WithCertificates(e.certificate),
		dtls.WithInsecureSkipVerify(true), // the fingerprint is what is verified
		dtls.WithExtendedMasterSecret(dtls.RequireExtendedMasterSecret),
		dtls.WithSRTPProtectionProfiles(dtls.SRTP_AEAD_AES_128_GCM, dtls.SRTP_AES128_CM_HMAC_SHA1_80),
		dtls.WithMTU(dtlsMTU),
		dtls.WithFlightInterval(handshakeRetry),
		dtls.WithCipherSuites(cipherSuites...),
		dtls.WithLoggerFactory(quiet{}),
	}
}

func (e *Endpoint) newSession(conn *dtlsConn, client bool) (*dtls.Conn, error) {
	if client {
		var options []dtls.ClientOption
		for _, o := range e.dtlsOptions() {
			options = append(options, o)
		}
		return dtls.ClientWithOptions(conn, peerAddr{}, options...)
	}
	options := []dtls.ServerOption{
		dtls.WithClientAuth(dtls.RequireAnyClientCert),
		dtls.WithInsecureSkipVerifyHello(true), // the address is validated by ICE
	}
	for _, o := range e.dtlsOptions() {
		options = append(options, o)
	}
	return dtls.ServerWithOptions(conn, peerAddr{}, options...)
}

// end takes the result of a handshake over conn, and goes on without pion/dtls. The peer may have ended meanwhile.
func (s *secure) end(conn *dtlsConn, session *dtls.Conn, err error) {
	var shaken *handshaken
	var records *records
	var flight [][]byte
	if err == nil {
		flight = conn.hush()
		session.Close()
		shaken, records, err = inherit(session)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase == ended {
		return
	}
	if err != nil {
		s.peer.closeWith(fmt.Errorf("%w: %w", errHandshake, err))
		return
	}
	s.phase, s.conn = unverified, nil
	s.shaken, s.records, s.flight = shaken, records, flight
	s.advance()
}

// inherit takes what a session leaves behind.
func inherit(session *dtls.Conn) (*handshaken, *records, error) {
	state, ok := session.ConnectionState()
	if !ok || len(state.PeerCertificates) == 0 {
		return nil, nil, errFingerprint
	}
	chosen, ok := session.SelectedSRTPProtectionProfile()
	if !ok {
		return nil, nil, errors.New("the remote negotiated no SRTP")
	}
	records, err := takeRecords(&state)
	return &handshaken{state, srtp.Profile(chosen)}, records, err
}

// establish verifies the remote and takes the keys; then the peer is connected.
func (s *secure) establish(shaken *handshaken, promised []sdp.Fingerprint) {
	if err := s.keys(shaken, promised); err != nil {
		s.peer.closeWith(err)
		return
	}
	p := s.peer
	s.mu.Lock()
	if s.phase == ended {
		s.mu.Unlock()
		return
	}
	s.phase = running
	p.connected.Store(true)
	p.endpoint.counts.connected.Add(1)
	p.endpoint.counts.connect.Observe(p.sinceBegun().Seconds())
	if s.wantData {
		s.peer.channels.start(s.records, s.role == sdp.Active)
	}
	var early [][]byte
	for _, b := range s.early {
		early = s.take(b, early)
	}
	s.early = nil
	s.mu.Unlock()
	for _, content := range early {
		p.channels.receive(content)
	}
	p.log.Debug("peer connected", "after", p.sinceBegun())
	p.events.post(p.cfg.Handler.PeerConnected)
	p.announceReady()
}

// keys verifies the remote's certificate and derives the SRTP keys.
func (s *secure) keys(shaken *handshaken, promised []sdp.Fingerprint) error {
	if err := verifyFingerprint(shaken.state.PeerCertificates[0], promised); err != nil {
		return err
	}
	s.mu.Lock()
	client := s.role == sdp.Active
	s.mu.Unlock()
	material, err := shaken.state.ExportKeyingMaterial(srtp.ExporterLabel, nil, shaken.profile.MaterialSize())
	if err != nil {
		return fmt.Errorf("rtc: SRTP keys: %w", err)
	}
	seal, open, err := srtp.Split(shaken.profile, material, client)
	if err != nil {
		return err
	}
	s.peer.seal.Store(seal)
	s.peer.open.Store(open)
	return nil
}

// needData tells that data channels have been negotiated.
func (s *secure) needData() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.wantData {
		return
	}
	s.wantData = true
	if s.phase == running {
		s.peer.channels.start(s.records, s.role == sdp.Active)
	}
}

// sendRecord protects a content and sends it.
func (s *secure) sendRecord(r *records, kind byte, content []byte) error {
	b, err := r.seal(kind, content)
	if err == nil {
		s.peer.writeRaw(b)
	}
	return err
}

// close says good-bye and frees everything.
func (s *secure) close() {
	s.mu.Lock()
	conn, records := s.conn, s.records
	s.phase = ended
	s.conn, s.shaken, s.early, s.records, s.flight = nil, nil, nil, nil, nil
	s.mu.Unlock()
	if records != nil {
		_ = s.sendRecord(records, recordAlert, []byte{warningAlert, closeNotify}) // it ends in any case
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
