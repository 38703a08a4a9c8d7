package flv

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/limit"
	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/mux/flv"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/studio"
	"github.com/tuttilive/tutti/internal/studio/fanout"
)

func TestAnswersOtherThanTheStream(t *testing.T) {
	tests := map[string]struct {
		method, path string
		err          error
		status       int
		code         string
	}{
		"not live":        {"GET", "/live/demo.flv", studio.ErrNotLive, 404, "not_live"},
		"nobody there":    {"GET", "/live/demo.flv", studio.ErrNotLive, 404, "not_live"},
		"bad name":        {"GET", "/live/a b.flv", room.ErrBadName, 400, "bad_name"},
		"no key":          {"GET", "/live/demo.flv", auth.ErrMissing, 401, "unauthorized"},
		"wrong key":       {"GET", "/live/demo.flv", auth.ErrInvalid, 401, "unauthorized"},
		"old token":       {"GET", "/live/demo.flv", fmt.Errorf("x: %w", auth.ErrExpired), 401, "expired"},
		"not his room":    {"GET", "/live/demo.flv", auth.ErrDenied, 403, "forbidden"},
		"shutting down":   {"GET", "/live/demo.flv", studio.ErrShutdown, 503, "unavailable"},
		"something else":  {"GET", "/live/demo.flv", errors.New("secret detail"), 500, "internal"},
		"HEAD not live":   {"HEAD", "/live/demo.flv", studio.ErrNotLive, 404, ""},
		"HEAD":            {"HEAD", "/live/demo.flv", nil, 200, ""},
		"preflight":       {"OPTIONS", "/live/demo.flv", nil, 204, ""},
		"POST":            {"POST", "/live/demo.flv", nil, 405, "bad_request"},
		"other file":      {"GET", "/live/demo.mp4", nil, 404, "not_found"},
		"no name":         {"GET", "/live/.flv", nil, 404, "not_found"},
		"a folder deeper": {"GET", "/live/a/b.flv", nil, 404, "not_found"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			h := &Handler{gate: &fakeGate{stream: startStream(t, newFakeSource(), 0, flv.Tracks{}), err: test.err}, log: quiet()}
			server := httptest.NewServer(h)
			defer server.Close()
			request, err := http.NewRequest(test.method, server.URL+strings.ReplaceAll(test.path, " ", "%20"), nil)
			if err != nil {
				t.Fatal(err)
			}
			answer, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			body, _ := io.ReadAll(answer.Body)
			if answer.StatusCode != test.status {
				t.Errorf("status %d, want %d", answer.StatusCode, test.status)
			}
			if answer.Header.Get("Access-Control-Allow-Origin") != "*" || answer.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("headers %v", answer.Header)
			}
			if test.code == "" {
				if len(body) > 0 {
					t.Errorf("body %q", body)
				}
				return
			}
			var e struct {
				Error struct{ Code, Message string }
			}
			if err := json.Unmarshal(body, &e); err != nil || e.Error.Code != test.code || e.Error.Message == "" || strings.Contains(string(body), "secret") {
				t.Errorf("body %s, error %v", body, err)
			}
		})
	}
}

// TestViewersOfOneAddressAreBounded behind a proxy too, which has the connections.
func TestViewersOfOneAddressAreBounded(t *testing.T) {
	gate := &fakeGate{stream: startStream(t, newFakeSource(), 0, flv.Tracks{}), opened: make(chan *fakeWatcher, 9)}
	h := &Handler{gate: gate, log: quiet(), places: limit.Places{Most: 1}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.RemoteAddr = r.Header.Get("From")
		h.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	ask := func(from string) int {
		r, _ := http.NewRequest("GET", server.URL+"/live/demo.flv", nil)
		r.Header.Set("From", from)
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { answer.Body.Close() })
		return answer.StatusCode
	}
	gate.err = studio.ErrNotLive
	ask("192.0.2.1:1")
	gate.err = nil
	for i, test := range []struct {
		from string
		want int
	}{{"192.0.2.1:1", 200}, {"192.0.2.1:2", 429}, {"192.0.2.2:1", 200}, {"127.0.0.1:1", 200}, {"127.0.0.1:2", 200}} {
		if got := ask(test.from); got != test.want {
			t.Errorf("%d: %s gets %d", i, test.from, got)
		}
	}
	gate.stream.Close()
	for range 4 {
		<-(<-gate.opened).closed
	}
	if n := h.places.Taken(); n != 0 {
		t.Errorf("%d places are left", n)
	}
}

func TestCredentials(t *testing.T) {
	tests := map[string]struct {
		query  string
		header http.Header
		want   studio.Credential
	}{
		"none":          {"", nil, studio.Credential{}},
		"query":         {"?key=k&token=t", nil, studio.Credential{Key: "k", Token: "t"}},
		"bearer":        {"?token=t", http.Header{"Authorization": {"Bearer better"}}, studio.Credential{Token: "better"}},
		"key in header": {"?key=k", http.Header{"X-Tutti-Key": {"better"}}, studio.Credential{Key: "better"}},
		"basic":         {"", http.Header{"Authorization": {"Basic eDp5"}}, studio.Credential{}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/live/demo.flv"+test.query, nil)
			if test.header != nil {
				r.Header = test.header
			}
			if got := credentialOf(r, ""); got != test.want {
				t.Errorf("got %+v", got)
			}
		})
	}
}

