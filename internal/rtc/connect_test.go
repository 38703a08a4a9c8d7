package rtc_test

import (
	"bytes"
	"fmt"
	"net"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/rtc"
	"github.com/tuttilive/tutti/internal/rtc/rtctest"
)

// connected is a client that publishes a picture, and its peer.
type connected struct {
	peer   *rtc.Peer
	events *rtctest.Events
	client *webrtc.PeerConnection
	track  *webrtc.TrackLocalStaticRTP
	in     *rtc.Inbound
}

func connect(t *testing.T, e *rtc.Endpoint, cfg rtctest.ClientConfig) *connected {
	t.Helper()
	c := &connected{client: rtctest.Client(t, cfg), track: localTrack(t, webrtc.MimeTypeVP8, "camera")}
	c.peer, c.events = rtctest.Peer(t, e, rtc.PeerConfig{Label: t.Name()})
	sender, err := c.client.AddTrack(c.track)
	if err != nil {
		t.Fatal(err)
	}
	go func() { // pion answers feedback only while somebody reads it
		for {
			if _, _, err := sender.ReadRTCP(); err != nil {
				return
			}
		}
	}()
	rtctest.Offer(t, c.client, c.peer)
	c.in = rtctest.Wait(t, c.events.Added, "inbound")
	return c
}

func TestICERestart(t *testing.T) {
	t.Parallel()
	for _, role := range []string{"client", "us"} {
		t.Run(role, func(t *testing.T) {
			e := rtctest.Endpoint(t)
			c := connect(t, e, rtctest.ClientConfig{})
			sinks := receive(c.in)
			rtctest.Wait(t, c.events.Connected, "connection")
			stop := make(chan struct{})
			defer close(stop)
			go publish(c.track, []byte{1}, stop)
			s := rtctest.Wait(t, sinks, "stream")
			before := ufrag(c.client.RemoteDescription().SDP)
			checking := make(chan struct{}, 8)
			c.client.OnICEConnectionStateChange(func(state webrtc.ICEConnectionState) {
				if state == webrtc.ICEConnectionStateConnected {
					checking <- struct{}{}
				}
			})
			if role == "us" {
				c.peer.RestartICE()
				rtctest.Answer(t, c.client, c.peer)
			} else {
				offer, err := c.client.CreateOffer(&webrtc.OfferOptions{ICERestart: true})
				if err != nil {
					t.Fatal(err)
				}
				if err := c.client.SetLocalDescription(offer); err != nil {
					t.Fatal(err)
				}
				if err := c.peer.SetOffer(offer.SDP); err != nil {
					t.Fatal(err)
				}
				answer, err := c.peer.CreateAnswer()
				if err != nil {
					t.Fatal(err)
				}
				if err := c.client.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}); err != nil {
					t.Fatal(err)
				}
			}
			if after := ufrag(c.client.RemoteDescription().SDP); after == before {
				t.Errorf("ufrag is still %q", after)
			}
			rtctest.Wait(t, checking, "connection with new credentials")
			for len(s.packets) > 0 {
				<-s.packets
			}
			rtctest.Wait(t, s.packets, "packet after the restart")
		})
	}
}

func ufrag(sdp string) string {
	_, rest, _ := strings.Cut(sdp, "a=ice-ufrag:")
	value, _, _ := strings.Cut(rest, "\r\n")
	return value
}

// proxy stands between a client and an endpoint and can change the address that the endpoint sees, as a NAT does.
type proxy struct {
	inside  *net.UDPConn // towards the client
	outside atomic.Pointer[net.UDPConn]
	client  atomic.Pointer[net.UDPAddr]
	server  *net.UDPAddr
}

func newProxy(t *testing.T, port int) *proxy {
	t.Helper()
	loopback := net.IPv4(127, 0, 0, 1)
	inside, err := net.ListenUDP("udp4", &net.UDPAddr{IP: loopback})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { inside.Close() })
	p := &proxy{inside: inside, server: &net.UDPAddr{IP: loopback, Port: port}}
	p.rebind(t)
	go func() {
		b := make([]byte, 2048)
		for {
			n, from, err := inside.ReadFromUDP(b)
			if err != nil {
				return
			}
			p.client.Store(from)
			_, _ = p.outside.Load().WriteToUDP(b[:n], p.server)
		}
	}()
	return p
}

