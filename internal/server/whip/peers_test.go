package whip

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
	pionmedia "github.com/pion/webrtc/v4/pkg/media"
	"github.com/pion/webrtc/v4/pkg/media/h264reader"
	"github.com/pion/webrtc/v4/pkg/media/oggreader"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/codec"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/rtc/rtctest"
	"github.com/tuttilive/tutti/internal/store"
	"github.com/tuttilive/tutti/internal/studio"
)

// These tests run the door over the real house and endpoint, with pion's PeerConnections as its clients.

// stand is a server with a WebRTC endpoint and the doors for WHIP and WHEP.
type stand struct {
	url   string
	house *studio.House
	keys  auth.Keys
	door  *Server
}

func newStand(t *testing.T) *stand {
	t.Helper()
	st, err := store.Open(t.TempDir(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(st.Close)
	policies, err := studio.OpenPolicies(st)
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	s := &stand{keys: auth.Keys{Key: "APItest", Secret: "a secret that is long enough for HS256"}}
	s.house = studio.NewHouse(studio.Options{Keys: s.keys, Rooms: policies, Workers: codec.FindWorkers("off"), AwayGrace: 50 * time.Millisecond, Log: log})
	t.Cleanup(s.house.Close)
	s.door = New(Config{House: s.house, Endpoint: rtctest.Endpoint(t), Log: log})
	t.Cleanup(s.door.Close)
	server := httptest.NewServer(s.door)
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

// publishKey is the stream key of a room.
func (s *stand) publishKey(roomName string) string {
	return s.keys.LinkKey(roomName, auth.Publisher, "")
}

// request sends what a client would and gives status, headers and body.
func request(t *testing.T, method, url, body string, header ...string) (*http.Response, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), rtctest.Timeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Body.Close()
	answer, err := io.ReadAll(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	return w, string(answer)
}

// connect offers and waits until the connection is up. change may alter the offer on its way.
func (s *stand) connect(t *testing.T, pc *webrtc.PeerConnection, path string, change func(string) string, header ...string) (location string) {
	t.Helper()
	up := make(chan struct{}, 1)
	pc.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		if state == webrtc.PeerConnectionStateConnected {
			select {
			case up <- struct{}{}:
			default:
			}
		}
	})
	offer, err := pc.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := pc.SetLocalDescription(offer); err != nil {
		t.Fatal(err)
	}
	sdp := offer.SDP
	if change != nil {
		sdp = change(sdp)
	}
	w, answer := request(t, "POST", s.url+path, sdp, append([]string{"Content-Type", sdpType}, header...)...)
	if w.StatusCode != 201 {
		t.Fatalf("%s: %d %s", path, w.StatusCode, answer)
	}
	if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}); err != nil {
		t.Fatalf("%v\n%s", err, answer)
	}
	rtctest.Wait(t, up, "connection over "+path)
	return s.url + w.Header.Get("Location")
}

// clip is a second of H.264 and Opus, made once.
var clip = sync.OnceValues(func() (c struct {
	pictures [][]byte
	sounds   [][]byte
}, err error) {
	make := func(args string) ([]byte, error) {
		return exec.Command("ffmpeg", strings.Fields("-v error -nostdin "+args+" pipe:1")...).Output()
	}
	picture, err := make("-f lavfi -i testsrc2=size=320x180:rate=30:duration=1 -pix_fmt yuv420p -c:v libx264 -profile:v baseline -tune zerolatency -g 30 -threads 1 -f h264")
	if err != nil {
		return c, fmt.Errorf("making a picture: %w", err)
	}
	reader, err := h264reader.NewReader(bytes.NewReader(picture))
	if err != nil {
		return c, err
	}
	var unit []byte
	for {
		nal, err := reader.NextNAL()
		if err != nil {
			break
		}
		unit = append(append(unit, 0, 0, 0, 1), nal.Data...)
		if nal.UnitType == h264reader.NalUnitTypeCodedSliceIdr || nal.UnitType == h264reader.NalUnitTypeCodedSliceNonIdr {
			c.pictures = append(c.pictures, unit)
			unit = nil
		}
	}
	sound, err := make("-f lavfi -i sine=frequency=440:sample_rate=48000:duration=1 -ac 2 -c:a libopus -page_duration 20000 -f ogg")
	if err != nil {
		return c, fmt.Errorf("making a sound: %w", err)
	}
	pages, _, err := oggreader.NewWith(bytes.NewReader(sound))
	if err != nil {
		return c, err
	}
	for {
		page, header, err := pages.ParseNextPage()
		if err != nil {
			break
		}
		if header.GranulePosition > 0 && !bytes.HasPrefix(page, []byte("OpusTags")) {
			c.sounds = append(c.sounds, page)
		}
	}
	return c, nil
})

