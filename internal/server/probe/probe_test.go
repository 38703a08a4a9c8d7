package probe_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/pion/interceptor"
	"github.com/pion/webrtc/v4"

	"github.com/tuttilive/tutti/internal/rtc"
	"github.com/tuttilive/tutti/internal/rtc/rtctest"
	"github.com/tuttilive/tutti/internal/server/probe"
	"github.com/tuttilive/tutti/internal/turn"
)

// door is a door on a server of its own, which has WebRTC over UDP only.
func door(t *testing.T) (url string, s *probe.Server) {
	t.Helper()
	return doorAt(t, rtctest.Endpoint(t))
}

func doorAt(t *testing.T, e *rtc.Endpoint) (url string, s *probe.Server) {
	t.Helper()
	s = probe.New(probe.Config{Endpoint: e, ICE: &turn.Directory{}})
	server := httptest.NewServer(s)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), rtctest.Timeout)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Errorf("shutting down: %v", err)
		}
		server.Close()
	})
	return server.URL, s
}

// ask sends a request and gives status and body.
func ask(t *testing.T, method, url string, body io.Reader, header ...string) (int, []byte) {
	t.Helper()
	r, err := http.NewRequest(method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, b
}

func TestPorts(t *testing.T) {
	t.Parallel()
	url, _ := door(t)
	status, body := ask(t, "GET", url+"/probe/ice", nil)
	var got struct {
		ICEServers []turn.ICEServer
		WebRTC     struct{ UDP, TCP int }
	}
	if err := json.Unmarshal(body, &got); err != nil || status != 200 || got.ICEServers == nil || got.WebRTC.UDP == 0 {
		t.Errorf("%d %s", status, body)
	}
}

func TestTransfers(t *testing.T) {
	t.Parallel()
	url, _ := door(t)
	status, body := ask(t, "GET", url+"/probe/down?bytes=1500000", nil)
	if status != 200 || len(body) != 1_500_000 {
		t.Errorf("down: %d, %d bytes", status, len(body))
	}
	status, body = ask(t, "POST", url+"/probe/up", bytes.NewReader(body))
	var got struct {
		Bytes        int
		Milliseconds float64
	}
	if err := json.Unmarshal(body, &got); err != nil || status != 200 || got.Bytes != 1_500_000 || got.Milliseconds <= 0 {
		t.Errorf("up: %d %s", status, body)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	url, _ := door(t)
	for name, c := range map[string]struct {
		method, path string
		body         io.Reader
		header       []string
		status       int
	}{
		"nothing there":      {"GET", "/probe/", nil, nil, 404},
		"method":             {"POST", "/probe/ice", nil, nil, 405},
		"no size":            {"GET", "/probe/down", nil, nil, 400},
		"zero":               {"GET", "/probe/down?bytes=0", nil, nil, 400},
		"too many bytes":     {"GET", "/probe/down?bytes=16777217", nil, nil, 400},
		"length unknown":     {"POST", "/probe/up", io.MultiReader(strings.NewReader("x")), nil, 411},
		"too long":           {"POST", "/probe/up", bytes.NewReader(make([]byte, 16<<20+1)), nil, 413},
		"another site":       {"GET", "/probe/down?bytes=1", nil, []string{"Sec-Fetch-Site", "cross-site"}, 403},
		"another origin":     {"POST", "/probe/up", strings.NewReader("x"), []string{"Origin", "https://example.com"}, 403},
		"no SDP":             {"POST", "/probe/rtc", strings.NewReader("{}"), []string{"Content-Type", "application/json"}, 415},
		"bad SDP":            {"POST", "/probe/rtc", strings.NewReader("v=1"), []string{"Content-Type", "application/sdp"}, 400},
		"long SDP":           {"POST", "/probe/rtc", bytes.NewReader(make([]byte, 64<<10+1)), []string{"Content-Type", "application/sdp"}, 413},
		"unknown transport":  {"POST", "/probe/rtc?transport=sctp", nil, []string{"Content-Type", "application/sdp"}, 400},
		"no TCP here":        {"POST", "/probe/rtc?transport=tcp", nil, []string{"Content-Type", "application/sdp"}, 404},
		"no WebSocket there": {"GET", "/probe/ws", nil, nil, 426},
	} {
		if status, body := ask(t, c.method, url+c.path, c.body, c.header...); status != c.status {
			t.Errorf("%s: %d %s, not %d", name, status, body, c.status)
		}
	}
}

func TestSocketEchoesWithinLimits(t *testing.T) {
	t.Parallel()
	url, _ := door(t)
	ctx, cancel := context.WithTimeout(t.Context(), rtctest.Timeout)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, url+"/probe/ws", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseNow()
	for i := range 1000 {
		if err = conn.Write(ctx, websocket.MessageText, []byte("there and back")); err != nil {
			break
		}
		kind, b, e := conn.Read(ctx)
		if err = e; err != nil {
			break
		}
		if kind != websocket.MessageText || string(b) != "there and back" {
			t.Fatalf("message %d is %q", i, b)
		}
	}
	if websocket.CloseStatus(err) != websocket.StatusPolicyViolation {
		t.Errorf("a flood ended with %v", err)
	}
}

// probeRTC connects a client to /probe/rtc and gives its open echo channel.
func probeRTC(t *testing.T, url string, client *webrtc.PeerConnection) *webrtc.DataChannel {
	t.Helper()
	unordered, none := false, uint16(0)
	dc, err := client.CreateDataChannel("echo", &webrtc.DataChannelInit{Ordered: &unordered, MaxRetransmits: &none})
	if err != nil {
		t.Fatal(err)
	}
	opened := make(chan struct{})
	dc.OnOpen(func() { close(opened) })
	offer, err := client.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := client.SetLocalDescription(offer); err != nil {
		t.Fatal(err)
	}
	status, answer := ask(t, "POST", url, strings.NewReader(offer.SDP), "Content-Type", "application/sdp")
	if status != 200 {
		t.Fatalf("%d %s", status, answer)
	}
	if err := client.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: string(answer)}); err != nil {
		t.Fatal(err)
	}
	rtctest.Wait(t, opened, "channel")
	return dc
}