func (p *proxy) rebind(t *testing.T) {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if old := p.outside.Swap(conn); old != nil {
		old.Close()
	}
	go func() {
		b := make([]byte, 2048)
		for {
			n, _, err := conn.ReadFromUDP(b)
			if err != nil {
				return
			}
			_, _ = p.inside.WriteToUDP(b[:n], p.client.Load())
		}
	}()
}

func TestClientAddressChanges(t *testing.T) {
	t.Parallel()
	e := rtctest.Endpoint(t)
	e.SetTimeouts(30*time.Second, 300*time.Millisecond)
	p := newProxy(t, e.Port())
	peer, events := rtctest.Peer(t, e, rtc.PeerConfig{})
	client := rtctest.Client(t, rtctest.ClientConfig{Setup: func(s *webrtc.SettingEngine, _ *webrtc.MediaEngine, _ *interceptor.Registry) {
		s.SetICETimeouts(10*time.Second, 20*time.Second, 50*time.Millisecond)
	}})
	camera := localTrack(t, webrtc.MimeTypeVP8, "camera")
	if _, err := client.AddTrack(camera); err != nil {
		t.Fatal(err)
	}
	fb := newFeedback()
	out, err := peer.AddOutbound(rtc.OutboundConfig{Codec: media.VP8, StreamID: "s", TrackID: "t", Feedback: fb})
	if err != nil {
		t.Fatal(err)
	}
	tracks := make(chan *webrtc.TrackRemote, 1)
	client.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) { tracks <- track })
	offer, err := client.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := client.SetLocalDescription(offer); err != nil {
		t.Fatal(err)
	}
	if err := peer.SetOffer(offer.SDP); err != nil {
		t.Fatal(err)
	}
	answer, err := peer.CreateAnswer()
	if err != nil {
		t.Fatal(err)
	}
	answer = strings.ReplaceAll(answer, fmt.Sprintf(" %d typ host", e.Port()), fmt.Sprintf(" %d typ host", p.inside.LocalAddr().(*net.UDPAddr).Port))
	if err := client.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}); err != nil {
		t.Fatal(err)
	}
	sinks := receive(rtctest.Wait(t, events.Added, "inbound"))
	rtctest.Wait(t, fb.ready, "ready")
	stop := make(chan struct{})
	defer close(stop)
	go publish(camera, []byte{1}, stop)
	s := rtctest.Wait(t, sinks, "stream")
	expect(t, peer, out, tracks)

	for range 3 { // more than once, so that with several shards one of them is not the home
		p.rebind(t)
		for len(s.packets) > 0 {
			<-s.packets
		}
		rtctest.Wait(t, s.packets, "packet from the new address")
		// What we send must find the new address, too: the client answers it with receiver reports of progress.
		for len(fb.reports) > 0 {
			<-fb.reports
		}
		sent := make(chan struct{})
		go func() {
			defer close(sent)
			for seq := uint16(30_000); ; seq++ {
				w := &work{func(tx *rtc.Tx) {
					tx.Send(out, []rtc.Packet{{Seq: seq, Payload: []byte{1}}})
					tx.SendReport(out, media.NTP(tx.Now()), 0)
				}, make(chan struct{})}
				peer.Home().Post(w)
				<-w.done
				select {
				case <-stop:
					return
				case <-fb.reports:
					return
				case <-time.After(5 * time.Millisecond):
				}
			}
		}()
		rtctest.Wait(t, sent, "receiver report")
	}
}

func TestPeerTimesOut(t *testing.T) {
	t.Parallel()
	e := rtctest.Endpoint(t)
	e.SetTimeouts(100*time.Millisecond, time.Second)
	peer, events := rtctest.Peer(t, e, rtc.PeerConfig{DataChannels: true})
	if _, err := peer.CreateOffer(); err != nil {
		t.Fatal(err)
	}
	if err := rtctest.Wait(t, events.Closed, "timeout"); err != rtc.ErrTimeout {
		t.Errorf("closed because of %v", err)
	}
}

