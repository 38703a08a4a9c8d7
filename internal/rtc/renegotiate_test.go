package rtc_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/rtc"
	"github.com/tuttilive/tutti/internal/rtc/rtctest"
)

func TestClientAddsAndRemovesTracks(t *testing.T) {
	t.Parallel()
	e := rtctest.Endpoint(t)
	peer, events := rtctest.Peer(t, e, rtc.PeerConfig{})
	client := rtctest.Client(t, rtctest.ClientConfig{})
	camera, err := client.AddTrack(localTrack(t, webrtc.MimeTypeVP8, "camera"))
	if err != nil {
		t.Fatal(err)
	}
	rtctest.Offer(t, client, peer)
	first := rtctest.Wait(t, events.Added, "inbound")
	rtctest.Wait(t, events.Connected, "connection")

	microphone := localTrack(t, webrtc.MimeTypeOpus, "microphone")
	if _, err := client.AddTrack(microphone); err != nil {
		t.Fatal(err)
	}
	rtctest.Offer(t, client, peer)
	second := rtctest.Wait(t, events.Added, "second inbound")
	if second.TrackID != "microphone" || second.Kind != media.Audio || second.Mid == first.Mid {
		t.Errorf("second inbound is %+v", second)
	}
	sinks := receive(second)
	stop := make(chan struct{})
	defer close(stop)
	go publish(microphone, []byte{9}, stop)
	s := rtctest.Wait(t, sinks, "stream")
	rtctest.Wait(t, s.packets, "packet")

	if err := client.RemoveTrack(camera); err != nil {
		t.Fatal(err)
	}
	rtctest.Offer(t, client, peer)
	if gone := rtctest.Wait(t, events.Removed, "removal"); gone != first {
		t.Errorf("removed %+v", gone)
	}
	if list := peer.Inbounds(); !slices.Equal(list, []*rtc.Inbound{second}) {
		t.Errorf("inbounds are %v", list)
	}
}

// expect checks that the client gets what is sent on an outbound.
func expect(t *testing.T, peer *rtc.Peer, out *rtc.Outbound, tracks <-chan *webrtc.TrackRemote) {
	t.Helper()
	// The client may drop what comes before its side is ready, so it is sent again and again.
	received := make(chan string, 1)
	go func() {
		if track, ok := <-tracks; ok {
			if _, _, err := track.ReadRTP(); err == nil {
				received <- track.ID()
			}
		}
	}()
	for seq := uint16(0); ; seq++ {
		run(t, peer, func(tx *rtc.Tx) { tx.Send(out, []rtc.Packet{{Seq: seq, Payload: []byte{1}}}) })
		select {
		case <-received:
			return
		default:
		}
		if seq > 60_000 {
			t.Fatal("nothing arrives")
		}
	}
}

func TestOutboundsComeAndGo(t *testing.T) {
	t.Parallel()
	for _, role := range []string{"offers", "answers"} {
		t.Run(role, func(t *testing.T) {
			e := rtctest.Endpoint(t)
			peer, events := rtctest.Peer(t, e, rtc.PeerConfig{})
			client := rtctest.Client(t, rtctest.ClientConfig{})
			tracks := make(chan *webrtc.TrackRemote, 8)
			client.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) { tracks <- track })
			negotiate := func() {
				t.Helper()
				if role == "offers" {
					rtctest.Answer(t, client, peer)
					return
				}
				for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeAudio, webrtc.RTPCodecTypeVideo} {
					audio, video := peer.Missing()
					missing := audio
					if kind == webrtc.RTPCodecTypeVideo {
						missing = video
					}
					for range missing {
						if _, err := client.AddTransceiverFromKind(kind, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
							t.Fatal(err)
						}
					}
				}
				rtctest.Offer(t, client, peer)
			}
			add := func(codec media.Codec, id string) (*rtc.Outbound, *feedback) {
				t.Helper()
				fb := newFeedback()
				out, err := peer.AddOutbound(rtc.OutboundConfig{Codec: codec, StreamID: "s", TrackID: id, Feedback: fb})
				if err != nil {
					t.Fatal(err)
				}
				return out, fb
			}
			sound, soundReady := add(media.Opus, "sound")
			picture, pictureReady := add(media.VP8, "picture")
			negotiate()
			rtctest.Wait(t, events.Connected, "connection")
			rtctest.Wait(t, soundReady.ready, "sound")
			rtctest.Wait(t, pictureReady.ready, "picture")
			expect(t, peer, sound, tracks)
			expect(t, peer, picture, tracks)
			mid := picture.Mid()

			peer.RemoveOutbound(picture)
			if picture.Ready() || picture.Mid() != "" {
				t.Error("removed outbound is still there")
			}
			negotiate()
			if !sound.Ready() {
				t.Error("the other outbound stopped")
			}
			again, ready := add(media.VP8, "again")
			if _, video := peer.Unplaced(); video != 1 {
				t.Errorf("%d unplaced", video)
			}
			if _, video := peer.Missing(); video != 0 {
				t.Errorf("%d missing although a section is free", video)
			}
			negotiate()
			rtctest.Wait(t, ready.ready, "new picture")
			if again.Mid() != mid {
				t.Errorf("new outbound in section %q, %q was free", again.Mid(), mid)
			}
			if again.SSRC() == picture.SSRC() {
				t.Error("SSRC is used again")
			}
			expect(t, peer, again, tracks)
		})
	}
}

