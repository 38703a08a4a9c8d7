package rtc_test

import (
	"strings"
	"testing"

	"github.com/pion/webrtc/v4"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/rtc"
	"github.com/tuttilive/tutti/internal/rtc/rtctest"
)

// What works over UDP works for a client that has only TCP: media both ways, data channels, the farewell.
func TestClientWithTCPOnly(t *testing.T) {
	t.Parallel()
	for _, role := range []string{"offers", "answers"} {
		t.Run(role, func(t *testing.T) {
			e := rtctest.EndpointTCP(t)
			peer, events := rtctest.Peer(t, e, rtc.PeerConfig{Label: t.Name(), DataChannels: true})
			client := rtctest.Client(t, rtctest.ClientConfig{Setup: rtctest.OnlyTCP})
			fb := newFeedback()
			out, err := peer.AddOutbound(rtc.OutboundConfig{Codec: media.H264, StreamID: "PA_1", TrackID: "TR_1", Feedback: fb})
			if err != nil {
				t.Fatal(err)
			}
			camera := localTrack(t, webrtc.MimeTypeVP8, "camera")
			if _, err := client.AddTransceiverFromTrack(camera, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly}); err != nil {
				t.Fatal(err)
			}
			theirs, err := client.CreateDataChannel("chat", nil)
			if err != nil {
				t.Fatal(err)
			}
			replies := make(chan string, 1)
			theirs.OnMessage(func(m webrtc.DataChannelMessage) { replies <- string(m.Data) })
			theirs.OnOpen(func() { _ = theirs.SendText("hello") })
			tracks := make(chan *webrtc.TrackRemote, 1)
			client.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) { tracks <- track })
			if role == "offers" {
				peer.AddRecv(media.Video)
				rtctest.Answer(t, client, peer)
			} else {
				if _, err := client.AddTransceiverFromKind(webrtc.RTPCodecTypeVideo, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
					t.Fatal(err)
				}
				rtctest.Offer(t, client, peer)
			}
			in := rtctest.Wait(t, events.Added, "inbound")
			sinks := receive(in)
			rtctest.Wait(t, events.Connected, "connection")
			rtctest.Wait(t, fb.ready, "ready")

			// From the client, and nothing is lost on the way.
			stop := make(chan struct{})
			go publish(camera, make([]byte, 1100), stop)
			got := rtctest.Wait(t, sinks, "stream")
			first := rtctest.Wait(t, got.packets, "packet")
			for i := range uint64(500) {
				if p := rtctest.Wait(t, got.packets, "packet"); uint16(p.Seq) != uint16(first.Seq+1+i) {
					t.Fatalf("packet %d after %d others behind %d", p.Seq, i, first.Seq)
				}
			}
			close(stop)

			// To the client.
			var track *webrtc.TrackRemote
			for f := range 50 {
				packets := frame(uint16(65000 + 20*f))
				run(t, peer, func(tx *rtc.Tx) { tx.Send(out, packets) })
				if track == nil {
					track = rtctest.Wait(t, tracks, "track")
				}
				for _, want := range packets {
					got, _, err := track.ReadRTP()
					if err != nil {
						t.Fatal(err)
					}
					if got.SequenceNumber != want.Seq || len(got.Payload) != len(want.Payload)+2 {
						t.Fatalf("got %v with %d bytes, want %d", got.Header, len(got.Payload), want.Seq)
					}
				}
			}

			ours := rtctest.Wait(t, events.Channels, "channel")
			ours.OnMessage(func(b []byte, text bool) { _ = ours.Send(b, text) })
			if m := rtctest.Wait(t, replies, "reply"); m != "hello" {
				t.Errorf("reply %q", m)
			}
			if e.TCPStats().Connections == 0 {
				t.Error("that was not over TCP")
			}
			ended := make(chan struct{}, 1)
			theirs.OnClose(func() { ended <- struct{}{} })
			peer.Close()
			rtctest.Wait(t, events.Closed, "end")
			rtctest.Wait(t, ended, "farewell")
		})
	}
}

func TestCandidatesOfOneTransport(t *testing.T) {
	t.Parallel()
	e := rtctest.EndpointTCP(t)
	for transport, want := range map[rtc.Transport][]string{
		rtc.AnyTransport: {"udp", "tcp"}, rtc.UDP: {"udp"}, rtc.TCP: {"tcp"},
	} {
		peer, _ := rtctest.Peer(t, e, rtc.PeerConfig{DataOnly: true, DataChannels: true, Transport: transport})
		offer, err := peer.CreateOffer()
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for line := range strings.Lines(offer) {
			if words := strings.Fields(line); strings.HasPrefix(line, "a=candidate:") {
				got = append(got, words[2])
			}
		}
		if strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("%v announces %v", transport, got)
		}
	}
}
