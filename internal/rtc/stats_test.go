package rtc_test

import (
	"fmt"
	"testing"

	"github.com/pion/webrtc/v4"

	"github.com/tuttilive/tutti/internal/rtc"
	"github.com/tuttilive/tutti/internal/rtc/rtctest"
)

func TestStatsTellHowPeersAreReachedAndWhatCameIn(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]rtctest.ClientConfig{"udp": {}, "tcp": {Setup: rtctest.OnlyTCP}} {
		t.Run(name, func(t *testing.T) {
			e := rtctest.EndpointTCP(t)
			peer, events := rtctest.Peer(t, e, rtc.PeerConfig{Label: t.Name()})
			if _, ok := peer.Way(); ok || e.Stats().Peers["none"] != 1 {
				t.Errorf("before anything came the peers are %v", e.Stats().Peers)
			}
			client := rtctest.Client(t, cfg)
			camera := localTrack(t, webrtc.MimeTypeVP8, "camera")
			if _, err := client.AddTrack(camera); err != nil {
				t.Fatal(err)
			}
			rtctest.Offer(t, client, peer)
			sinks := receive(rtctest.Wait(t, events.Added, "inbound"))
			rtctest.Wait(t, events.Connected, "connection")
			stop := make(chan struct{})
			go publish(camera, make([]byte, 1000), stop)
			got := rtctest.Wait(t, sinks, "stream")
			for range 50 {
				rtctest.Wait(t, got.packets, "packet")
			}
			close(stop)

			way, ok := peer.Way()
			if !ok || way.Candidate != "prflx" && way.Candidate != "host" || !way.Remote.Addr().IsLoopback() {
				t.Errorf("the peer is reached at %+v, %v", way, ok)
			}
			s := e.Stats()
			if s.Peers[name] != 1 || s.Connected != 1 || s.Connect.Count != 1 {
				t.Errorf("peers %v, connected %d, in %+v", s.Peers, s.Connected, s.Connect)
			}
			var in, bytes uint64
			for _, shard := range s.Shards {
				in, bytes = in+shard.ReceivedPackets, bytes+shard.ReceivedBytes
				if n := shard.Dropped["forged"]; n > 0 {
					t.Errorf("%d packets were not authentic", n)
				}
			}
			if in < 40 || bytes < 40*1000 {
				t.Errorf("%d packets with %d bytes came in", in, bytes)
			}
			peer.TellCandidate(fmt.Sprintf("candidate:1 1 udp 1 %v %d typ relay", way.Remote.Addr(), way.Remote.Port()))
			if way, _ := peer.Way(); way.Candidate != "relay" || e.Stats().Peers["relay"] != 1 {
				t.Errorf("a relay's address counts as %q, the peers as %v", way.Candidate, e.Stats().Peers)
			}
			peer.Close()
			<-peer.Done()
			if s := e.Stats(); s.Ended["closed"] != 1 || s.Peers["relay"] != 0 {
				t.Errorf("afterwards %v ended, and there are %v", s.Ended, s.Peers)
			}
		})
	}
}