func TestOffererReceives(t *testing.T) {
	t.Parallel()
	e := rtctest.Endpoint(t)
	peer, events := rtctest.Peer(t, e, rtc.PeerConfig{Codecs: []media.Codec{media.H264, media.Opus}})
	client := rtctest.Client(t, rtctest.ClientConfig{})
	track := localTrack(t, webrtc.MimeTypeH264, "camera")
	if _, err := client.AddTrack(track); err != nil {
		t.Fatal(err)
	}
	peer.AddRecv(media.Video)
	rtctest.Answer(t, client, peer)
	in := rtctest.Wait(t, events.Added, "inbound")
	sinks := receive(in)
	rtctest.Wait(t, events.Connected, "connection")
	stop := make(chan struct{})
	defer close(stop)
	go publish(track, []byte{1}, stop)
	s := rtctest.Wait(t, sinks, "stream")
	if s.stream.Codec != media.H264 {
		t.Errorf("codec %v", s.stream.Codec)
	}
	rtctest.Wait(t, s.packets, "packet")
}

func TestBothWaysInOneSection(t *testing.T) {
	t.Parallel()
	e := rtctest.Endpoint(t)
	peer, events := rtctest.Peer(t, e, rtc.PeerConfig{})
	client := rtctest.Client(t, rtctest.ClientConfig{})
	tracks := make(chan *webrtc.TrackRemote, 1)
	client.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) { tracks <- track })
	camera := localTrack(t, webrtc.MimeTypeVP8, "camera")
	if _, err := client.AddTrack(camera); err != nil { // sendrecv
		t.Fatal(err)
	}
	fb := newFeedback()
	out, err := peer.AddOutbound(rtc.OutboundConfig{Codec: media.VP8, StreamID: "s", TrackID: "t", Feedback: fb})
	if err != nil {
		t.Fatal(err)
	}
	rtctest.Offer(t, client, peer)
	in := rtctest.Wait(t, events.Added, "inbound")
	if in.Mid != out.Mid() {
		t.Errorf("inbound in section %q, outbound in %q", in.Mid, out.Mid())
	}
	sinks := receive(in)
	rtctest.Wait(t, fb.ready, "ready")
	stop := make(chan struct{})
	defer close(stop)
	go publish(camera, []byte{1}, stop)
	rtctest.Wait(t, rtctest.Wait(t, sinks, "stream").packets, "packet")
	expect(t, peer, out, tracks)
}

// simulcast adds a track in three layers.
func simulcast(t *testing.T, client *webrtc.PeerConnection) map[string]*webrtc.TrackLocalStaticRTP {
	t.Helper()
	layers := make(map[string]*webrtc.TrackLocalStaticRTP)
	var sender *webrtc.RTPSender
	for _, rid := range []string{"q", "h", "f"} {
		track, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8}, "camera", "stream", webrtc.WithRTPStreamID(rid))
		if err != nil {
			t.Fatal(err)
		}
		layers[rid] = track
		if sender == nil {
			sender, err = client.AddTrack(track)
		} else {
			err = sender.AddEncoding(track)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return layers
}

func TestSimulcast(t *testing.T) {
	t.Parallel()
	e := rtctest.Endpoint(t)
	peer, events := rtctest.Peer(t, e, rtc.PeerConfig{})
	client := rtctest.Client(t, rtctest.ClientConfig{})
	layers := simulcast(t, client)
	rtctest.Offer(t, client, peer)
	in := rtctest.Wait(t, events.Added, "inbound")
	if !slices.Equal(in.RIDs, []string{"q", "h", "f"}) {
		t.Fatalf("rids are %q", in.RIDs)
	}
	sinks := receive(in)
	rtctest.Wait(t, events.Connected, "connection")
	// pion leaves it to the application to write the extensions that tell layers apart.
	var midID, ridID uint8
	for _, line := range strings.Split(client.LocalDescription().SDP, "\r\n") {
		if rest, ok := strings.CutPrefix(line, "a=extmap:"); ok {
			id, uri, _ := strings.Cut(rest, " ")
			switch uri {
			case "urn:ietf:params:rtp-hdrext:sdes:mid":
				midID = id[0] - '0'
			case "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id":
				ridID = id[0] - '0'
			}
		}
	}
	seen := make(map[string]bool)
	for seq := uint16(1); len(seen) < 3; seq++ {
		for rid, track := range layers {
			header := rtp.Header{Version: 2, SequenceNumber: seq}
			if err := header.SetExtension(midID, []byte(in.Mid)); err != nil {
				t.Fatal(err)
			}
			if err := header.SetExtension(ridID, []byte(rid)); err != nil {
				t.Fatal(err)
			}
			if err := track.WriteRTP(&rtp.Packet{Header: header, Payload: []byte(rid)}); err != nil {
				t.Fatal(err)
			}
		}
		select {
		case s := <-sinks:
			if p := rtctest.Wait(t, s.packets, "packet"); string(p.Payload) != s.stream.RID {
				t.Errorf("stream %q got a packet of %q", s.stream.RID, p.Payload)
			}
			if seen[s.stream.RID] {
				t.Errorf("layer %q opened twice", s.stream.RID)
			}
			seen[s.stream.RID] = true
		default:
		}
	}
}