func TestPeerEchoes(t *testing.T) {
	t.Parallel()
	for transport, setup := range map[string]func(*webrtc.SettingEngine, *webrtc.MediaEngine, *interceptor.Registry){
		"udp": nil, "tcp": rtctest.OnlyTCP,
	} {
		t.Run(transport, func(t *testing.T) {
			t.Parallel()
			e := rtctest.EndpointTCP(t)
			url, _ := doorAt(t, e)
			client := rtctest.Client(t, rtctest.ClientConfig{Setup: setup})
			dc := probeRTC(t, url+"/probe/rtc?transport="+transport, client)
			if sdp := client.RemoteDescription().SDP; strings.Count(sdp, "a=candidate:") != strings.Count(sdp, " 1 "+transport+" ") {
				t.Errorf("other candidates in\n%s", sdp)
			}
			heard := make(chan webrtc.DataChannelMessage, 16)
			dc.OnMessage(func(m webrtc.DataChannelMessage) { heard <- m })
			for _, size := range []int{1, 100, 1100} {
				if err := dc.Send(make([]byte, size)); err != nil {
					t.Fatal(err)
				}
				if m := rtctest.Wait(t, heard, "echo"); len(m.Data) != size || m.IsString {
					t.Errorf("%d bytes came back as %d", size, len(m.Data))
				}
			}
			if err := dc.SendText("text"); err != nil {
				t.Fatal(err)
			}
			if m := rtctest.Wait(t, heard, "echo"); string(m.Data) != "text" || !m.IsString {
				t.Errorf("text came back as %q", m.Data)
			}
		})
	}
}

