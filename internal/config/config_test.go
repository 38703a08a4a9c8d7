package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

type app struct {
	Serve Server `cmd:"" default:"withargs"`
}

func parse(t *testing.T, yaml string, args ...string) (Server, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tutti.yaml")
	if err := os.WriteFile(path, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	resolver, err := File(path, true)
	if err != nil {
		return Server{}, err
	}
	var a app
	parser, err := kong.New(&a, kong.Resolvers(resolver), kong.DefaultEnvars("TUTTI"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = parser.Parse(args)
	return a.Serve, err
}

func TestPrecedence(t *testing.T) {
	t.Setenv("TUTTI_RTMP", ":1111")
	got, err := parse(t, "http: ':1'\nrtmp: ':2'\nrtc: ':3'\npublic-address: [192.0.2.1, 192.0.2.2]\n", "serve", "--http", ":9")
	if err != nil {
		t.Fatal(err)
	}
	if got.HTTP != ":9" || got.RTMP != ":1111" || got.RTC != ":3" || got.HTTPS != ":8443" || len(got.PublicAddress) != 2 {
		t.Fatalf("got %+v", got)
	}
}

// TestVariablesAreNamedAsFlagsAre sees to it that whoever knows a flag knows its variable: --s3-secret is TUTTI_S3_SECRET.
func TestVariablesAreNamedAsFlagsAre(t *testing.T) {
	var a app
	parser, err := kong.New(&a, kong.DefaultEnvars("TUTTI"))
	if err != nil {
		t.Fatal(err)
	}
	for _, flag := range parser.Model.Node.Children[0].Flags {
		if want := "TUTTI_" + strings.ToUpper(strings.ReplaceAll(flag.Name, "-", "_")); !slices.Equal(flag.Envs, []string{want}) {
			t.Errorf("--%s: got %v, want %s", flag.Name, flag.Envs, want)
		}
	}
}

func TestWrongConfigurationIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		yaml, wants string
		args        []string
	}{
		"unknown key":  {"htpp: ':1'", `unknown key "htpp"`, nil},
		"no port":      {"http: localhost", "HOST:PORT", nil},
		"bad address":  {"public-address: [x]", "no IP address", nil},
		"half a pair":  {"cert: a.pem", "cert and key", nil},
		"not YAML":     {"{", "yaml", nil},
		"unknown flag": {"", "unknown flag", []string{"--nope"}},
		"bad choice":   {"create-rooms: all", "must be one of", nil},
		"bad span":     {"flv-tick: 2s", "flv-tick", nil},
		"bad webhook":  {"webhook: [ftp://a]", "no http or https URL", nil},
		"bad network":  {"dial-allow: [10.0.0.1]", "dial-allow", nil},
		"long timeout": {"empty-timeout: 48h", "empty-timeout", nil},
		"no grace":     {"away-grace: 0s", "away-grace", nil},
		"no domain":    {"domain: [localhost]", "no public name", nil},
		"wildcard":     {"domain: ['*.example.com']", "acme-dns", nil},
		"two sources":  {"{domain: [a.example.com], cert: c, key: k}", "one place", nil},
		"no base":      {"play-flv: flv.example.com", "play-flv", nil},
		"no CDN key":   {"cdn-sign: alibaba", "cdn-key", nil},
		"short life":   {"play-ttl: 1m", "play-ttl", nil},
		"no joins":     {"joins-per-address: 0", "joins-per-address", nil},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parse(t, c.yaml, append([]string{"serve"}, c.args...)...)
			if err == nil || !strings.Contains(err.Error(), c.wants) {
				t.Fatalf("got %v, want an error with %q", err, c.wants)
			}
		})
	}
}

func TestStrangersNeitherRecordNorPush(t *testing.T) {
	for _, c := range []struct {
		create, set string
		dev         bool
		want        string
	}{
		{"anyone", "auto", false, "operators"}, {"key", "auto", false, "hosts"}, {"anyone", "auto", true, "hosts"},
		{"anyone", "hosts", false, "hosts"}, {"key", "off", false, "off"},
	} {
		s := Server{CreateRooms: c.create, Dev: c.dev, Recording: Recording{Record: c.set}, Outbound: Outbound{Push: c.set}}
		if s.Recorders() != c.want || s.Pushers() != c.want {
			t.Errorf("%+v: %s record, %s push", c, s.Recorders(), s.Pushers())
		}
	}
}

func TestADomainTakesTheWebsPorts(t *testing.T) {
	s := Server{HTTP: ":8080", HTTPS: ":8443"}
	if s.BindDomain(); s.HTTP != ":8080" || s.HTTPS != ":8443" {
		t.Errorf("without a domain: %s, %s", s.HTTP, s.HTTPS)
	}
	s.Domain = []string{"live.example.com"}
	if s.BindDomain(); s.HTTP != ":80" || s.HTTPS != ":443" {
		t.Errorf("with a domain: %s, %s", s.HTTP, s.HTTPS)
	}
	s.HTTP = "127.0.0.1:81"
	if s.BindDomain(); s.HTTP != "127.0.0.1:81" {
		t.Errorf("with a port of its own: %s", s.HTTP)
	}
}

func TestDevBindsToLoopback(t *testing.T) {
	s := Server{HTTP: ":8080", HTTPS: Off, RTC: ":7882", RTMP: ":1935"}
	if !s.BindDev() || s.HTTP != "127.0.0.1:8080" || s.RTC != "127.0.0.1:7882" {
		t.Fatalf("got %+v", s)
	}
	s.HTTP = "0.0.0.0:8080"
	if s.BindDev() {
		t.Fatal("0.0.0.0 counts as loopback")
	}
}

func TestKeysAreMadeOnceAndPrivate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	if _, err := StoredKeys(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("before the first start: %v", err)
	}
	first, err := Keys(dir)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Keys(dir)
	if err != nil || first != again {
		t.Fatalf("second start: %v, same keys %v", err, first == again)
	}
	info, err := os.Stat(filepath.Join(dir, "keys.yaml"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("mode %v, %v", info.Mode(), err)
	}
}
