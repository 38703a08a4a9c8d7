// Package ice is the server's half of ICE-lite (RFC 8445, section 2.5): it reads connectivity checks and answers them.
// It keeps no state and knows no sockets.
package ice

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/pion/stun/v4"
)

// Errors that a check is answered with, or dropped for.
var (
	// ErrIgnore is for what is no binding request: it gets no answer.
	ErrIgnore = errors.New("ice: not a connectivity check")
	// ErrUnauthorized is for a wrong MESSAGE-INTEGRITY.
	ErrUnauthorized = errors.New("ice: wrong message integrity")
)

// Check is a connectivity check: a STUN binding request (RFC 8445, section 7.1).
type Check struct {
	// Ufrag is our user name fragment, which the check is addressed to.
	Ufrag string
	// Nominated tells that the remote wants to use this path (USE-CANDIDATE).
	Nominated bool
	// Conflict tells that the remote thinks it is controlled, as a lite agent always is.
	Conflict bool

	message stun.Message
}

// Parse reads a datagram. The check does not keep it. A Check is reused from one call to the next.
func (c *Check) Parse(datagram []byte) error {
	c.Ufrag, c.Nominated, c.Conflict = "", false, false
	c.message.Reset()
	c.message.Raw = append(c.message.Raw[:0], datagram...)
	if err := c.message.Decode(); err != nil {
		return fmt.Errorf("%w: %w", ErrIgnore, err)
	}
	if c.message.Type != stun.BindingRequest {
		return ErrIgnore
	}
	// Every check has one (RFC 8445, section 7.1.1).
	if err := stun.Fingerprint.Check(&c.message); err != nil {
		return fmt.Errorf("%w: %w", ErrIgnore, err)
	}
	name, err := c.message.Get(stun.AttrUsername)
	if err != nil {
		return fmt.Errorf("%w: no user name", ErrIgnore)
	}
	ours, _, ok := strings.Cut(string(name), ":")
	if !ok {
		return fmt.Errorf("%w: user name without a colon", ErrIgnore)
	}
	c.Ufrag = ours
	c.Nominated = c.message.Contains(stun.AttrUseCandidate)
	c.Conflict = c.message.Contains(stun.AttrICEControlled)
	return nil
}

// Verify checks that the sender knows our password.
func (c *Check) Verify(pwd string) error {
	if err := stun.NewShortTermIntegrity(pwd).Check(&c.message); err != nil {
		return ErrUnauthorized
	}
	return nil
}

// Answer makes the success response: it tells the remote its address as we see it.
func (c *Check) Answer(from netip.AddrPort, pwd string) ([]byte, error) {
	m, err := stun.Build(&c.message, stun.BindingSuccess,
		&stun.XORMappedAddress{IP: net.IP(from.Addr().Unmap().AsSlice()), Port: int(from.Port())},
		stun.NewShortTermIntegrity(pwd), stun.Fingerprint)
	if err != nil {
		return nil, fmt.Errorf("ice: building a response: %w", err)
	}
	return m.Raw, nil
}

// Refuse makes the error response for a role conflict (RFC 8445, section 7.3.1.1): the remote must take control.
func (c *Check) Refuse(pwd string) ([]byte, error) {
	m, err := stun.Build(&c.message, stun.BindingError, stun.CodeRoleConflict,
		stun.NewShortTermIntegrity(pwd), stun.Fingerprint)
	if err != nil {
		return nil, fmt.Errorf("ice: building a response: %w", err)
	}
	return m.Raw, nil
}

// Credentials are one side's short-term credentials.
type Credentials struct{ Ufrag, Pwd string }

// NewCredentials makes random ones: 48 bits of ufrag, which is also how a peer is found, and 144 of password (RFC 8445,
// section 5.3 wants at least 24 and 128).
func NewCredentials() Credentials { return Credentials{token(8), token(24)} }

// token is random text of 6 bits a character, from the characters that RFC 8839, section 5.4 allows.
func token(size int) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	b := make([]byte, size)
	rand.Read(b)
	for i := range b {
		b[i] = alphabet[b[i]%64]
	}
	return string(b)
}

// Candidate is the value of an a=candidate line for a host address (RFC 8839, section 5.1). rank is 0 for the one that
// is to be preferred.
func Candidate(address netip.AddrPort, rank int) string {
	const hostPreference, component = 126, 1
	priority := hostPreference<<24 | (65535-rank)<<8 | (256 - component)
	return fmt.Sprintf("%d 1 udp %d %s %d typ host", rank+1, priority, address.Addr(), address.Port())
}

// PassiveCandidate is the same for an address at which TCP connections are accepted (RFC 6544, section 4.5). It is less
// wanted than any over UDP.
func PassiveCandidate(address netip.AddrPort, rank int) string {
	// The type preference is below all those of UDP but relays; passive has the direction preference 4 among hosts (RFC
	// 6544, section 4.2).
	const tcpPreference, passive, component, foundation = 90, 4, 1, 1001
	priority := tcpPreference<<24 | (passive<<13|8191-rank)<<8 | (256 - component)
	return fmt.Sprintf("%d 1 tcp %d %s %d typ host tcptype passive", rank+foundation, priority, address.Addr(), address.Port())
}
