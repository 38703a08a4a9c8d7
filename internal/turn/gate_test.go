package turn

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"github.com/pion/stun/v4"
)

func testGate(now time.Time) *gate {
	return &gate{
		secret: testSecret, rates: newRequestRates(60), count: &counters{}, now: func() time.Time { return now },
		family: func(a netip.Addr) bool { return a.Is4() },
	}
}

func message(t testing.TB, setters ...stun.Setter) []byte {
	t.Helper()
	m, err := stun.Build(append([]stun.Setter{stun.TransactionID}, setters...)...)
	if err != nil {
		t.Fatal(err)
	}
	return m.Raw
}

// signed is a request with credentials.
func signed(t testing.TB, method stun.Method, username, password string, more ...stun.Setter) []byte {
	setters := append([]stun.Setter{stun.NewType(method, stun.ClassRequest)}, more...)
	return message(t, append(setters, stun.NewUsername(username), stun.NewRealm(realm), stun.NewNonce("n"), stun.NewLongTermIntegrity(username, realm, password))...)
}

func raw(kind stun.AttrType, value ...byte) stun.Setter {
	return &stun.RawAttribute{Type: kind, Value: value}
}

func TestGate(t *testing.T) {
	now := time.Unix(2_000_000_000, 0)
	good, goodPassword := issue(testSecret, "ada", now.Add(time.Minute))
	old, oldPassword := issue(testSecret, "ada", now.Add(-time.Second))
	ancient, ancientPassword := issue(testSecret, "ada", now.Add(-keepable-time.Second))
	strange := "ada"
	for _, c := range []struct {
		name    string
		message []byte
		pass    bool
		known   bool
		code    stun.ErrorCode // of the answer
	}{
		{"binding", message(t, stun.BindingRequest), true, false, 0},
		{"first request", message(t, stun.NewType(stun.MethodAllocate, stun.ClassRequest)), true, false, 0},
		{"send indication", message(t, stun.NewType(stun.MethodSend, stun.ClassIndication)), true, false, 0},
		{"channel data", []byte{0x40, 0, 0, 0}, true, false, 0},
		{"allocation", signed(t, stun.MethodAllocate, good, goodPassword), true, true, 0},
		{"allocation for IPv4", signed(t, stun.MethodAllocate, good, goodPassword, raw(stun.AttrRequestedAddressFamily, 1, 0, 0, 0)), true, true, 0},
		{"wrong password", signed(t, stun.MethodAllocate, good, "x"), false, false, 401},
		{"another's password", signed(t, stun.MethodAllocate, good, oldPassword), false, false, 401},
		{"expired", signed(t, stun.MethodAllocate, old, oldPassword), false, false, 401},
		{"strange username", signed(t, stun.MethodAllocate, strange, passwordOf(testSecret, strange)), false, false, 401},
		{"expired, refreshing what there is", signed(t, stun.MethodRefresh, old, oldPassword), true, true, 0},
		{"expired long ago, refreshing", signed(t, stun.MethodRefresh, ancient, ancientPassword), false, false, 401},
		{"over TCP", signed(t, stun.MethodAllocate, good, goodPassword, raw(stun.AttrRequestedTransport, 6, 0, 0, 0)), false, false, 442},
		{"for IPv6", signed(t, stun.MethodAllocate, good, goodPassword, raw(stun.AttrRequestedAddressFamily, 2, 0, 0, 0)), false, false, 440},
		{"for a family unknown", signed(t, stun.MethodAllocate, good, goodPassword, raw(stun.AttrRequestedAddressFamily, 9, 0, 0, 0)), false, false, 440},
		{"no username", message(t, stun.NewType(stun.MethodRefresh, stun.ClassRequest), stun.NewShortTermIntegrity("x")), false, false, 400},
		{"connect to a peer", signed(t, stun.MethodConnect, good, goodPassword), false, false, 0},
		{"connection bind", signed(t, stun.MethodConnectionBind, good, goodPassword), false, false, 0},
		{"a response", message(t, stun.BindingSuccess), false, false, 0},
		{"an unknown method", message(t, stun.NewType(0xfff, stun.ClassRequest)), false, false, 0},
		{"no STUN", make([]byte, 100), false, false, 0},
		{"empty", nil, false, false, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := testGate(now).inspect(c.message, loopback4)
			if v.pass != c.pass || v.known != c.known || (v.answer != nil) != (c.code != 0) {
				t.Fatalf("%+v", v)
			}
			if v.answer == nil {
				return
			}
			answer := &stun.Message{Raw: v.answer}
			var code stun.ErrorCodeAttribute
			if err := answer.Decode(); err != nil {
				t.Fatal(err)
			}
			if err := code.GetFrom(answer); err != nil || code.Code != c.code {
				t.Errorf("%v %v, want %d", code, err, c.code)
			}
			if c.code == 401 && (!answer.Contains(stun.AttrRealm) || !answer.Contains(stun.AttrNonce)) {
				t.Error("no realm or nonce, which RFC 8489 section 9.2.4 wants")
			}
		})
	}
}

