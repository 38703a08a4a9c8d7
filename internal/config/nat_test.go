package config

import (
	"strings"
	"testing"
)

func TestRelaySettings(t *testing.T) {
	got, err := parse(t, "turn-ports: 50000-50099\nturn-allow: [192.168.1.7/16, 'fd00::/8']\nturn-server: ['turn:a.example.org?transport=udp', 'stun:b.example.org']\n",
		"serve", "--turn-relay-address", "203.0.113.7", "--turn-relay-address", "2001:db8::7", "--turns", "off")
	if err != nil {
		t.Fatal(err)
	}
	first, last, _ := got.RelayPorts()
	addresses, _ := got.RelayAddresses()
	networks, _ := got.RelayNetworks()
	if first != 50000 || last != 50099 || len(addresses) != 2 || len(networks) != 2 || networks[0].String() != "192.168.0.0/16" || len(got.TURNServer) != 2 {
		t.Errorf("%d-%d %v %v %v", first, last, addresses, networks, got.TURNServer)
	}
	if got.TURN != ":3478" || got.TURNS != Off {
		t.Errorf("%+v", got.NAT)
	}
}

func TestWrongRelaySettingsAreRefused(t *testing.T) {
	for yaml, wants := range map[string]string{
		"turn-ports: 2000-1000":                      "turn-ports",
		"turn-ports: 0-10":                           "turn-ports",
		"turn-ports: 60000-70000":                    "turn-ports",
		"turn-ports: many":                           "turn-ports",
		"turn-relay-address: [x]":                    "turn-relay-address",
		"turn-relay-address: ['0.0.0.0']":            "turn-relay-address",
		"turn-relay-address: [192.0.2.1, 192.0.2.2]": "same family",
		"turn-allow: [192.168.0.0]":                  "turn-allow",
		"turn-allow: ['::ffff:10.0.0.0/104']":        "turn-allow",
		"turn: '3478'":                               "HOST:PORT",
	} {
		if _, err := parse(t, yaml+"\n", "serve"); err == nil || !strings.Contains(err.Error(), wants) {
			t.Errorf("%s: %v", yaml, err)
		}
	}
}
