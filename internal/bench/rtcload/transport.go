package rtcload

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/datachannel"
	"github.com/pion/dtls/v3"
	"github.com/pion/dtls/v3/pkg/crypto/fingerprint"
	"github.com/pion/dtls/v3/pkg/crypto/selfsign"
	"github.com/pion/logging"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/sctp"
	"github.com/pion/srtp/v3"
	"github.com/pion/stun/v4"
)

// ourUfrag and ourPwd are every client's ICE credentials: checks only ever come to us as answers.
const ourUfrag, ourPwd = "bnch", "benchbenchbenchbenchbench"

const (
	// checkTimeout is how long an answer to a connectivity check may take.
	checkTimeout = 200 * time.Millisecond
	// checkInterval is how often a client repeats its check.
	checkInterval = 5 * time.Second
)

// identity is one certificate for all clients, so that making many does not slow the load down.
type identity struct {
	certificate tls.Certificate
	fingerprint string
}

func newIdentity() (identity, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return identity{}, err
	}
	cert, err := selfsign.SelfSign(key)
	if err != nil {
		return identity{}, err
	}
	leaf, err := x509.ParseCertificate(cert.Certificate[0])
	if err != nil {
		return identity{}, err
	}
	print, err := fingerprint.Fingerprint(leaf, crypto.SHA256)
	return identity{cert, print}, err
}

// transport is what lies under a WebRTC client's media: a UDP socket, ICE (the controlling side, with one candidate
// pair), DTLS and the keys of SRTP. It holds nothing that is not needed for that.
type transport struct {
	udp  *net.UDPConn
	in   *srtp.Context // the reading goroutine's
	conn *dtls.Conn

	sending sync.Mutex // over out and scratch
	out     *srtp.Context
	scratch []byte

	ufrag, pwd string // remote
	handshake  *handshakeConn
	checked    chan struct{}
	once       sync.Once
}

// connect reaches a server. receive is called on the reading goroutine with what is left after ICE and DTLS, still
// encrypted, once there are keys; its buffer is used again. With data there is an SCTP association too, whose channels are
// accepted and read.
func connect(ctx context.Context, to server, who identity, data bool, receive func(t *transport, packet []byte, at time.Time)) (*transport, error) {
	udp, err := net.DialUDP("udp", nil, to.addr)
	if err != nil {
		return nil, err
	}
	_ = udp.SetReadBuffer(1 << 20) // a smaller one is only a worse client
	t := &transport{udp: udp, ufrag: to.ufrag + ":" + ourUfrag, pwd: to.pwd, checked: make(chan struct{})}
	t.handshake = &handshakeConn{udp: udp, in: make(chan []byte, 64), closed: make(chan struct{}), keyed: make(chan struct{}), wake: make(chan struct{}, 1)}
	go t.read(receive)
	if err := t.open(ctx, to, who); err != nil {
		t.close()
		return nil, err
	}
	close(t.handshake.keyed)
	go t.keep()
	if data {
		go t.data(!to.active)
	}
	return t, nil
}

func (t *transport) open(ctx context.Context, to server, who identity) error {
	for waiting := true; waiting; {
		if err := t.check(); err != nil {
			return fmt.Errorf("connectivity check: %w", err)
		}
		select {
		case <-t.checked:
			waiting = false
		case <-time.After(checkTimeout):
		case <-ctx.Done():
			return fmt.Errorf("no answer to connectivity checks: %w", ctx.Err())
		}
	}
	config := &dtls.Config{
		Certificates: []tls.Certificate{who.certificate}, InsecureSkipVerify: true, ClientAuth: dtls.RequireAnyClientCert,
		SRTPProtectionProfiles: []dtls.SRTPProtectionProfile{dtls.SRTP_AEAD_AES_128_GCM, dtls.SRTP_AES128_CM_HMAC_SHA1_80},
		ExtendedMasterSecret:   dtls.RequireExtendedMasterSecret,
	}
	shake := dtls.Client
	if to.active {
		shake = dtls.Server
	}
	conn, err := shake(t.handshake, to.addr, config)
	if err == nil {
		err = conn.HandshakeContext(ctx)
	}
	if err != nil {
		return fmt.Errorf("DTLS: %w", err)
	}
	t.conn = conn
	return t.keys(!to.active)
}

// keys takes SRTP's keys from the finished handshake (RFC 5764, section 4.2).
func (t *transport) keys(client bool) error {
	profile, ok := t.conn.SelectedSRTPProtectionProfile()
	if !ok {
		return errors.New("the server chose no SRTP profile")
	}
	state, ok := t.conn.ConnectionState()
	if !ok {
		return errors.New("no DTLS state")
	}
	config := srtp.Config{Profile: srtp.ProtectionProfile(profile)}
	if err := config.ExtractSessionKeysFromDTLS(&state, client); err != nil {
		return fmt.Errorf("SRTP keys: %w", err)
	}
	var err error
	if t.in, err = srtp.CreateContext(config.Keys.RemoteMasterKey, config.Keys.RemoteMasterSalt, config.Profile); err != nil {
		return err
	}
	t.out, err = srtp.CreateContext(config.Keys.LocalMasterKey, config.Keys.LocalMasterSalt, config.Profile)
	return err
}

