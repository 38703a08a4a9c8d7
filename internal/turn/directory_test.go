package turn

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestDirectory(t *testing.T) {
	now := time.Unix(2_000_000_000, 500)
	directory := func(cfg DirectoryConfig) *Directory {
		cfg.Secret = testSecret
		d, err := NewDirectory(cfg)
		if err != nil {
			t.Fatal(err)
		}
		d.now = func() time.Time { return now }
		return d
	}
	outside := Outside{URLs: []string{"stun:stun.example.org", "turn:turn.example.org:3478?transport=udp", "turns:turn.example.org:443?transport=tcp"}, User: "u", Password: "p"}
	for _, c := range []struct {
		name string
		cfg  DirectoryConfig
		host string
		want [][]string
	}{
		{"all", DirectoryConfig{UDP: 3478, TCP: 3478, TLS: 5349}, "live.example.org", [][]string{
			{"stun:live.example.org:3478"},
			{"turn:live.example.org:3478?transport=udp", "turn:live.example.org:3478?transport=tcp", "turns:live.example.org:5349?transport=tcp"},
		}},
		{"a port is not ours", DirectoryConfig{UDP: 1}, "127.0.0.1:8080", [][]string{{"stun:127.0.0.1:1"}, {"turn:127.0.0.1:1?transport=udp"}}},
		{"IPv6", DirectoryConfig{UDP: 1}, "[2001:db8::1]:8080", [][]string{{"stun:[2001:db8::1]:1"}, {"turn:[2001:db8::1]:1?transport=udp"}}},
		{"IPv6 without a port", DirectoryConfig{TLS: 1}, "[2001:db8::1]", [][]string{{"turns:[2001:db8::1]:1?transport=tcp"}}},
		{"another host", DirectoryConfig{TCP: 1, Host: "turn.example.org"}, "cdn.example.org", [][]string{{"turn:turn.example.org:1?transport=tcp"}}},
		{"no good host", DirectoryConfig{UDP: 1}, "a b", nil},
		{"a host that is more", DirectoryConfig{UDP: 1}, "x?transport=tcp", nil},
		{"outside ones only", DirectoryConfig{Outside: outside}, "live.example.org", [][]string{
			{"stun:stun.example.org"}, {"turn:turn.example.org:3478?transport=udp", "turns:turn.example.org:443?transport=tcp"},
		}},
		{"both", DirectoryConfig{UDP: 1, Outside: outside}, "h", [][]string{
			{"stun:h:1"}, {"turn:h:1?transport=udp"},
			{"stun:stun.example.org"}, {"turn:turn.example.org:3478?transport=udp", "turns:turn.example.org:443?transport=tcp"},
		}},
		{"none", DirectoryConfig{}, "h", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			servers, expires := directory(c.cfg).Issue("tea/ada", c.host)
			var urls [][]string
			for _, s := range servers {
				urls = append(urls, s.URLs)
				if relay := isTURN(s.URLs[0]); relay != (s.Username != "" && s.Credential != "") {
					t.Errorf("credentials of %v: %q %q", s.URLs, s.Username, s.Credential)
				}
				if strings.Contains(s.Username, "ada") {
					t.Errorf("%q tells who it is", s.Username)
				}
			}
			if !reflect.DeepEqual(urls, c.want) {
				t.Errorf("%q, want %q", urls, c.want)
			}
			if !expires.Equal(time.Unix(2_000_000_000, 0).Add(Lifetime)) {
				t.Errorf("expires %v", expires)
			}
		})
	}
}

// Strangers get nothing that relays to elsewhere.
func TestServersForTests(t *testing.T) {
	outside := Outside{URLs: []string{"stun:stun.example.org", "turn:turn.example.org:3478?transport=udp"}, User: "u", Password: "p"}
	d, err := NewDirectory(DirectoryConfig{Secret: testSecret, UDP: 1, Outside: outside})
	if err != nil {
		t.Fatal(err)
	}
	servers, _ := d.IssueTest("net", "h")
	var urls []string
	for _, s := range servers {
		urls = append(urls, s.URLs...)
	}
	if want := []string{"stun:h:1", "turn:h:1?transport=udp", "stun:stun.example.org"}; !reflect.DeepEqual(urls, want) {
		t.Errorf("%q, want %q", urls, want)
	}
}

func TestCredentialsAreForOneUser(t *testing.T) {
	d, err := NewDirectory(DirectoryConfig{Secret: testSecret, TCP: 1})
	if err != nil {
		t.Fatal(err)
	}
	user := func(name string) string {
		s := d.Servers(name, "h")[0]
		got, _, err := parseUsername(s.Username)
		if err != nil || s.Credential != passwordOf(testSecret, s.Username) {
			t.Fatalf("%+v %v", s, err)
		}
		return got
	}
	if user("a") != user("a") || user("a") == user("b") {
		t.Error("users are not told apart")
	}
}

func TestOutsideServersWithASecret(t *testing.T) {
	d, err := NewDirectory(DirectoryConfig{Secret: testSecret, Outside: Outside{URLs: []string{"turn:t.example.org"}, Secret: "theirs"}})
	if err != nil {
		t.Fatal(err)
	}
	s := d.Servers("a", "h")[0]
	if s.Credential != passwordOf("theirs", s.Username) {
		t.Errorf("%+v", s)
	}
}

func TestEmptyDirectories(t *testing.T) {
	for _, d := range []*Directory{nil, {}} {
		if servers, expires := d.Issue("a", "h"); servers != nil || time.Until(expires) < time.Minute {
			t.Errorf("%v %v", servers, expires)
		}
	}
}

func TestBadDirectories(t *testing.T) {
	good := Outside{URLs: []string{"turn:t.example.org"}, Secret: "s"}
	for name, cfg := range map[string]DirectoryConfig{
		"a URL of another kind": {Outside: Outside{URLs: []string{"https://t.example.org"}}},
		"no URL":                {Outside: Outside{URLs: []string{"t.example.org"}, Secret: "s"}},
		"no host":               {Outside: Outside{URLs: []string{"turn::3478"}, Secret: "s"}},
		"a bad port":            {Outside: Outside{URLs: []string{"turn:t:99999"}, Secret: "s"}},
		"a bad transport":       {Outside: Outside{URLs: []string{"turn:t?transport=x"}, Secret: "s"}},
		"no credentials":        {Outside: Outside{URLs: good.URLs}},
		"both":                  {Outside: Outside{URLs: good.URLs, Secret: "s", User: "u", Password: "p"}},
		"no password":           {Outside: Outside{URLs: good.URLs, User: "u"}},
		"no user":               {Outside: Outside{URLs: good.URLs, Password: "p"}},
		"credentials alone":     {Outside: Outside{Secret: "s"}},
		"credentials for STUN":  {Outside: Outside{URLs: []string{"stun:s.example.org"}, User: "u", Password: "p"}},
		"a host with a port":    {Host: "t.example.org:3478"},
		"a host that is a URL":  {Host: "https://t.example.org"},
	} {
		if _, err := NewDirectory(cfg); err == nil {
			t.Errorf("%s: no error", name)
		} else if strings.Contains(err.Error(), "\"s\"") {
			t.Errorf("%s: %v tells the secret", name, err)
		}
	}
	for _, host := range []string{"turn.example.org", "203.0.113.1", "2001:db8::1", "[2001:db8::1]"} {
		if _, err := NewDirectory(DirectoryConfig{Host: host, Outside: good}); err != nil {
			t.Errorf("%s: %v", host, err)
		}
	}
}
