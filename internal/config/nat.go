package config

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// NAT is how clients are helped through NATs: the built-in STUN and TURN server, and others beside it.
type NAT struct {
	TURN  string `help:"UDP and TCP address of STUN and TURN; 'off' for none." default:":3478" name:"turn"`
	TURNS string `help:"TCP address of TURN over TLS, with the certificate of HTTPS; 'off' for none." default:":5349" name:"turns"`

	TURNHost         string   `help:"Name or address at which clients reach STUN and TURN, where it is not the one that they called the page by." placeholder:"NAME" name:"turn-host"`
	TURNRelayAddress []string `help:"Address that relayed media has, at most one of each family; the first that WebRTC announces when not set." placeholder:"IP" name:"turn-relay-address"`
	TURNPorts        string   `help:"UDP ports of relayed media." default:"61000-62999" name:"turn-ports"`
	TURNAllow        []string `help:"Private networks that TURN may relay to as well." placeholder:"PREFIX" name:"turn-allow"`

	TURNServer   []string `help:"Other STUN and TURN servers for clients: turn:, turns:, stun: or stuns: addresses." placeholder:"URL" name:"turn-server"`
	TURNSecret   string   `help:"The secret that those TURN servers share with us (coturn: static-auth-secret)." placeholder:"SECRET" name:"turn-secret"`
	TURNUser     string   `help:"Or the user for those TURN servers; every client learns it." placeholder:"NAME" name:"turn-user"`
	TURNPassword string   `help:"And the password." placeholder:"PASSWORD" name:"turn-password"`
}

// RelayPorts are the first and the last UDP port of relayed media.
func (n *NAT) RelayPorts() (first, last uint16, err error) {
	low, high, ok := strings.Cut(n.TURNPorts, "-")
	if !ok {
		high = low
	}
	a, err := strconv.ParseUint(strings.TrimSpace(low), 10, 16)
	b, err2 := strconv.ParseUint(strings.TrimSpace(high), 10, 16)
	if err != nil || err2 != nil || a < 1 || b < a {
		return 0, 0, fmt.Errorf("turn-ports: %q is no range such as 61000-62999", n.TURNPorts)
	}
	return uint16(a), uint16(b), nil
}

// RelayAddresses are the addresses of relayed media, none when they are to be found out.
func (n *NAT) RelayAddresses() ([]netip.Addr, error) {
	var list []netip.Addr
	for _, text := range n.TURNRelayAddress {
		a, err := netip.ParseAddr(text)
		if err != nil || a.IsUnspecified() || a.IsMulticast() || a.Zone() != "" {
			return nil, fmt.Errorf("turn-relay-address: %q is no address of a host", text)
		}
		a = a.Unmap()
		for _, other := range list {
			if other.Is4() == a.Is4() {
				return nil, fmt.Errorf("turn-relay-address: %v and %v are of the same family", other, a)
			}
		}
		list = append(list, a)
	}
	return list, nil
}

// RelayNetworks are private networks that may be relayed to.
func (n *NAT) RelayNetworks() ([]netip.Prefix, error) { return networks("turn-allow", n.TURNAllow) }

// validate gives everything that is wrong with the settings above.
func (n *NAT) validate() (errs []error) {
	add := func(err error) {
		if err != nil {
			errs = append(errs, err)
		}
	}
	_, _, err := n.RelayPorts()
	add(err)
	_, err = n.RelayAddresses()
	add(err)
	_, err = n.RelayNetworks()
	add(err)
	return errs
}
