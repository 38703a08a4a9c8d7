package studio

import (
	"errors"
	"net"
	"net/netip"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/limit"
)

// PerAddressGuess is how often one address may show a key or token that is refused, at all doors together. What is right is
// let in regardless: keys have 128 bits, so nobody gets anywhere by guessing, and nobody keeps others behind the same
// address out by trying.
var PerAddressGuess = limit.Rate{Name: "guess", PerSecond: 0.5, Burst: 20}

// ErrTooOften is what an address is told that has shown too many wrong keys.
var ErrTooOften = errors.New("too many wrong keys from this address: wait a moment")

// From notes who shows a credential. remote is an address with or without a port.
func (c Credential) From(remote string) Credential {
	c.address = limit.Network(remote)
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		host = remote
	}
	c.host, _ = netip.ParseAddr(host)
	return c
}

// In is From for who looks addresses up by network already.
func (c Credential) In(network netip.Prefix) Credential {
	c.address = network
	return c
}

// Refused counts that an address was refused for err, and gives the error to answer with: err, or ErrTooOften.
func (h *House) Refused(from netip.Prefix, err error) error {
	if from.IsValid() && !h.rates.Allow(PerAddressGuess, from) {
		return ErrTooOften
	}
	return err
}

// refusedCredential counts where something was shown that is wrong.
func (h *House) refusedCredential(c Credential, err error) error {
	switch {
	case c.Token == "" && c.Key == "":
	case errors.Is(err, auth.ErrInvalid), errors.Is(err, auth.ErrExpired), errors.Is(err, auth.ErrDenied):
		return h.Refused(c.address, err)
	}
	return err
}
