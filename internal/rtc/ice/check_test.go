package ice

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/pion/stun/v4"
)

const password = "abcdefghijklmnopqrstuvwx"

func request(t testing.TB, setters ...stun.Setter) []byte {
	t.Helper()
	all := append([]stun.Setter{stun.TransactionID, stun.BindingRequest}, setters...)
	all = append(all, stun.NewShortTermIntegrity(password), stun.Fingerprint)
	m, err := stun.Build(all...)
	if err != nil {
		t.Fatal(err)
	}
	return m.Raw
}

func TestCheck(t *testing.T) {
	var c Check
	raw := request(t, stun.NewUsername("ours:theirs"), stun.RawAttribute{Type: stun.AttrUseCandidate}, stun.RawAttribute{Type: stun.AttrICEControlling, Value: make([]byte, 8)})
	if err := c.Parse(raw); err != nil {
		t.Fatal(err)
	}
	if c.Ufrag != "ours" || !c.Nominated || c.Conflict {
		t.Errorf("check is %+v", c)
	}
	if err := c.Verify("something else"); !errors.Is(err, ErrUnauthorized) {
		t.Errorf("wrong password gives %v", err)
	}
	if err := c.Verify(password); err != nil {
		t.Errorf("right password gives %v", err)
	}
	for _, from := range []string{"192.0.2.1:4711", "[2001:db8::1]:4711", "[::ffff:192.0.2.1]:4711"} {
		addr := netip.MustParseAddrPort(from)
		answer, err := c.Answer(addr, password)
		if err != nil {
			t.Fatal(err)
		}
		var m stun.Message
		if err := stun.Decode(answer, &m); err != nil {
			t.Fatal(err)
		}
		var mapped stun.XORMappedAddress
		if err := mapped.GetFrom(&m); err != nil {
			t.Fatal(err)
		}
		if got, _ := netip.AddrFromSlice(mapped.IP); got.Unmap() != addr.Addr().Unmap() || mapped.Port != 4711 {
			t.Errorf("%v is answered with %v", addr, mapped)
		}
		if m.TransactionID != c.message.TransactionID || stun.NewShortTermIntegrity(password).Check(&m) != nil || stun.Fingerprint.Check(&m) != nil {
			t.Error("answer is not authentic")
		}
	}
}

func TestCheckOfAControlledRemote(t *testing.T) {
	var c Check
	if err := c.Parse(request(t, stun.NewUsername("ours:theirs"), stun.RawAttribute{Type: stun.AttrICEControlled, Value: make([]byte, 8)})); err != nil || !c.Conflict {
		t.Fatalf("%+v, %v", c, err)
	}
	raw, err := c.Refuse(password)
	if err != nil {
		t.Fatal(err)
	}
	var m stun.Message
	var code stun.ErrorCodeAttribute
	if err := stun.Decode(raw, &m); err != nil || code.GetFrom(&m) != nil || code.Code != stun.CodeRoleConflict {
		t.Errorf("refused with %v, %v", code, err)
	}
}

func TestCheckIgnores(t *testing.T) {
	response, err := stun.Build(stun.TransactionID, stun.BindingSuccess, stun.NewUsername("a:b"), stun.Fingerprint)
	if err != nil {
		t.Fatal(err)
	}
	bare, err := stun.Build(stun.TransactionID, stun.BindingRequest, stun.NewUsername("a:b"))
	if err != nil {
		t.Fatal(err)
	}
	for name, raw := range map[string][]byte{
		"nothing": nil, "a response": response.Raw, "no fingerprint": bare.Raw, "no user name": request(t),
		"no colon": request(t, stun.NewUsername("ours")), "cut": request(t, stun.NewUsername("a:b"))[:40],
	} {
		var c Check
		if err := c.Parse(raw); !errors.Is(err, ErrIgnore) {
			t.Errorf("%s gives %v", name, err)
		}
	}
}

func FuzzCheck(f *testing.F) {
	f.Add(request(f, stun.NewUsername("ours:theirs"), stun.RawAttribute{Type: stun.AttrUseCandidate}))
	f.Add([]byte{0, 1, 0, 8, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0, 6, 0xff, 0xff, 'a', ':', 'b', 'c'})
	var c Check
	from := netip.MustParseAddrPort("192.0.2.1:4711")
	f.Fuzz(func(t *testing.T, b []byte) {
		if c.Parse(b) != nil {
			return
		}
		_ = c.Verify(password)
		if _, err := c.Answer(from, password); err != nil {
			t.Error(err)
		}
		if _, err := c.Refuse(password); err != nil {
			t.Error(err)
		}
	})
}

func TestCredentials(t *testing.T) {
	seen := make(map[string]bool)
	for range 1000 {
		c := NewCredentials()
		if len(c.Ufrag) != 8 || len(c.Pwd) != 24 || seen[c.Ufrag] || strings.ContainsAny(c.Ufrag+c.Pwd, ": \r\n") {
			t.Fatalf("credentials %+v", c)
		}
		seen[c.Ufrag] = true
	}
}

func TestCandidate(t *testing.T) {
	got := Candidate(netip.MustParseAddrPort("[2001:db8::1]:7882"), 1)
	if want := "2 1 udp 2130706175 2001:db8::1 7882 typ host"; got != want {
		t.Errorf("candidate is %q, want %q", got, want)
	}
}

func TestPassiveCandidate(t *testing.T) {
	at := netip.MustParseAddrPort("[2001:db8::1]:7881")
	got := PassiveCandidate(at, 1)
	if want := "1002 1 tcp 1520434943 2001:db8::1 7881 typ host tcptype passive"; got != want {
		t.Errorf("candidate is %q, want %q", got, want)
	}
}
