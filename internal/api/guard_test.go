package api

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestOnlyATrustedProxySpeaksForItsClients(t *testing.T) {
	for name, c := range map[string]struct {
		trust       bool
		forwarded   []string
		proto       string
		from, tells string
	}{
		"trusted":                           {true, []string{"192.0.2.7"}, "https", "192.0.2.7:0", "wss://localhost"},
		"a client's own list goes before":   {true, []string{"198.51.100.1, 192.0.2.7"}, "", "192.0.2.7:0", "ws://localhost"},
		"a client's own header goes before": {true, []string{"198.51.100.1", "192.0.2.7"}, "", "192.0.2.7:0", "ws://localhost"},
		"IPv6":                              {true, []string{"2001:db8::1"}, "", "[2001:db8::1]:0", "ws://localhost"},
		"no address":                        {true, []string{"unknown"}, "", "203.0.113.1:999", "ws://localhost"},
		"not trusted":                       {false, []string{"192.0.2.7"}, "https", "203.0.113.1:999", "ws://localhost"},
	} {
		t.Run(name, func(t *testing.T) {
			req := httptest.NewRequest("POST", "http://localhost/", nil)
			req.RemoteAddr = "203.0.113.1:999"
			req.Header["X-Forwarded-For"] = c.forwarded
			req.Header.Set("X-Forwarded-Proto", c.proto)
			var from, tells string
			newGuard(nil, nil, c.trust).wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				from, tells = r.RemoteAddr, socketURL(r)
			})).ServeHTTP(httptest.NewRecorder(), req)
			if from != c.from || tells != c.tells {
				t.Errorf("the client is %s and connects to %s, want %s and %s", from, tells, c.from, c.tells)
			}
		})
	}
}

func TestTheServerAnswersToItsNamesOnly(t *testing.T) {
	g := newGuard([]string{"live.example.com", "*.rooms.example.com"}, nil, false)
	for host, want := range map[string]bool{
		"live.example.com": true, "LIVE.example.com:443": true, "a.rooms.example.com": true, "192.0.2.1:8080": true, "[2001:db8::1]:8080": true,
		"rooms.example.com": false, "evil-rooms.example.com": false, "live.example.com.evil.test": false, "": false,
	} {
		if got := g.hostAllowed(host); got != want {
			t.Errorf("%q: %v", host, got)
		}
	}
}