func TestWhoAsksTooOftenIsNotAnswered(t *testing.T) {
	now := time.Unix(2_000_000_000, 0)
	g := testGate(now)
	binding := message(t, stun.BindingRequest)
	passed := func(from string) (n int) {
		for range 1000 {
			if v := g.inspect(binding, netip.MustParseAddr(from)); v.pass {
				n++
			}
		}
		return n
	}
	if n := passed("192.0.2.1"); n != 600 {
		t.Errorf("%d of 1000 passed", n)
	}
	if n := passed("192.0.2.2"); n != 600 {
		t.Errorf("%d of another's 1000 passed", n)
	}
	if n := passed("2001:db8::1"); n != 600 {
		t.Errorf("%d over IPv6 passed", n)
	}
	if n := passed("2001:db8::2"); n != 0 {
		t.Errorf("%d from the same network passed", n)
	}
	data := []byte{0x40, 0, 0, 0}
	if !g.inspect(data, netip.MustParseAddr("192.0.2.1")).pass {
		t.Error("channel data counts as a request")
	}
	now = now.Add(time.Second)
	g.now = func() time.Time { return now }
	if n := passed("192.0.2.1"); n != 60 {
		t.Errorf("%d passed after a second", n)
	}
	if got := g.count.refused[refusedRate].Load(); got != 400+400+400+1000+940 {
		t.Errorf("%d counted", got)
	}
}

func FuzzGate(f *testing.F) {
	now := time.Unix(2_000_000_000, 0)
	username, password := issue(testSecret, "ada", now.Add(time.Minute))
	f.Add(signed(f, stun.MethodAllocate, username, password, raw(stun.AttrRequestedTransport, 17, 0, 0, 0)))
	f.Add(signed(f, stun.MethodAllocate, username, password, raw(stun.AttrRequestedAddressFamily, 2, 0, 0, 0)))
	f.Add(signed(f, stun.MethodRefresh, username, "x"))
	f.Add(message(f, stun.BindingRequest))
	f.Add([]byte{0x40, 0, 0, 4, 1, 2, 3, 4})
	g := testGate(now)
	g.rates = newRequestRates(1 << 30)
	f.Fuzz(func(t *testing.T, b []byte) {
		before := string(b)
		v := g.inspect(b, loopback4)
		if string(b) != before {
			t.Fatal("the message was changed")
		}
		if v.pass && v.answer != nil || v.known && !v.pass {
			t.Fatalf("%+v", v)
		}
		if v.answer != nil {
			answer := &stun.Message{Raw: v.answer}
			if err := answer.Decode(); err != nil || answer.Type.Class != stun.ClassErrorResponse {
				t.Fatalf("%v %v", answer, err)
			}
			if len(b) < stunHeader || binary.BigEndian.Uint32(b[8:]) != binary.BigEndian.Uint32(v.answer[8:]) {
				t.Fatal("another transaction")
			}
		}
	})
}

func TestUsernames(t *testing.T) {
	for username, user := range map[string]string{
		"1700000000:ada": "ada", "1700000000:a:b": "a:b", "0:x": "x",
		"1700000000": "", "1700000000:": "", ":ada": "", "ada:1700000000": "", "-1:ada": "", "99999999999999999999:ada": "", "": "", "1e9:ada": "",
		"1700000000:" + string(make([]byte, 600)): "",
	} {
		got, _, err := parseUsername(username)
		if got != user || (err == nil) != (user != "") {
			t.Errorf("%.30q: %q %v", username, got, err)
		}
	}
}

func TestBandwidthShare(t *testing.T) {
	a := newAllowance(8_000_000) // a megabyte a second
	passed := 0
	for i := range 3000 { // three megabytes in a second
		if a.take(1000, int64(i)*int64(time.Second)/3000) {
			passed += 1000
		}
	}
	if passed < 1_400_000 || passed > 1_510_000 { // a second's, and half a second's at once
		t.Errorf("%d bytes passed", passed)
	}
	if !a.take(1000, int64(time.Minute)) {
		t.Error("not paid off after a minute")
	}
}
