package main

import (
	"fmt"
	"testing"

	"github.com/tuttilive/tutti/internal/api"
)

func TestEncodersAreToldOfEachOpenDoor(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		hosts []string
		ports api.Ports
		want  string
	}{
		{nil, api.Ports{RTMP: 1935}, "[{RTMP rtmp://localhost:1935/live}]"},
		{[]string{"live.example.com", "192.0.2.1"}, api.Ports{RTMP: 1935, RTMPS: 1936, SRT: 8890},
			"[{RTMP rtmp://live.example.com:1935/live} {RTMPS rtmps://live.example.com:1936/live} {SRT srt://live.example.com:8890?streamid=ROOM}]"},
		{[]string{"2001:db8::1"}, api.Ports{SRT: 8890}, "[{SRT srt://[2001:db8::1]:8890?streamid=ROOM}]"},
		{nil, api.Ports{}, "[]"},
	} {
		if got := fmt.Sprint(encoderAddresses(api.Info{RTMPHosts: c.hosts, Ports: c.ports})); got != c.want {
			t.Errorf("%s, want %s", got, c.want)
		}
	}
}
