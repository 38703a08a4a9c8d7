package main

import (
	"encoding/json"
	"log/slog"
	"net"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"github.com/tuttilive/tutti/internal/api"
	"github.com/tuttilive/tutti/internal/config"
	"github.com/tuttilive/tutti/internal/turn"
)

func TestRelayAddressWhenNobodyHasSaid(t *testing.T) {
	for _, c := range []struct {
		name   string
		listen []string
		media  []string
		want   []string
	}{
		{"public first", []string{":3478", ":5349"}, []string{"203.0.113.7:7882", "192.168.1.5:7882"}, []string{"203.0.113.7"}},
		{"the network's", []string{":3478"}, []string{"192.168.1.5:7882", "127.0.0.1:7882"}, []string{"192.168.1.5"}},
		{"both families", []string{"[::]:3478"}, []string{"192.168.1.5:7882", "[fd00::1]:7882", "[2a00::1]:7882"}, []string{"192.168.1.5", "2a00::1"}},
		{"IPv6 alone", []string{":3478"}, []string{"[2a00::1]:7882"}, []string{"2a00::1"}},
		{"where it listens", []string{"", "10.0.0.9:5349"}, []string{"192.168.1.5:7882"}, []string{"10.0.0.9"}},
		{"development", []string{"127.0.0.1:3478", "127.0.0.1:5349"}, []string{"192.168.1.5:7882"}, []string{"127.0.0.1"}},
		{"by name", []string{"localhost:3478"}, []string{"192.168.1.5:7882"}, []string{"127.0.0.1"}},
		{"nothing", []string{":3478"}, nil, []string{"127.0.0.1"}},
	} {
		var media []netip.AddrPort
		for _, m := range c.media {
			media = append(media, netip.MustParseAddrPort(m))
		}
		var got []string
		for _, a := range relayAddresses(c.listen, media) {
			got = append(got, a.String())
		}
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestTURNPortsAreTheRealOnes(t *testing.T) {
	r := start(t, "--turn", "127.0.0.1:0", "--turns", "127.0.0.1:0")
	var info api.Info
	if err := json.Unmarshal(r.get("/api/info"), &info); err != nil {
		t.Fatal(err)
	}
	var ice struct {
		ICEServers []turn.ICEServer `json:"iceServers"`
	}
	if err := json.Unmarshal(r.get("/probe/ice"), &ice); err != nil {
		t.Fatal(err)
	}
	if info.Ports.TURN == 0 || info.Ports.TURNS == 0 || len(ice.ICEServers) != 2 || len(ice.ICEServers[1].URLs) != 3 {
		t.Errorf("%+v %+v", info.Ports, ice)
	}
	conn, err := net.Dial("tcp", netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(info.Ports.TURN)).String())
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
}

func TestWrongTURNSettingsEndTheStart(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for name, c := range map[string]struct {
		change func(*config.Server)
		wants  string
	}{
		"a port that another has":   {func(c *config.Server) { c.TURN = taken.Addr().String() }, "opening STUN and TURN"},
		"a server without secret":   {func(c *config.Server) { c.TURNServer = []string{"turn:t.example.org"} }, "need a secret"},
		"a server that is none":     {func(c *config.Server) { c.TURNServer = []string{"t.example.org"} }, "is no turn:"},
		"a secret without a server": {func(c *config.Server) { c.TURNSecret = "hush" }, "no such server"},
		"a host with a port":        {func(c *config.Server) { c.TURNHost = "t.example.org:3478" }, "no host name"},
	} {
		settings := config.Server{RTC: "127.0.0.1:0", NAT: config.NAT{TURN: config.Off, TURNS: config.Off, TURNPorts: "20000-20100"}}
		c.change(&settings)
		s := newServer(slog.New(slog.NewTextHandler(logTo{t}, nil)))
		endpoint, err := s.openRTC(settings)
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.openTURN(settings, "secret", endpoint, nil)
		if err == nil || !strings.Contains(err.Error(), c.wants) || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: %v", name, err)
		}
		s.close()
	}
}
