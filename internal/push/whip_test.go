package push

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/transport/v4/packetio"
	"github.com/pion/webrtc/v4"

	"github.com/tuttilive/tutti/internal/dial"
	"github.com/tuttilive/tutti/internal/media"
)

func TestAServerMayNameOnlySoManySources(t *testing.T) {
	excess := 0
	s := sources{excess: func() { excess++ }}
	for ssrc := range uint32(maxSources) {
		for _, kind := range []packetio.BufferPacketType{packetio.RTPBufferPacket, packetio.RTCPBufferPacket} {
			if _, kept := s.buffer(kind, ssrc).(*packetio.Buffer); !kept || excess != 0 {
				t.Fatalf("source %d is dropped, %d", ssrc, excess)
			}
		}
	}
	for ssrc := range uint32(1000) {
		b := s.buffer(packetio.RTCPBufferPacket, maxSources+ssrc)
		if _, err := b.Write([]byte{1}); !errors.Is(err, errSources) {
			t.Fatal(err)
		}
	}
	if excess != 1 || len(s.named) != maxSources {
		t.Errorf("told %d times, %d are kept", excess, len(s.named))
	}
	if _, kept := s.buffer(packetio.RTPBufferPacket, 0).(*packetio.Buffer); !kept {
		t.Error("one that is known is dropped")
	}
}

// TestAFloodOfSourcesEndsTheConnection has a server that is told no candidate at all, as of a client behind NAT whose addresses are private: the
// connection comes about nevertheless. Then it says good-bye for more and more sources.
func TestAFloodOfSourcesEndsTheConnection(t *testing.T) {
	d := dial.New([]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")})
	c, err := newWHIPClient(d, d.Client(time.Second), true)
	if err != nil {
		t.Fatal(err)
	}
	defer c.peer.Close()
	var settings webrtc.SettingEngine
	settings.SetIncludeLoopbackCandidate(true)
	settings.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	api, err := whipAPI(settings)
	if err != nil {
		t.Fatal(err)
	}
	server, err := api.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if !strings.Contains(string(body), "a=candidate:") {
			t.Error("no candidate that is allowed is told")
		}
		offer := withoutPrivate(string(body), dial.New(nil)) // but for public ones, if this machine has any
		gathered := webrtc.GatheringCompletePromise(server)
		err := server.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer})
		answer, err2 := server.CreateAnswer(nil)
		if err := errors.Join(err, err2, server.SetLocalDescription(answer)); err != nil {
			t.Error(err)
			return
		}
		<-gathered
		w.WriteHeader(http.StatusCreated)
		io.WriteString(w, server.LocalDescription().SDP)
	}))
	defer endpoint.Close()
	p, err := Target{URL: endpoint.URL + "/whip"}.place()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.offer(t.Context(), p.(*whipPlace)); err != nil {
		t.Fatal(err)
	}
	if err := c.connected(t.Context()); err != nil {
		t.Fatal(err)
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for ssrc := uint32(1); ; {
		bye := &rtcp.Goodbye{}
		for range 31 {
			bye.Sources = append(bye.Sources, ssrc)
			ssrc++
		}
		_ = server.WriteRTCP([]rtcp.Packet{bye}) // it fails before the server is connected too
		select {
		case <-tick.C:
		case <-c.failed:
			if !errors.Is(c.why, errSources) {
				t.Error(c.why)
			}
			return
		case <-t.Context().Done():
			return
		}
	}
}

func TestAnswersAreToWhatWasOffered(t *testing.T) {
	const head = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"
	const video, audio, data = "m=video 9 UDP/TLS/RTP/SAVPF 102\r\n", "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n", "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n"
	for body, right := range map[string]bool{
		video + audio: true, video: true, video + data: false, data: false, video + audio + data: false, video + audio + video: false, "m=": false,
	} {
		answer := webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: head + body}
		if err := checkAnswer(&answer, 2); (err == nil) != right {
			t.Errorf("%q: %v", body, err)
		}
	}
}

func TestOffersTellNoPrivateAddress(t *testing.T) {
	line := func(address string) string {
		return "a=candidate:1 1 udp 2130706431 " + address + " 50000 typ host\r\n"
	}
	const rest = "v=0\r\na=ice-ufrag:x\r\n"
	d := dial.New([]netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")})
	got := withoutPrivate(rest+line("10.1.2.3")+line("10.2.2.3")+line("192.168.1.1")+line("fd00::1")+line("::ffff:172.16.0.1")+line("x.local")+line("8.8.8.8")+line("2600::1")+"a=candidate:1\r\na=end-of-candidates\r\n", d)
	if want := rest + line("10.1.2.3") + line("8.8.8.8") + line("2600::1") + "a=end-of-candidates\r\n"; got != want {
		t.Errorf("told:\n%s", got)
	}
}

// TestBFramesAreToldOf has what usual encoders send: two B-frames after each other picture, a keyframe each two seconds.
func TestBFramesAreToldOf(t *testing.T) {
	for _, reordered := range []bool{true, false} {
		d := dial.New(nil)
		c, err := newWHIPClient(d, d.Client(time.Second), false)
		if err != nil {
			t.Fatal(err)
		}
		defer c.peer.Close()
		format := &media.Format{Codec: media.H264, Reordered: reordered}
		for i := 0; i < 600 && err == nil; i++ {
			shown := i
			if reordered {
				shown = i/3*3 + (i%3+2)%3
			}
			_, err = c.send(&media.Frame{Format: format, Keyframe: i%60 == 0, PTS: time.Duration(shown+1) * time.Second / 30, Payload: []byte{0, 0, 0, 1, 0x65}})
		}
		if errors.Is(err, errBFrames) != reordered {
			t.Errorf("reordered %v: %v", reordered, err)
		}
	}
}

func TestKeysAreHiddenBeforeErrorsAreCut(t *testing.T) {
	p, err := Target{URL: "https://a.example/s3cr%2Ft/whip"}.place()
	if err != nil {
		t.Fatal(err)
	}
	const shown = 240 // bytes
	for before := shown - 40; before < shown; before++ {
		said := strings.Repeat("-", before) + "s3cr/t or s3cr%2Ft" + strings.Repeat("-", 100)
		got := dial.WithoutSecrets(dial.Denial{Code: "404", Words: firstLine([]byte(said))}, p.secrets())
		if strings.Contains(got, "s3") || len(got) > shown || !strings.Contains(got, "404") {
			t.Fatalf("after %d: %s", before, got)
		}
	}
}
