package turn

import (
	"net/netip"
	"syscall"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/address"
)

// testFilter is one of a host with the addresses 198.20.0.1, 2a00::1 and 192.168.1.5, whose only relay is at 198.20.0.1:50000.
func testFilter(allow ...string) *filter {
	relay := netip.MustParseAddrPort("198.20.0.1:50000")
	f := &filter{
		media: []netip.AddrPort{netip.MustParseAddrPort("192.168.1.5:7882"), netip.MustParseAddrPort("198.20.0.1:7882"), netip.MustParseAddrPort("[2a00::1]:7882")},
		allow: address.Prefixes(allow...),
		fixed: []netip.Addr{relay.Addr()},
		relay: func(a netip.AddrPort) bool { return a == relay }, relayAddress: func(a netip.Addr) bool { return a == relay.Addr() },
		checked: time.Now().Add(time.Hour), look: address.OfHost,
	}
	f.host.Store(&map[netip.Addr]struct{}{
		netip.MustParseAddr("2a00::1"): {}, netip.MustParseAddr("192.168.1.5"): {}, netip.MustParseAddr("198.20.0.255"): {},
	})
	return f
}

func TestWhomRelaysMayReach(t *testing.T) {
	for _, c := range []struct {
		peer    string
		allowed bool // by default
		opened  bool // where the operator allows 0.0.0.0/0 and ::/0
		permits bool // some port of the address, by default
	}{
		// Own media, at its port only.
		{"192.168.1.5:7882", true, true, true},
		{"198.20.0.1:7882", true, true, true},
		{"[2a00::1]:7882", true, true, true},
		{"[::ffff:192.168.1.5]:7882", true, true, true},
		{"192.168.1.5:7881", false, false, true},
		{"192.168.1.5:22", false, false, true},
		{"[::ffff:192.168.1.5]:22", false, false, true},
		{"[2a00::1]:8080", false, false, true},
		// Open relays, and no other port.
		{"198.20.0.1:50000", true, true, true},
		{"[::ffff:198.20.0.1]:50000", true, true, true},
		{"198.20.0.1:50001", false, false, true},
		{"198.20.0.1:22", false, false, true},
		{"198.20.0.255:5000", false, false, false}, // broadcast of an own network
		// The world.
		{"8.8.8.8:40000", true, true, true},
		{"198.20.0.2:22", true, true, true},
		{"[2606:4700::1111]:40000", true, true, true},
		{"[::ffff:8.8.8.8]:40000", true, true, true},
		{"8.8.8.8:0", false, false, true},
		// Private networks, which an operator may open.
		{"10.0.0.1:5000", false, true, false},
		{"[::ffff:10.0.0.1]:5000", false, true, false},
		{"172.16.0.1:5000", false, true, false},
		{"172.31.255.255:5000", false, true, false},
		{"172.32.0.1:5000", true, true, true},
		{"192.168.1.6:5000", false, true, false},
		{"100.64.0.1:5000", false, true, false},
		{"100.127.255.255:5000", false, true, false},
		{"100.100.100.200:80", false, true, false}, // Alibaba's metadata
		{"192.0.0.192:80", false, true, false},     // Oracle's
		{"168.63.129.16:80", false, true, false},   // Azure's
		{"[fd00::1]:5000", false, true, false},
		{"[fc00::1]:5000", false, true, false},
		{"192.0.2.1:5000", false, true, false},
		{"198.51.100.1:5000", false, true, false},
		{"203.0.113.1:5000", false, true, false},
		{"198.18.0.1:5000", false, true, false},
		{"198.19.255.255:5000", false, true, false},
		{"192.88.99.1:5000", false, true, false},
		{"[2001:db8::1]:5000", false, true, false},
		{"[3fff::1]:5000", false, true, false},
		{"[2001:20::1]:5000", false, true, false}, // ORCHID
		{"[fec0::1]:5000", false, true, false},
		{"[100::1]:5000", false, true, false},
		// Never.
		{"127.0.0.1:7882", false, false, false},
		{"127.1.2.3:5000", false, false, false},
		{"[::1]:7882", false, false, false},
		{"[::ffff:127.0.0.1]:5000", false, false, false},
		{"0.0.0.0:5000", false, false, false},
		{"0.1.2.3:5000", false, false, false},
		{"[::]:5000", false, false, false},
		{"169.254.169.254:80", false, false, false},
		{"[::ffff:169.254.169.254]:80", false, false, false},
		{"[fe80::1]:5000", false, false, false},
		{"[fe80::1%eth0]:5000", false, false, false},
		{"224.0.0.1:5000", false, false, false},
		{"239.255.255.250:1900", false, false, false},
		{"[ff02::1]:5000", false, false, false},
		{"[ff0e::1]:5000", false, false, false},
		{"255.255.255.255:5000", false, false, false},
		{"240.0.0.1:5000", false, false, false},
		{"[::127.0.0.1]:5000", false, false, false},           // IPv4-compatible
		{"[::8.8.8.8]:5000", false, false, false},             //
		{"[64:ff9b::7f00:1]:5000", false, false, false},       // NAT64
		{"[64:ff9b::808:808]:5000", false, false, false},      //
		{"[64:ff9b:1::a00:1]:5000", false, false, false},      // local NAT64
		{"[64:ff9b:1:a00:0:100::]:5000", false, false, false}, //
		{"[2002:7f00:1::1]:5000", false, false, false},        // 6to4
		{"[2002:808:808::1]:5000", false, false, false},       //
		{"[2001::7f00:1]:5000", false, false, false},          // Teredo
		{"[2001:0:808:808::1]:5000", false, false, false},     //
	} {
		peer := netip.MustParseAddrPort(c.peer)
		if got := testFilter().allows(peer); got != c.allowed {
			t.Errorf("%v: allowed %v", c.peer, got)
		}
		if got := testFilter("0.0.0.0/0", "::/0").allows(peer); got != c.opened {
			t.Errorf("%v: allowed by the operator %v", c.peer, got)
		}
		if got := testFilter().permits(peer.Addr()); got != c.permits {
			t.Errorf("%v: permission %v", c.peer, got)
		}
	}
}

