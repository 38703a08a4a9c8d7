package limit

import (
	"net/netip"
	"testing"
	"time"
)

func TestNetwork(t *testing.T) {
	for remote, want := range map[string]string{
		"192.0.2.7:1234":          "192.0.2.7/32",
		"192.0.2.7":               "192.0.2.7/32",
		"[::ffff:192.0.2.7]:1":    "192.0.2.7/32",
		"[2001:db8::1]:443":       "2001:db8::/64",
		"[fe80::1%eth0]:443":      "fe80::/64",
		"2001:db8:0:0:1:2:3:4":    "2001:db8::/64",
		"[::1]:80":                "::1/128",
		"/tmp/socket":             "invalid Prefix",
		"":                        "invalid Prefix",
		"[2001:db8:0:1::1]:65535": "2001:db8:0:1::/64",
	} {
		if got := Network(remote).String(); got != want {
			t.Errorf("%q is %s, want %s", remote, got, want)
		}
	}
}

func TestEachAddressHasItsOwnRate(t *testing.T) {
	var r Rates
	l := Rate{"test", 1, 2}
	now := time.Unix(1_800_000_000, 0)
	a, b := Network("192.0.2.1"), Network("192.0.2.2")
	for i, want := range []bool{true, true, false} {
		if got := r.AllowAt(l, a, now); got != want {
			t.Errorf("deed %d: %v", i, got)
		}
	}
	if !r.AllowAt(l, b, now) || !r.AllowAt(Rate{"other", 1, 1}, a, now) {
		t.Error("another address, or another deed, is limited too")
	}
	if !r.AllowAt(l, a, now.Add(time.Second)) || r.AllowAt(l, a, now.Add(time.Second)) {
		t.Error("after a second there is one more")
	}
}

func TestEachAddressHasItsOwnPlaces(t *testing.T) {
	p := Places{Most: 2}
	a, b := Network("192.0.2.1"), Network("192.0.2.2")
	for i, want := range []bool{true, true, false} {
		if p.Enter(a) != want {
			t.Errorf("the place %d is not %v", i, want)
		}
	}
	p.Leave(a)
	if !p.Enter(b) || p.Enter(a) {
		t.Error("who was refused counts until they leave, and for themselves alone")
	}
	for range 3 {
		p.Leave(a)
	}
	p.Leave(b)
	if !p.Enter(a) || len(p.taken) != 1 {
		t.Errorf("%v are remembered", p.taken)
	}
	anybody := Places{}
	if anybody.Enter(a); !anybody.Enter(a) {
		t.Error("without a bound there is one")
	}
}

func TestMemoryIsBounded(t *testing.T) {
	var r Rates
	for i := range maxOwners + 10 {
		r.Allow(Rate{"test", 1, 1}, netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 32))
	}
	if len(r.owners) > maxOwners {
		t.Errorf("%d are remembered", len(r.owners))
	}
}
