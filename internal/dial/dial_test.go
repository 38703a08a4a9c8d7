package dial

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/address"
)

// ofAHost is a dialer on a host with the addresses 198.20.0.1 and 2a00::1.
func ofAHost(allow ...string) *Dialer {
	d := New(address.Prefixes(allow...))
	d.own = func() (map[netip.Addr]struct{}, error) {
		return map[netip.Addr]struct{}{netip.MustParseAddr("198.20.0.1"): {}, netip.MustParseAddr("2a00::1"): {}}, nil
	}
	return d
}

func TestWhatMayBeConnectedTo(t *testing.T) {
	for _, c := range []struct {
		addr            string
		allowed, opened bool // by default, and where the operator allows everything
	}{
		{"8.8.8.8", true, true},
		{"::ffff:8.8.8.8", true, true},
		{"2606:4700::1111", true, true},
		{"198.20.0.2", true, true},
		{"198.20.0.1", false, true}, // this host's own
		{"::ffff:198.20.0.1", false, true},
		{"2a00::1", false, true},
		{"10.0.0.1", false, true},
		{"::ffff:10.0.0.1", false, true},
		{"172.16.0.1", false, true},
		{"192.168.1.1", false, true},
		{"100.64.0.1", false, true},
		{"100.100.100.200", false, true}, // Alibaba's metadata
		{"168.63.129.16", false, true},   // Azure's
		{"fd00:ec2::254", false, true},   // Amazon's
		{"127.0.0.1", false, true},
		{"::1", false, true},
		{"::ffff:127.0.0.1", false, true},
		{"2001:db8::1", false, true},
		// Never.
		{"0.0.0.0", false, false},
		{"::", false, false},
		{"169.254.169.254", false, false},
		{"::ffff:169.254.169.254", false, false},
		{"224.0.0.1", false, false},
		{"255.255.255.255", false, false},
		{"fe80::1", false, false},
		{"fe80::1%eth0", false, false},
		{"ff02::1", false, false},
		{"::127.0.0.1", false, false},
		{"64:ff9b::7f00:1", false, false},
		{"64:ff9b:1::a00:1", false, false},
		{"2002:7f00:1::1", false, false},
		{"2001:0:7f00:1::1", false, false},
	} {
		a := netip.MustParseAddr(c.addr)
		if got, err := ofAHost().Allows(a); err != nil || got != c.allowed {
			t.Errorf("%s: %v, %v", c.addr, got, err)
		}
		if got, err := ofAHost("0.0.0.0/0", "::/0").Allows(a); err != nil || got != c.opened {
			t.Errorf("%s where everything is allowed: %v, %v", c.addr, got, err)
		}
	}
}

func TestUnknownOwnAddressesRefuse(t *testing.T) {
	d := New(nil)
	broken := errors.New("no descriptors")
	d.own = func() (map[netip.Addr]struct{}, error) { return nil, broken }
	if ok, err := d.Allows(netip.MustParseAddr("8.8.8.8")); ok || !errors.Is(err, broken) {
		t.Errorf("%v, %v", ok, err)
	}
}

func TestNamesAreLookedAtWhereTheyLead(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("reached") }))
	defer srv.Close()
	_, port, err := net.SplitHostPort(srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0.0.0.0", "[::]"} {
		res, err := New(nil).Client(time.Minute).Get("http://" + host + ":" + port)
		if !errors.Is(err, ErrRefused) {
			t.Errorf("%s: %v, %v", host, res, err)
		}
	}
	if _, err := New(nil).DialContext(context.Background(), "unix", "/tmp/socket"); err == nil {
		t.Error("a socket file")
	}
}

func TestRedirectsAreLookedAtToo(t *testing.T) {
	inside := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("reached") }))
	listener, err := net.Listen("tcp", "127.0.0.2:0")
	if err != nil {
		t.Skip(err) // not all systems have all of 127/8
	}
	inside.Listener.Close()
	inside.Listener = listener
	inside.Start()
	defer inside.Close()
	outside := httptest.NewServer(http.RedirectHandler(inside.URL, http.StatusTemporaryRedirect))
	defer outside.Close()
	if _, err := New(address.Prefixes("127.0.0.1/32")).Client(time.Minute).Get(outside.URL); !errors.Is(err, ErrRefused) {
		t.Errorf("got %v", err)
	}
}

func TestRedirectsEnd(t *testing.T) {
	var srv *httptest.Server
	srv = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, srv.URL, http.StatusFound) }))
	defer srv.Close()
	if _, err := New(address.Prefixes("127.0.0.0/8")).Client(time.Minute).Get(srv.URL); err == nil || !strings.Contains(err.Error(), "redirects") {
		t.Errorf("got %v", err)
	}
	secure, plain := &http.Request{URL: mustURL("https://a")}, &http.Request{URL: mustURL("http://a")}
	if checkRedirect(plain, []*http.Request{secure}) == nil || checkRedirect(secure, []*http.Request{plain}) != nil {
		t.Error("redirects away from HTTPS")
	}
}

// FuzzAllows holds against what net/netip says of an address, in whatever form it comes.
func FuzzAllows(f *testing.F) {
	for _, a := range []string{"10.0.0.1", "8.8.8.8", "::1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::", "2001::1", "fe80::1", "2606:4700::1"} {
		f.Add(netip.MustParseAddr(a).AsSlice())
	}
	d := ofAHost()
	f.Fuzz(func(t *testing.T, b []byte) {
		a, ok := netip.AddrFromSlice(b)
		if !ok {
			return
		}
		allowed, err := d.Allows(a)
		if err != nil {
			t.Fatal(err)
		}
		plain := a.Unmap()
		bad := plain.IsPrivate() || plain.IsLoopback() || plain.IsUnspecified() || plain.IsMulticast() || plain.IsLinkLocalUnicast() ||
			!plain.IsGlobalUnicast()
		if allowed && bad {
			t.Errorf("%v is allowed", a)
		}
		if mapped := netip.AddrFrom16(a.As16()); a.Is4() {
			if same, _ := d.Allows(mapped); same != allowed {
				t.Errorf("%v and %v differ", a, mapped)
			}
		}
	})
}

func mustURL(s string) *url.URL {
	u, err := url.Parse(s)
	if err != nil {
		panic(err)
	}
	return u
}