// data keeps an SCTP association and reads what comes in its channels, until the transport is closed.
func (t *transport) data(client bool) {
	config := sctp.Config{NetConn: t.conn, LoggerFactory: logging.NewDefaultLoggerFactory()}
	open := sctp.Client
	if !client {
		open = sctp.Server
	}
	association, err := open(config)
	if err != nil {
		return // the transport was closed
	}
	defer association.Close()
	for {
		channel, err := datachannel.Accept(association, &datachannel.Config{LoggerFactory: config.LoggerFactory})
		if err != nil {
			return
		}
		go func() {
			var b [1 << 10]byte
			for {
				if _, err := channel.Read(b[:]); err != nil {
					return
				}
			}
		}()
	}
}

// check sends a binding request that nominates (RFC 8445, section 7.2.2).
func (t *transport) check() error {
	m, err := stun.Build(stun.TransactionID, stun.BindingRequest, stun.NewUsername(t.ufrag),
		stun.RawAttribute{Type: stun.AttrUseCandidate},
		stun.RawAttribute{Type: stun.AttrPriority, Value: []byte{0x6e, 0x00, 0x01, 0xff}},
		stun.RawAttribute{Type: stun.AttrICEControlling, Value: []byte{1, 2, 3, 4, 5, 6, 7, 8}},
		stun.NewShortTermIntegrity(t.pwd), stun.Fingerprint)
	if err != nil {
		return err
	}
	_, err = t.udp.Write(m.Raw)
	return err
}

// keep repeats the check, so that the server keeps the client, until the socket is closed.
func (t *transport) keep() {
	ticker := time.NewTicker(checkInterval)
	defer ticker.Stop()
	for {
		select {
		case <-t.handshake.closed:
			return
		case <-ticker.C:
			_ = t.check() // the next one comes soon
		}
	}
}

// read sorts datagrams by their first byte (RFC 7983) until the socket is closed.
func (t *transport) read(receive func(t *transport, b []byte, at time.Time)) {
	defer close(t.handshake.closed)
	keyed := false
	readDatagrams(t.udp, func(b []byte, at time.Time) {
		switch {
		case len(b) == 0:
		case b[0] < 4:
			t.once.Do(func() { close(t.checked) })
		case b[0] >= 20 && b[0] < 64:
			select {
			case t.handshake.in <- append([]byte(nil), b...):
			default:
			}
		case b[0] >= 128 && b[0] < 192:
			if !keyed {
				select {
				case <-t.handshake.keyed:
					keyed = true
				default:
					return
				}
			}
			receive(t, b, at)
		}
	})
}

// isControl tells RTCP from RTP (RFC 5761, section 4).
func isControl(packet []byte) bool { return len(packet) < 12 || packet[1] >= 192 && packet[1] < 224 }

// sendRTP encrypts and sends a packet, header and all; it may be called from any goroutine. A send that fails is as good as
// one on a lossy link.
func (t *transport) sendRTP(h *rtp.Header, plain []byte) {
	t.sending.Lock()
	defer t.sending.Unlock()
	raw, err := t.out.EncryptRTP(t.scratch[:0], plain, h)
	if err == nil {
		t.scratch = raw[:0]
		_, _ = t.udp.Write(raw)
	}
}

func (t *transport) sendRTCP(packets ...rtcp.Packet) {
	if raw, err := rtcp.Marshal(packets); err == nil {
		t.sendRawRTCP(raw)
	}
}

func (t *transport) sendRawRTCP(raw []byte) {
	t.sending.Lock()
	defer t.sending.Unlock()
	if raw, err := t.out.EncryptRTCP(t.scratch[:0], raw, nil); err == nil {
		t.scratch = raw[:0]
		_, _ = t.udp.Write(raw)
	}
}

func (t *transport) close() {
	if t.conn != nil {
		_ = t.conn.Close() // tells the server
	}
	_ = t.udp.Close()
}

// handshakeConn is the net.PacketConn that DTLS reads.
type handshakeConn struct {
	udp           *net.UDPConn
	in            chan []byte
	keyed, closed chan struct{}
	expired       atomic.Bool   // the read deadline has passed
	wake          chan struct{} // holds a token when it has
}

func (c *handshakeConn) ReadFrom(p []byte) (int, net.Addr, error) {
	for !c.expired.Load() {
		select {
		case b := <-c.in:
			return copy(p, b), c.udp.RemoteAddr(), nil
		case <-c.closed:
			return 0, nil, net.ErrClosed
		case <-c.wake:
		}
	}
	return 0, nil, os.ErrDeadlineExceeded
}

// SetReadDeadline tells "in the past" and "never" apart: pion/dtls uses no others.
func (c *handshakeConn) SetReadDeadline(t time.Time) error {
	c.expired.Store(!t.IsZero() && !t.After(time.Now()))
	select {
	case c.wake <- struct{}{}:
	default:
	}
	return nil
}

func (c *handshakeConn) WriteTo(p []byte, _ net.Addr) (int, error) { return c.udp.Write(p) }
func (c *handshakeConn) Close() error                              { return nil }
func (c *handshakeConn) LocalAddr() net.Addr                       { return c.udp.LocalAddr() }
func (c *handshakeConn) SetDeadline(t time.Time) error             { return c.SetReadDeadline(t) }
func (c *handshakeConn) SetWriteDeadline(time.Time) error          { return nil }