// publisher is a client that sends kinds of media until the test ends.
func publisher(t *testing.T, kinds ...string) *webrtc.PeerConnection {
	t.Helper()
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Skip("ffmpeg is not installed")
	}
	c, err := clip()
	if err != nil {
		t.Fatal(err)
	}
	pc := rtctest.Client(t, rtctest.ClientConfig{})
	for _, kind := range kinds {
		mime, units, step := webrtc.MimeTypeH264, c.pictures, time.Second/30
		if kind == "audio" {
			mime, units, step = webrtc.MimeTypeOpus, c.sounds, 20*time.Millisecond
		}
		track, err := webrtc.NewTrackLocalStaticSample(webrtc.RTPCodecCapability{MimeType: mime}, kind, "stream")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := pc.AddTransceiverFromTrack(track, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly}); err != nil {
			t.Fatal(err)
		}
		go func() {
			tick := time.NewTicker(step)
			defer tick.Stop()
			for i := 0; ; i++ {
				select {
				case <-tick.C:
				case <-t.Context().Done():
					return
				}
				if err := track.WriteSample(pionmedia.Sample{Data: units[i%len(units)], Duration: step}); errors.Is(err, io.ErrClosedPipe) {
					return
				}
			}
		}()
	}
	return pc
}

// viewer is a client that wants picture and sound. What comes is in packets, by kind.
func viewer(t *testing.T) (pc *webrtc.PeerConnection, packets map[string]chan *rtp.Packet) {
	t.Helper()
	pc = rtctest.Client(t, rtctest.ClientConfig{})
	packets = map[string]chan *rtp.Packet{"audio": make(chan *rtp.Packet, 4096), "video": make(chan *rtp.Packet, 4096)}
	for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeVideo, webrtc.RTPCodecTypeAudio} {
		if _, err := pc.AddTransceiverFromKind(kind, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
			t.Fatal(err)
		}
	}
	pc.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		for {
			p, _, err := track.ReadRTP()
			if err != nil {
				return
			}
			select {
			case packets[track.Kind().String()] <- p:
			default: // the test has seen enough
			}
		}
	})
	return pc, packets
}

// live waits until a room is on the air.
func (s *stand) live(t *testing.T, roomName string) {
	t.Helper()
	s.until(t, "room "+roomName+" is live", func() bool {
		w, err := s.house.Watch(roomName, "test")
		if err == nil {
			w.Close()
		}
		return err == nil
	})
}

// until waits for something that nobody tells.
func (s *stand) until(t *testing.T, what string, is func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(rtctest.Timeout)
	for !is() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

func TestPublisherIsSeenByViewers(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	pub := publisher(t, "video", "audio")
	location := s.connect(t, pub, "/whip/show", nil, "Authorization", "Bearer "+s.publishKey("show"))
	s.live(t, "show")
	studioOf, err := s.house.Studio("show")
	if err != nil {
		t.Fatal(err)
	}
	ingest := studioOf.Participants()[0]
	if ingest.Kind != room.Ingest {
		t.Errorf("participant %+v", ingest)
	}

	pc, packets := viewer(t)
	s.connect(t, pc, "/whep/show", nil)
	rtctest.Wait(t, packets["audio"], "sound")
	first := rtctest.Wait(t, packets["video"], "picture")
	// A picture begins with its parameter sets: a single NAL unit, or STAP-A (RFC 6184, section 5.2).
	if kind := first.Payload[0] & 31; kind != 7 && kind != 24 {
		t.Errorf("the picture begins with NAL unit type %d", kind)
	}
	for range 100 {
		rtctest.Wait(t, packets["video"], "picture")
		rtctest.Wait(t, packets["audio"], "sound")
	}

	gone := make(chan struct{})
	pc.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		if state == webrtc.PeerConnectionStateClosed || state == webrtc.PeerConnectionStateFailed {
			close(gone)
		}
	})
	if w, body := request(t, "DELETE", location, ""); w.StatusCode != 200 {
		t.Fatalf("DELETE: %d %s", w.StatusCode, body)
	}
	rtctest.Wait(t, gone, "the viewer's end with the program")
	s.until(t, "the room is closed", func() bool { _, err := s.house.Studio("show"); return err != nil })
	if w, body := request(t, "POST", s.url+"/whep/show", "v=0\r\n", "Content-Type", sdpType); w.StatusCode != 404 || !strings.Contains(body, "not_live") {
		t.Errorf("WHEP after the end: %d %s", w.StatusCode, body)
	}
}

// TestOnlySoundAtFirst publishes sound alone: the viewer's picture comes when it comes.
func TestOnlySoundAtFirst(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	s.connect(t, publisher(t, "audio"), "/whip/show?key="+s.publishKey("show"), nil)
	s.live(t, "show")
	pc, packets := viewer(t)
	s.connect(t, pc, "/whep/show", nil)
	rtctest.Wait(t, packets["audio"], "sound")
	s.connect(t, publisher(t, "video"), "/whip/show?key="+s.publishKey("show"), nil)
	rtctest.Wait(t, packets["video"], "picture that came late")
}