func TestWrongFingerprintIsRefused(t *testing.T) {
	t.Parallel()
	e := rtctest.Endpoint(t)
	peer, events := rtctest.Peer(t, e, rtc.PeerConfig{})
	client := rtctest.Client(t, rtctest.ClientConfig{})
	if _, err := client.AddTrack(localTrack(t, webrtc.MimeTypeVP8, "camera")); err != nil {
		t.Fatal(err)
	}
	offer, err := client.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := client.SetLocalDescription(offer); err != nil {
		t.Fatal(err)
	}
	head, print, _ := strings.Cut(offer.SDP, "a=fingerprint:sha-256 ")
	wrong := head + "a=fingerprint:sha-256 " + map[bool]string{true: "11", false: "00"}[strings.HasPrefix(print, "00")] + print[2:]
	if err := peer.SetOffer(wrong); err != nil {
		t.Fatal(err)
	}
	answer, err := peer.CreateAnswer()
	if err != nil {
		t.Fatal(err)
	}
	if err := client.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}); err != nil {
		t.Fatal(err)
	}
	if err := rtctest.Wait(t, events.Closed, "refusal"); err == nil || !strings.Contains(err.Error(), "signalled") {
		t.Errorf("closed because of %v", err)
	}
	select {
	case <-events.Connected:
		t.Error("connected with a wrong certificate")
	default:
	}
}

// A remote that insists on being the DTLS server, as ffmpeg's WHIP muxer does, makes us the client.
func TestRemoteIsTheDTLSServer(t *testing.T) {
	t.Parallel()
	for _, channels := range []bool{false, true} {
		t.Run(fmt.Sprintf("channels %v", channels), func(t *testing.T) {
			e := rtctest.Endpoint(t)
			peer, events := rtctest.Peer(t, e, rtc.PeerConfig{DataChannels: channels})
			if channels {
				if err := peer.OpenDataChannel("x", true, nil); err != nil {
					t.Fatal(err)
				}
			}
			peer.AddRecv(media.Video)
			client := rtctest.Client(t, rtctest.ClientConfig{Setup: func(s *webrtc.SettingEngine, _ *webrtc.MediaEngine, _ *interceptor.Registry) {
				if err := s.SetAnsweringDTLSRole(webrtc.DTLSRoleServer); err != nil {
					t.Fatal(err)
				}
			}})
			track := localTrack(t, webrtc.MimeTypeVP8, "camera")
			if _, err := client.AddTrack(track); err != nil {
				t.Fatal(err)
			}
			rtctest.Answer(t, client, peer)
			sinks := receive(rtctest.Wait(t, events.Added, "inbound"))
			rtctest.Wait(t, events.Connected, "connection")
			stop := make(chan struct{})
			defer close(stop)
			go publish(track, []byte{1}, stop)
			rtctest.Wait(t, rtctest.Wait(t, sinks, "stream").packets, "packet")
			if channels {
				rtctest.Wait(t, events.Channels, "channel")
			}
			client.Close()
			rtctest.Wait(t, events.Closed, "end")
		})
	}
}

func TestRetransmissionFromClient(t *testing.T) {
	t.Parallel()
	e := rtctest.Endpoint(t)
	c := connect(t, e, rtctest.ClientConfig{})
	sinks := receive(c.in)
	rtctest.Wait(t, c.events.Connected, "connection")
	stop := make(chan struct{})
	defer close(stop)
	go publish(c.track, []byte{1, 2, 3}, stop)
	s := rtctest.Wait(t, sinks, "stream")
	p := rtctest.Wait(t, s.packets, "packet")
	s.stream.SendRTCP(&rtcp.TransportLayerNack{Nacks: []rtcp.NackPair{{PacketID: uint16(p.Seq)}}})
	for {
		again := rtctest.Wait(t, s.packets, "repaired packet")
		if !again.Repaired {
			continue
		}
		if again.Seq != p.Seq || again.SSRC != p.SSRC || again.PayloadType != p.PayloadType ||
			again.Timestamp != p.Timestamp || !bytes.Equal(again.Payload, p.Payload) {
			t.Errorf("repaired %+v, was %+v", again, p)
		}
		return
	}
}