func TestAnOperatorOpensNoMoreThanTheNetworksNamed(t *testing.T) {
	f := testFilter("192.168.0.0/16", "fd12::/16")
	for peer, want := range map[string]bool{
		"192.168.9.9:5000": true, "[fd12::9]:5000": true, "10.0.0.1:5000": false, "[fd13::1]:5000": false, "192.168.1.5:22": false,
		"[::ffff:192.168.9.9]:5000": true,
	} {
		if got := f.allows(netip.MustParseAddrPort(peer)); got != want {
			t.Errorf("%v: %v", peer, got)
		}
	}
}

func TestTheHostsOwnAddressesAreFoundOut(t *testing.T) {
	own, err := address.OfHost()
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := own[loopback4]; !ok {
		t.Fatalf("no loopback among %v", own)
	}
	f := testFilter()
	f.host.Store(nil)
	now := time.Now()
	f.checked = now
	refresh := func(at time.Time) {
		if err := f.refresh(at); err != nil {
			t.Fatal(err)
		}
	}
	refresh(now)
	if f.host.Load() == nil {
		t.Fatal("not looked at")
	}
	before := f.host.Load()
	refresh(now.Add(hostKnownFor / 2))
	if f.host.Load() != before {
		t.Error("looked at again at once")
	}
	refresh(now.Add(hostKnownFor))
	if f.host.Load() == before {
		t.Error("not looked at again")
	}
	// Whoever uses up all descriptors does not open the host's own ports by that.
	f.look = func() (map[netip.Addr]struct{}, error) { return nil, syscall.EMFILE }
	if err := f.refresh(now.Add(3 * hostKnownFor)); err == nil {
		t.Error("no error")
	}
	if f.allows(netip.AddrPortFrom(loopback4, 22)) || len(*f.host.Load()) == 0 {
		t.Error("what was known is forgotten")
	}
}

// FuzzFilter compares the filter with what net/netip says of addresses, however they are written.
func FuzzFilter(f *testing.F) {
	for _, a := range []string{"10.0.0.1", "8.8.8.8", "::1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::", "2001::1", "fe80::1", "2606:4700::1"} {
		b := netip.MustParseAddr(a).AsSlice()
		f.Add(b, uint16(5000))
	}
	subject := testFilter()
	f.Fuzz(func(t *testing.T, b []byte, port uint16) {
		a, ok := netip.AddrFromSlice(b)
		if !ok {
			return
		}
		peer := netip.AddrPortFrom(a, port)
		got := subject.allows(peer)
		plain := a.Unmap()
		if got != subject.allows(netip.AddrPortFrom(plain, port)) {
			t.Fatalf("%v is judged otherwise when written as IPv4-mapped", plain)
		}
		if plain.Is4() && got != subject.allows(netip.AddrPortFrom(netip.AddrFrom16(plain.As16()), port)) {
			t.Fatalf("%v is judged otherwise when written as IPv4-mapped", plain)
		}
		for _, m := range subject.media {
			if netip.AddrPortFrom(plain, port) == m {
				return
			}
		}
		if got && (!plain.IsGlobalUnicast() || plain.IsPrivate() || plain.IsLoopback() || plain.IsLinkLocalUnicast() || plain.IsMulticast()) {
			t.Fatalf("%v is allowed", peer)
		}
		if got && !subject.permits(a) {
			t.Fatalf("%v is allowed, but nobody can have a permission for it", peer)
		}
		if !plain.Is6() || plain.Is4() {
			return
		}
		// Whatever hides an IPv4 address behind a prefix that gateways unpack.
		c := plain.As16()
		if got && (c[0] == 0x20 && c[1] == 0x02 || c[0] == 0x20 && c[1] == 0x01 && c[2] == 0 && c[3] == 0 || c[0] == 0 && c[1] == 0x64) {
			t.Fatalf("%v is allowed", peer)
		}
	})
}