// TestOnlyAPictureAtFirst is the same the other way round.
func TestOnlyAPictureAtFirst(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	s.connect(t, publisher(t, "video"), "/whip/show?key="+s.publishKey("show"), nil)
	s.live(t, "show")
	pc, packets := viewer(t)
	s.connect(t, pc, "/whep/show", nil)
	rtctest.Wait(t, packets["video"], "picture")
	s.connect(t, publisher(t, "audio"), "/whip/show?key="+s.publishKey("show"), nil)
	rtctest.Wait(t, packets["audio"], "sound that came late")
}

// TestOffersOfOtherClients sends offers as other programs write them.
func TestOffersOfOtherClients(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(string) string{
		// ffmpeg 8 insists on being the DTLS server.
		"setup:passive": func(sdp string) string { return strings.ReplaceAll(sdp, "a=setup:actpass", "a=setup:passive") },
		"setup:active":  func(sdp string) string { return strings.ReplaceAll(sdp, "a=setup:actpass", "a=setup:active") },
		// GStreamer's webrtcbin ends lines with LF and has no ice-options.
		"line feeds": func(sdp string) string { return strings.ReplaceAll(sdp, "\r\n", "\n") },
		"no msid": func(sdp string) string {
			var b strings.Builder
			for line := range strings.Lines(sdp) {
				if !strings.Contains(line, "msid") {
					b.WriteString(line)
				}
			}
			return b.String()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStand(t)
			s.connect(t, publisher(t, "audio", "video"), "/whip/show?key="+s.publishKey("show"), change)
			s.live(t, "show")
			pc, packets := viewer(t)
			s.connect(t, pc, "/whep/show", change)
			rtctest.Wait(t, packets["audio"], "sound")
			rtctest.Wait(t, packets["video"], "picture")
		})
	}
}

// TestICERestartKeepsTheSession restarts ICE as RFC 9725, section 4.3.3, has it.
func TestICERestartKeepsTheSession(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	s.connect(t, publisher(t, "audio"), "/whip/show?key="+s.publishKey("show"), nil)
	s.live(t, "show")
	pc, packets := viewer(t)
	location := s.connect(t, pc, "/whep/show", nil)
	rtctest.Wait(t, packets["audio"], "sound")
	before := pc.RemoteDescription().SDP

	offer, err := pc.CreateOffer(&webrtc.OfferOptions{ICERestart: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := pc.SetLocalDescription(offer); err != nil {
		t.Fatal(err)
	}
	ufrag, password := credentials(offer.SDP)
	w, answer := request(t, "PATCH", location, "a=ice-ufrag:"+ufrag+"\r\na=ice-pwd:"+password+"\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n",
		"Content-Type", fragmentType, "If-Match", "*")
	if w.StatusCode != 200 || w.Header.Get("ETag") == "" || w.Header.Get("Content-Type") != fragmentType {
		t.Fatalf("%d %v %s", w.StatusCode, w.Header, answer)
	}
	ours, ourPassword := credentials(answer)
	if was, _ := credentials(before); was == ours {
		t.Error("our credentials are the old ones")
	}
	candidates := answer[strings.Index(answer, "a=candidate"):]
	after := strings.Replace(withCredentials(before, ours, ourPassword), "a=mid:0\r\n", "a=mid:0\r\n"+candidates, 1)
	if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: after}); err != nil {
		t.Fatalf("%v\n%s", err, after)
	}
	s.until(t, "ICE is connected again", func() bool {
		pair, err := pc.SCTP().Transport().ICETransport().GetSelectedCandidatePair()
		return err == nil && pair != nil && pc.ICEConnectionState() == webrtc.ICEConnectionStateConnected
	})
	for len(packets["audio"]) > 0 {
		<-packets["audio"]
	}
	for range 50 {
		rtctest.Wait(t, packets["audio"], "sound after the restart")
	}
}

// TestClientsThatVanish are let go of when their connection says goodbye.
func TestClientsThatVanish(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	pub := publisher(t, "audio")
	s.connect(t, pub, "/whip/show?key="+s.publishKey("show"), nil)
	s.live(t, "show")
	if err := pub.Close(); err != nil {
		t.Fatal(err)
	}
	s.until(t, "the publisher has left", func() bool { _, err := s.house.Studio("show"); return err != nil })
	s.until(t, "its session has ended", func() bool {
		s.door.mu.Lock()
		defer s.door.mu.Unlock()
		return len(s.door.sessions) == 0
	})
}

// TestViewerWithoutTheProgramsCodec has a picture that nobody can convert here: the sound must come all the same.
func TestViewerWithoutTheProgramsCodec(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	s.connect(t, publisher(t, "audio", "video"), "/whip/show?key="+s.publishKey("show"), nil)
	s.live(t, "show")
	pc, packets := viewer(t)
	for _, transceiver := range pc.GetTransceivers() {
		if transceiver.Kind() == webrtc.RTPCodecTypeVideo {
			vp8 := webrtc.RTPCodecParameters{RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8, ClockRate: 90000}, PayloadType: 96}
			if err := transceiver.SetCodecPreferences([]webrtc.RTPCodecParameters{vp8}); err != nil {
				t.Fatal(err)
			}
		}
	}
	s.connect(t, pc, "/whep/show", nil)
	rtctest.Wait(t, packets["audio"], "sound")
}
