// Package address knows which IP addresses lie in the world at large, and which are this host's, a private network's, or
// another address in disguise. Whoever connects or relays on somebody's word asks it.
package address

import (
	"net"
	"net/netip"
)

// notGlobal are the networks of IANA's special-purpose registries (RFC 6890) that lie within otherwise global space and
// where nobody outside them has business.
var notGlobal = Prefixes(
	"0.0.0.0/8",        // this network
	"10.0.0.0/8",       // private
	"100.64.0.0/10",    // carrier-grade NAT
	"127.0.0.0/8",      // loopback
	"169.254.0.0/16",   // link-local, and what clouds tell their machines
	"172.16.0.0/12",    // private
	"192.0.0.0/24",     // protocol assignments
	"192.0.2.0/24",     // documentation
	"192.88.99.0/24",   // 6to4 relays
	"192.168.0.0/16",   // private
	"198.18.0.0/15",    // benchmarks
	"198.51.100.0/24",  // documentation
	"203.0.113.0/24",   // documentation
	"224.0.0.0/4",      // multicast
	"240.0.0.0/4",      // reserved, broadcast
	"168.63.129.16/32", // global by its number, but the inside of a cloud (Azure)
	"2001::/23",        // protocol assignments, Teredo among them
	"2001:db8::/32",    // documentation
	"2002::/16",        // 6to4
	"3fff::/20",        // documentation
)

// globalIPv6 is what is global unicast at all (RFC 4291). Outside it lie loopback, unique local, link-local, multicast,
// IPv4-compatible and NAT64 addresses (64:ff9b::/96, 64:ff9b:1::/48).
var globalIPv6 = netip.MustParsePrefix("2000::/3")

// loopback is this host itself.
var loopback = Prefixes("127.0.0.0/8", "::1/128")

// nowhere are networks with no host of their own: what is on the cable only, many at once, reserved, and IPv6 addresses in which an
// IPv4 address hides (IPv4-compatible and mapped, NAT64, Teredo, 6to4).
var nowhere = Prefixes(
	"0.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4",
	"::/96", "::ffff:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "2001::/32", "2002::/16", "fe80::/10", "ff00::/8",
)

// Prefixes parses networks that are written in the program.
func Prefixes(list ...string) []netip.Prefix {
	parsed := make([]netip.Prefix, len(list))
	for i, p := range list {
		parsed[i] = netip.MustParsePrefix(p)
	}
	return parsed
}

// Within tells whether an address is in one of some networks.
func Within(a netip.Addr, list []netip.Prefix) bool {
	for _, p := range list {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// IsGlobal tells whether an address, not written as IPv4-mapped, is global unicast.
func IsGlobal(a netip.Addr) bool {
	return a.IsValid() && a.Zone() == "" && (a.Is4() || globalIPv6.Contains(a)) && !Within(a, notGlobal)
}

// IsLoopback tells whether an address, not written as IPv4-mapped, is this host's own to itself.
func IsLoopback(a netip.Addr) bool { return Within(a, loopback) }

// IsNowhere tells of addresses that not even an operator has reason to open: they name no host, or another one than they seem
// to. Loopback is not among them.
func IsNowhere(a netip.Addr) bool {
	return !a.IsValid() || a.Zone() != "" || a.Is4In6() || Within(a, nowhere) && !IsLoopback(a)
}

// OfHost are the addresses of this machine's interfaces, and of their networks: the broadcast address, and the first
// one, at which a machine that forwards is reached too (RFC 4291, section 2.6.1).
func OfHost() (map[netip.Addr]struct{}, error) {
	interfaces, err := net.InterfaceAddrs()
	if err != nil {
		return nil, err
	}
	return addressesOf(interfaces), nil
}

func addressesOf(interfaces []net.Addr) map[netip.Addr]struct{} {
	found := map[netip.Addr]struct{}{}
	for _, i := range interfaces {
		network, ok := i.(*net.IPNet)
		if !ok {
			continue
		}
		a, ok := netip.AddrFromSlice(network.IP)
		if !ok {
			continue
		}
		a = a.Unmap()
		found[a] = struct{}{}
		ones, bits := network.Mask.Size()
		if first, err := a.Prefix(ones); err == nil && bits-ones > 1 {
			found[first.Addr()] = struct{}{}
		}
		if a.Is4() && bits-ones > 1 && bits-ones < 32 {
			b := a.As4()
			for bit := range bits - ones {
				b[3-bit/8] |= 1 << (bit % 8)
			}
			found[netip.AddrFrom4(b)] = struct{}{}
		}
	}
	return found
}