func TestEchoIsNoTunnel(t *testing.T) {
	t.Parallel()
	for name, abuse := range map[string]func(dc *webrtc.DataChannel){
		"a long message": func(dc *webrtc.DataChannel) { _ = dc.Send(make([]byte, 1101)) },
		"a flood": func(dc *webrtc.DataChannel) {
			for range 1000 {
				_ = dc.Send(make([]byte, 10))
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, _ := door(t)
			dc := probeRTC(t, url+"/probe/rtc", rtctest.Client(t, rtctest.ClientConfig{}))
			closed := make(chan struct{})
			dc.OnClose(func() { close(closed) })
			abuse(dc)
			rtctest.Wait(t, closed, "end")
		})
	}
}

func TestOnlyOneChannelEchoes(t *testing.T) {
	t.Parallel()
	url, _ := door(t)
	client := rtctest.Client(t, rtctest.ClientConfig{})
	probeRTC(t, url+"/probe/rtc", client)
	for _, label := range []string{"echo", "other"} {
		dc, err := client.CreateDataChannel(label, nil)
		if err != nil {
			t.Fatal(err)
		}
		closed := make(chan struct{})
		dc.OnClose(func() { close(closed) })
		rtctest.Wait(t, closed, "end of "+label)
	}
}

// Media is refused, and what has no data channel is no test.
func TestOffersWithMedia(t *testing.T) {
	t.Parallel()
	url, _ := door(t)
	client := rtctest.Client(t, rtctest.ClientConfig{})
	if _, err := client.AddTransceiverFromKind(webrtc.RTPCodecTypeAudio, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
		t.Fatal(err)
	}
	offer, err := client.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	if status, body := ask(t, "POST", url+"/probe/rtc", strings.NewReader(offer.SDP), "Content-Type", "application/sdp"); status != 400 {
		t.Errorf("without channels: %d %s", status, body)
	}
	probeRTC(t, url+"/probe/rtc", client)
	if sdp := client.RemoteDescription().SDP; !strings.Contains(sdp, "m=audio 0 ") {
		t.Errorf("media is taken:\n%s", sdp)
	}
}

// stuckResponse is of a client that takes nothing in: a write lasts until its deadline.
type stuckResponse struct {
	http.ResponseWriter
	writing, given chan struct{}
}

func (r *stuckResponse) Write([]byte) (int, error) {
	close(r.writing)
	<-r.given
	return 0, os.ErrDeadlineExceeded
}

func (r *stuckResponse) SetWriteDeadline(at time.Time) error {
	if !at.IsZero() && !at.After(time.Now()) {
		close(r.given)
	}
	return nil
}

// A client that takes nothing in does not hold the server up.
func TestShutdownEndsStuckTransfers(t *testing.T) {
	t.Parallel()
	_, s := door(t)
	stuck := &stuckResponse{ResponseWriter: httptest.NewRecorder(), writing: make(chan struct{}), given: make(chan struct{})}
	go s.ServeHTTP(stuck, httptest.NewRequest("GET", "/probe/down?bytes=16777216", nil))
	<-stuck.writing
	ctx, cancel := context.WithTimeout(context.Background(), rtctest.Timeout)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Errorf("shutting down: %v", err)
	}
}

func TestShutdownEndsTests(t *testing.T) {
	t.Parallel()
	url, s := door(t)
	probeRTC(t, url+"/probe/rtc", rtctest.Client(t, rtctest.ClientConfig{}))
	conn, _, err := websocket.Dial(t.Context(), url+"/probe/ws", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseNow()
	ctx, cancel := context.WithTimeout(t.Context(), rtctest.Timeout)
	defer cancel()
	began := time.Now()
	if err := s.Shutdown(ctx); err != nil {
		t.Errorf("after %v: %v", time.Since(began), err)
	}
	if status, body := ask(t, "GET", url+"/probe/ice", nil); status != 503 {
		t.Errorf("afterwards: %d %s", status, body)
	}
}
