package rtmp

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
)

const handshakeSize = 1536

// ErrEncrypted is how a client that wants RTMPE is refused.
var ErrEncrypted = errors.New("rtmp: encrypted RTMP (RTMPE) is not supported")

// Accept does the server's side of the plain handshake (section 5.2). The caller bounds the time it may take.
func Accept(rw io.ReadWriter) error {
	var c01 [1 + handshakeSize]byte
	if _, err := io.ReadFull(rw, c01[:1]); err != nil {
		return fmt.Errorf("reading C0: %w", err)
	}
	switch c01[0] {
	case 3:
	case 6, 8:
		return ErrEncrypted
	default:
		return fmt.Errorf("rtmp: version %d in C0, want 3", c01[0])
	}
	if _, err := io.ReadFull(rw, c01[1:]); err != nil {
		return fmt.Errorf("reading C1: %w", err)
	}
	// S1 is time, zero and random bytes; the zero tells the client that digests are not used. S2 echoes C1.
	var s012 [1 + 2*handshakeSize]byte
	s012[0] = 3
	rand.Read(s012[9 : 1+handshakeSize])
	copy(s012[1+handshakeSize:], c01[1:])
	if _, err := rw.Write(s012[:]); err != nil {
		return fmt.Errorf("writing S0, S1 and S2: %w", err)
	}
	// C2 should echo S1; clients that do not are let in everywhere, so it is read and not looked at.
	if _, err := io.ReadFull(rw, c01[1:]); err != nil {
		return fmt.Errorf("reading C2: %w", err)
	}
	return nil
}

// Connect does the client's side of the plain handshake. The caller bounds the time it may take.
func Connect(rw io.ReadWriter) error {
	var c01 [1 + handshakeSize]byte
	c01[0] = 3
	rand.Read(c01[9:])
	if _, err := rw.Write(c01[:]); err != nil {
		return fmt.Errorf("writing C0 and C1: %w", err)
	}
	var s012 [1 + 2*handshakeSize]byte
	if _, err := io.ReadFull(rw, s012[:]); err != nil {
		return fmt.Errorf("reading S0, S1 and S2: %w", err)
	}
	if s012[0] != 3 {
		return fmt.Errorf("rtmp: version %d in S0, want 3", s012[0])
	}
	if _, err := rw.Write(s012[1 : 1+handshakeSize]); err != nil {
		return fmt.Errorf("writing C2: %w", err)
	}
	return nil
}
