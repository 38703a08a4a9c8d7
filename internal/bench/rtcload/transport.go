package rtcload

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/srtp/v3"
	"github.com/pion/stun/v4"
)

// checkInterval is how often a client repeats its connectivity check, so that the server keeps it.
const checkInterval = 5 * time.Second

// transport is what lies under a WebRTC client's media: a UDP socket, ICE (the controlling side, with one candidate
// pair), DTLS and the keys of SRTP. It holds nothing that is not needed for that.
type transport struct {
	udp  *net.UDPConn
	in   *srtp.Context
	out  *srtp.Context
	conn *dtls.Conn

	ufrag, pwd string // remote
	handshake  *handshakeConn
	checked    chan struct{}
	once       sync.Once
}

// connect reaches a server's candidate. onRTP is called on the reading goroutine with what is left after ICE and DTLS,
// still encrypted; its buffer is used again.
func connect(ctx context.Context, remote *net.UDPAddr, ourUfrag, ufrag, pwd string, cert tls.Certificate, onRTP func(t *transport, packet []byte)) (*transport, error) {
	udp, err := net.DialUDP("udp", nil, remote)
	if err != nil {
		return nil, err
	}
	_ = udp.SetReadBuffer(1 << 20) // a smaller one is only a worse client
	t := &transport{udp: udp, ufrag: ufrag + ":" + ourUfrag, pwd: pwd, checked: make(chan struct{})}
	t.handshake = &handshakeConn{udp: udp, in: make(chan []byte, 64), closed: make(chan struct{})}
	go t.read(onRTP)
	for {
		if err := t.check(); err != nil {
			t.close()
			return nil, fmt.Errorf("connectivity check: %w", err)
		}
		select {
		case <-t.checked:
		case <-time.After(200 * time.Millisecond):
			continue
		case <-ctx.Done():
			t.close()
			return nil, fmt.Errorf("no answer to connectivity checks: %w", ctx.Err())
		}
		break
	}
	config := &dtls.Config{
		Certificates: []tls.Certificate{cert}, InsecureSkipVerify: true,
		SRTPProtectionProfiles: []dtls.SRTPProtectionProfile{dtls.SRTP_AEAD_AES_128_GCM, dtls.SRTP_AES128_CM_HMAC_SHA1_80},
		ExtendedMasterSecret:   dtls.RequireExtendedMasterSecret,
	}
	conn, err := dtls.Client(t.handshake, remote, config)
	if err == nil {
		err = conn.HandshakeContext(ctx)
	}
	if err != nil {
		t.close()
		return nil, fmt.Errorf("DTLS: %w", err)
	}
	t.conn = conn
	if err := t.keys(); err != nil {
		t.close()
		return nil, err
	}
	return t, nil
}

// keys takes SRTP's keys from the finished handshake (RFC 5764, section 4.2).
func (t *transport) keys() error {
	profile, ok := t.conn.SelectedSRTPProtectionProfile()
	if !ok {
		return errors.New("the server chose no SRTP profile")
	}
	state, ok := t.conn.ConnectionState()
	if !ok {
		return errors.New("no DTLS state")
	}
	config := srtp.Config{Profile: srtp.ProtectionProfile(profile)}
	if err := config.ExtractSessionKeysFromDTLS(&state, true); err != nil {
		return fmt.Errorf("SRTP keys: %w", err)
	}
	in, err := srtp.CreateContext(config.Keys.RemoteMasterKey, config.Keys.RemoteMasterSalt, config.Profile)
	if err != nil {
		return err
	}
	out, err := srtp.CreateContext(config.Keys.LocalMasterKey, config.Keys.LocalMasterSalt, config.Profile)
	if err != nil {
		return err
	}
	t.in, t.out = in, out
	return nil
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

// read sorts datagrams by their first byte (RFC 7983) until the socket is closed.
func (t *transport) read(onRTP func(*transport, []byte)) {
	defer close(t.handshake.closed)
	buf := make([]byte, 2048)
	for {
		n, err := t.udp.Read(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil || n == 0 {
			continue // refused while the server is not there yet, or no longer
		}
		switch b := buf[0]; {
		case b < 4:
			t.once.Do(func() { close(t.checked) })
		case b >= 20 && b < 64:
			select {
			case t.handshake.in <- append([]byte(nil), buf[:n]...):
			default:
			}
		case b >= 128 && b < 192:
			onRTP(t, buf[:n])
		}
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
	udp    *net.UDPConn
	in     chan []byte
	closed chan struct{}
}

func (c *handshakeConn) ReadFrom(p []byte) (int, net.Addr, error) {
	select {
	case b := <-c.in:
		return copy(p, b), c.udp.RemoteAddr(), nil
	case <-c.closed:
		return 0, nil, net.ErrClosed
	}
}

func (c *handshakeConn) WriteTo(p []byte, _ net.Addr) (int, error) { return c.udp.Write(p) }
func (c *handshakeConn) Close() error                              { return nil }
func (c *handshakeConn) LocalAddr() net.Addr                       { return c.udp.LocalAddr() }
func (c *handshakeConn) SetDeadline(time.Time) error               { return nil }
func (c *handshakeConn) SetReadDeadline(time.Time) error           { return nil }
func (c *handshakeConn) SetWriteDeadline(time.Time) error          { return nil }