// clip is two seconds of H.264 and AAC with B-frames, as frames.
func clip(t testing.TB) []*media.Frame {
	t.Helper()
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Skip("ffmpeg is not installed")
	}
	path := filepath.Join(t.TempDir(), "clip.flv")
	out, err := exec.Command("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=30",
		"-f", "lavfi", "-i", "sine=sample_rate=48000", "-t", "2", "-c:v", "libx264", "-pix_fmt", "yuv420p", "-g", "30", "-bf", "2",
		"-c:a", "aac", path).CombinedOutput()
	if err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, out)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var frames []*media.Frame
	var d flv.Demuxer
	for r := flv.NewReader(bytes.NewReader(b)); ; {
		tag, err := r.Next()
		if err != nil {
			return frames
		}
		now := time.Hour + time.Duration(tag.Timestamp)*time.Millisecond
		var f *media.Frame
		switch tag.Type {
		case flv.VideoTag:
			f, err = d.Video(tag.Timestamp, tag.Body, now)
		case flv.AudioTag:
			f, err = d.Audio(tag.Timestamp, tag.Body, now)
		}
		if err != nil {
			t.Fatal(err)
		}
		if f != nil {
			frames = append(frames, f)
		}
	}
}

// TestFFprobeReadsTheDoor plays a clip over each kind of connection.
func TestFFprobeReadsTheDoor(t *testing.T) {
	frames := clip(t)
	for _, name := range []string{"plain", "TLS", "HTTP/2"} {
		t.Run(name, func(t *testing.T) {
			src := newFakeSource()
			g := &fakeGate{stream: startStream(t, src, 10*time.Millisecond, flv.Tracks{}), opened: make(chan *fakeWatcher, 1)}
			server := httptest.NewUnstartedServer(&Handler{gate: g, log: quiet()})
			switch name {
			case "plain":
				server.Start()
			case "HTTP/2":
				server.EnableHTTP2 = true
				server.StartTLS()
			default:
				server.StartTLS()
			}
			defer server.Close()
			answer, err := server.Client().Get(server.URL + "/live/demo.flv")
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			if answer.Header.Get("Content-Type") != "video/x-flv" || (name == "HTTP/2") != (answer.ProtoMajor == 2) {
				t.Errorf("%s with headers %v", answer.Proto, answer.Header)
			}
			for _, f := range frames {
				src.frames <- f
			}
			close(src.frames)
			body, err := io.ReadAll(answer.Body)
			if err != nil {
				t.Fatal(err)
			}
			probe(t, body)
			w := <-g.opened
			<-w.closed
			if w.sent < len(body) {
				t.Errorf("%d bytes counted, %d read", w.sent, len(body))
			}
		})
	}
}

// TestFFprobeReadsMessages plays a clip over WebSockets.
func TestFFprobeReadsMessages(t *testing.T) {
	frames := clip(t)
	for _, name := range []string{"plain", "TLS"} {
		t.Run(name, func(t *testing.T) {
			src := newFakeSource()
			stream := fanout.New(src, func() flv.Tracks { return flv.Tracks{} }, 10*time.Millisecond, fanout.FLVMessages, quiet())
			t.Cleanup(stream.Close)
			g := &fakeGate{stream: stream, opened: make(chan *fakeWatcher, 1)}
			start := httptest.NewServer
			if name == "TLS" {
				start = httptest.NewTLSServer
			}
			server := start(&Handler{gate: g, log: quiet()})
			defer server.Close()
			conn, _, err := websocket.Dial(t.Context(), "ws"+strings.TrimPrefix(server.URL, "http")+"/live/demo.flv", &websocket.DialOptions{HTTPClient: server.Client()})
			if err != nil {
				t.Fatal(err)
			}
			defer conn.CloseNow()
			conn.SetReadLimit(1 << 20)
			// The upgrade is answered before the viewer is there, who begins at the last keyframe: the second comes when they are.
			first := frames[:20]
			for _, f := range first {
				src.frames <- f
			}
			var body []byte
			for {
				kind, message, err := conn.Read(t.Context())
				if err != nil {
					break // the stream has ended
				}
				if body == nil {
					for _, f := range frames[len(first):] {
						src.frames <- f
					}
					close(src.frames)
				}
				if kind != websocket.MessageBinary {
					t.Fatalf("a message of kind %v", kind)
				}
				body = append(body, message...)
			}
			probe(t, body)
			<-(<-g.opened).closed
		})
	}
}

// probe has ffprobe look at a clip.
func probe(t *testing.T, body []byte) {
	t.Helper()
	look := exec.Command("ffprobe", "-v", "error", "-count_packets", "-show_entries", "stream=codec_name,nb_read_packets", "-of", "csv=p=0", "-")
	look.Stdin = bytes.NewReader(body)
	out, err := look.CombinedOutput()
	if want := "h264,60\naac,95\n"; err != nil || string(out) != want && string(out) != "h264,60\naac,96\n" && string(out) != "h264,60\naac,94\n" {
		t.Errorf("ffprobe says %q, want about %q (%v)", out, want, err)
	}
}