func TestRetransmissionToClient(t *testing.T) {
	t.Parallel()
	e := rtctest.Endpoint(t)
	peer, _ := rtctest.Peer(t, e, rtc.PeerConfig{})
	client := rtctest.Client(t, rtctest.ClientConfig{})
	fb := newFeedback()
	out, err := peer.AddOutbound(rtc.OutboundConfig{Codec: media.VP8, StreamID: "s", TrackID: "t", Feedback: fb})
	if err != nil {
		t.Fatal(err)
	}
	tracks := make(chan *webrtc.TrackRemote, 1)
	client.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) { tracks <- track })
	rtctest.Answer(t, client, peer)
	rtctest.Wait(t, fb.ready, "ready")
	run(t, peer, func(tx *rtc.Tx) {
		tx.Send(out, []rtc.Packet{{Seq: 1, Payload: []byte{1}}, {Seq: 3, Payload: []byte{3}}})
	})
	track := rtctest.Wait(t, tracks, "track")
	for _, want := range []uint16{1, 3} {
		if p, _, err := track.ReadRTP(); err != nil || p.SequenceNumber != want {
			t.Fatalf("got %v, %v", p, err)
		}
	}
	for { // until the client has bound the RTX stream
		run(t, peer, func(tx *rtc.Tx) {
			tx.Send(out, []rtc.Packet{{Seq: 2, Repair: true, Prefix: []byte{7}, Payload: []byte{2}}})
		})
		_ = track.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		p, _, err := track.ReadRTP()
		if err != nil {
			continue
		}
		if p.SequenceNumber != 2 || !bytes.Equal(p.Payload, []byte{7, 2}) {
			t.Errorf("repaired packet is %v", p)
		}
		return
	}
}

func TestSequenceNumbersAreNotUsedTwice(t *testing.T) {
	t.Parallel()
	e := rtctest.Endpoint(t)
	peer, _ := rtctest.Peer(t, e, rtc.PeerConfig{})
	client := rtctest.Client(t, rtctest.ClientConfig{})
	fb := newFeedback()
	out, err := peer.AddOutbound(rtc.OutboundConfig{Codec: media.Opus, StreamID: "s", TrackID: "t", Feedback: fb})
	if err != nil {
		t.Fatal(err)
	}
	tracks := make(chan *webrtc.TrackRemote, 1)
	client.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) { tracks <- track })
	rtctest.Answer(t, client, peer)
	rtctest.Wait(t, fb.ready, "ready")
	run(t, peer, func(tx *rtc.Tx) {
		for _, p := range []rtc.Packet{
			{Seq: 5, Payload: []byte("a")}, {Seq: 5, Payload: []byte("b")}, {Seq: 4, Payload: []byte("c")},
			{Seq: 4, Payload: []byte("d"), Repair: true}, {Seq: 6, Payload: []byte("e")},
		} {
			tx.Send(out, []rtc.Packet{p})
		}
	})
	track := rtctest.Wait(t, tracks, "track")
	got := ""
	for len(got) < 3 {
		p, _, err := track.ReadRTP()
		if err != nil {
			t.Fatal(err)
		}
		got += string(p.Payload)
	}
	if got != "ace" {
		t.Errorf("client got %q", got)
	}
}

// Everything that an endpoint and its peers start must end with them.
func TestCloseLeavesNothingBehind(t *testing.T) {
	before := runtime.NumGoroutine()
	t.Run("life", func(t *testing.T) {
		e := rtctest.Endpoint(t)
		for i := range 4 {
			peer, events := rtctest.Peer(t, e, rtc.PeerConfig{DataChannels: i%2 == 0})
			if i%2 == 0 {
				if err := peer.OpenDataChannel("x", true, nil); err != nil {
					t.Fatal(err)
				}
			}
			peer.AddRecv(media.Audio)
			client := rtctest.Client(t, rtctest.ClientConfig{})
			if _, err := client.AddTrack(localTrack(t, webrtc.MimeTypeOpus, "microphone")); err != nil {
				t.Fatal(err)
			}
			rtctest.Answer(t, client, peer)
			rtctest.Wait(t, events.Connected, "connection")
			if i%2 == 0 {
				rtctest.Wait(t, events.Channels, "channel")
			}
			if i < 2 {
				peer.Close()
				rtctest.Wait(t, events.Closed, "end")
			}
		}
		if err := e.Close(); err != nil {
			t.Error(err)
		}
		if _, err := e.NewPeer(rtc.PeerConfig{Handler: rtctest.NewEvents()}); err == nil {
			t.Error("a closed endpoint makes peers")
		}
	})
	deadline := time.Now().Add(rtctest.Timeout)
	for runtime.NumGoroutine() > before {
		if time.Now().After(deadline) {
			var b [1 << 16]byte
			t.Fatalf("%d goroutines, were %d\n%s", runtime.NumGoroutine(), before, b[:runtime.Stack(b[:], true)])
		}
		time.Sleep(time.Millisecond)
	}
}
