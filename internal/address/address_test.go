package address

import (
	"maps"
	"net"
	"net/netip"
	"testing"
)

func TestAddressesOfANetwork(t *testing.T) {
	network := func(cidr string) net.Addr {
		a, n, err := net.ParseCIDR(cidr)
		if err != nil {
			t.Fatal(err)
		}
		return &net.IPNet{IP: a, Mask: n.Mask}
	}
	got := addressesOf([]net.Addr{network("198.20.0.9/24"), network("2a00:1::9/64"), network("198.21.0.1/32"), network("198.22.0.1/31"), network("2a00:2::1/128")})
	var want = map[netip.Addr]struct{}{}
	for _, a := range []string{"198.20.0.9", "198.20.0.0", "198.20.0.255", "2a00:1::9", "2a00:1::", "198.21.0.1", "198.22.0.1", "2a00:2::1"} {
		want[netip.MustParseAddr(a)] = struct{}{}
	}
	if !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestKindsOfAddresses(t *testing.T) {
	for text, want := range map[string]struct{ global, loopback, nowhere bool }{
		"8.8.8.8": {global: true}, "2606:4700::1111": {global: true}, "172.32.0.1": {global: true},
		"10.0.0.1": {}, "192.168.1.1": {}, "100.64.0.1": {}, "fd00::1": {}, "192.0.2.1": {}, "2001:db8::1": {}, "168.63.129.16": {},
		"127.0.0.1": {loopback: true}, "127.255.0.1": {loopback: true}, "::1": {loopback: true},
		"0.0.0.0": {nowhere: true}, "::": {nowhere: true}, "169.254.169.254": {nowhere: true}, "224.0.0.1": {nowhere: true},
		"255.255.255.255": {nowhere: true}, "fe80::1": {nowhere: true}, "fe80::1%eth0": {nowhere: true}, "2606:4700::1%eth0": {nowhere: true},
		"ff02::1": {nowhere: true}, "::ffff:8.8.8.8": {nowhere: true}, "::ffff:127.0.0.1": {nowhere: true}, "::127.0.0.1": {nowhere: true},
		"64:ff9b::808:808": {nowhere: true}, "64:ff9b:1::1": {nowhere: true}, "2002:7f00:1::": {nowhere: true}, "2001:0:808:808::1": {nowhere: true},
	} {
		a := netip.MustParseAddr(text)
		if IsGlobal(a) != want.global || IsLoopback(a) != want.loopback || IsNowhere(a) != want.nowhere {
			t.Errorf("%s: global %v, loopback %v, nowhere %v", text, IsGlobal(a), IsLoopback(a), IsNowhere(a))
		}
	}
	if IsGlobal(netip.Addr{}) || !IsNowhere(netip.Addr{}) {
		t.Error("the zero address")
	}
}
