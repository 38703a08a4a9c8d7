package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/dial"
	"github.com/tuttilive/tutti/internal/push"
)

// TestAShowIsPushed sends a show from one server to another and to one that is not there; the second comes back.
func TestAShowIsPushed(t *testing.T) {
	t.Parallel()
	needFFmpeg(t)
	const secret = "sEcReT-stream-key"
	there := start(t)
	here := start(t)
	nowhere := freePorts(t, 1)[0]
	status := func(want func(push.Status) bool, which int) push.Status {
		t.Helper()
		var list struct{ Targets []push.Status }
		for deadline := time.Now().Add(patience); ; <-time.After(50 * time.Millisecond) {
			here.ask("GET", "/api/rooms/demo/push", "", &list)
			if len(list.Targets) > which && want(list.Targets[which]) {
				return list.Targets[which]
			}
			if time.Now().After(deadline) {
				t.Fatalf("targets are %+v", list.Targets)
			}
		}
	}
	in := func(state push.State) func(push.Status) bool {
		return func(s push.Status) bool { return s.State == state }
	}
	var good, bad push.Status
	if code := here.ask("POST", "/api/rooms/demo/push", fmt.Sprintf(`{"name":"There","url":"rtmp://%s/live/copy?key=%s"}`, there.RTMP, secret), &good); code != http.StatusCreated || good.State != push.Idle {
		t.Fatalf("%d %+v", code, good)
	}
	here.ask("POST", "/api/rooms/demo/push", fmt.Sprintf(`{"url":"rtmp://%s/live","key":"%s"}`, nowhere, secret), &bad)
	for _, url := range []string{"ftp://x/live/y", "rtmp://x", "rtmp://x/live", "rtmp://u:p@x/live/y", "srt://x", "https://x", ""} {
		if code := here.ask("POST", "/api/rooms/demo/push", fmt.Sprintf(`{"url":%q}`, url), nil); code != http.StatusBadRequest {
			t.Errorf("%q is taken: %d", url, code)
		}
	}
	publish(t, slices.Concat(testPicture, testTone, baseline, aac, []string{"-f", "flv", "rtmp://" + here.RTMP + "/live/demo"})...)
	there.live("copy")
	if s := status(func(s push.Status) bool { return s.State == push.Live && s.Bytes > 50_000 }, 0); s.Error != "" {
		t.Errorf("%+v", s)
	}
	decode(t, there.url("/live/copy.flv"), "3")
	if got := strings.Join(ffprobe(t, there.url("/live/copy.flv")), " "); got != "aac h264" {
		t.Errorf("there is %s", got)
	}
	if s := status(in(push.Waiting), 1); !strings.Contains(s.Error, "refused") || s.Reason != dial.Unreachable || s.Attempts == 0 {
		t.Errorf("%+v", s)
	}
	if n := here.live("demo")["viewers"].(float64); n != 0 {
		t.Errorf("%v viewers", n)
	}
	req, _ := http.NewRequest("GET", here.url("/api/rooms/demo/push"), nil)
	req.SetBasicAuth(devKeys.Key, devKeys.Secret)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, _ := io.ReadAll(resp.Body); strings.Contains(string(body), secret) {
		t.Errorf("the answer tells the key: %s", body)
	}
	// The other server ends the room; the target is connected again.
	if code := there.ask("DELETE", "/api/rooms/copy", "", nil); code != http.StatusNoContent {
		t.Fatal(code)
	}
	status(func(s push.Status) bool { return s.State == push.Waiting }, 0)
	status(in(push.Live), 0)
	there.live("copy")
	here.ask("PATCH", "/api/rooms/demo/push/"+good.ID, `{"enabled":false}`, nil)
	status(in(push.Idle), 0)
	if code := here.ask("DELETE", "/api/rooms/demo/push/"+bad.ID, "", nil); code != http.StatusNoContent {
		t.Error(code)
	}
}

// TestAShowIsPushedOverSRTAndWHIP sends a show with B-frames to ffmpeg that listens for SRT, and to another server over WHIP, which gets none
// and sends it on over SRT.
func TestAShowIsPushedOverSRTAndWHIP(t *testing.T) {
	t.Parallel()
	needFFmpeg(t)
	const secret = "sEcReT-stream-key"
	there, here := start(t), start(t, "--push", "hosts")
	for url, want := range map[string]int{"srt://127.0.0.1:9": http.StatusForbidden, "http://127.0.0.1:9/whip/x": http.StatusForbidden, "https://127.0.0.1:9/whip/x": http.StatusForbidden, "rtmp://127.0.0.1:9/live/x": http.StatusCreated} {
		req, _ := http.NewRequest("POST", here.url("/api/rooms/other/push"), strings.NewReader(fmt.Sprintf(`{"url":%q}`, url)))
		req.Header.Set("X-Tutti-Key", here.keys.LinkKey("other", auth.Host, ""))
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if resp.Body.Close(); resp.StatusCode != want {
			t.Errorf("a host adds %s: %s", url, resp.Status)
		}
	}
	listens := freePorts(t, 2)
	var files []string
	var received []chan string
	for _, at := range listens {
		file, log := filepath.Join(t.TempDir(), "received.ts"), make(chan string, 1)
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			said, err := ffmpeg(t, ctx, "-i", "srt://"+at+"?mode=listener&passphrase=0123456789&streamid="+secret, "-t", "4", "-c", "copy", "-f", "mpegts", file)
			log <- fmt.Sprint(said, err)
		}()
		t.Cleanup(func() { cancel(); <-log })
		files, received = append(files, file), append(received, log)
	}
	toSRT := func(at string) string {
		return fmt.Sprintf(`{"name":"file","url":"srt://%s?passphrase=0123456789","key":%q}`, at, secret)
	}
	for _, body := range []string{
		toSRT(listens[0]),
		fmt.Sprintf(`{"name":"there","url":"http://%s/whip/copy"}`, there.HTTP),
		fmt.Sprintf(`{"name":"no room","url":"http://%s/whip/%%20?key=%s"}`, there.HTTP, secret),
		fmt.Sprintf(`{"name":"nobody","url":"srt://%s"}`, freePorts(t, 1)[0]),
	} {
		if code := here.ask("POST", "/api/rooms/demo/push", body, nil); code != http.StatusCreated {
			t.Fatalf("%s: %d", body, code)
		}
	}
	publish(t, slices.Concat(testPicture, testTone, []string{"-c:v", "libx264", "-preset", "veryfast", "-bf", "2", "-g", "30", "-pix_fmt", "yuv420p"}, aac, []string{"-f", "flv", "rtmp://" + here.RTMP + "/live/demo"})...)
	there.live("copy")
	decode(t, there.url("/live/copy.flv"), "3")
	if got := strings.Join(ffprobe(t, there.url("/live/copy.flv")), " "); got != "aac h264" {
		t.Errorf("there is %s", got)
	}
	// What came over WHIP is in Opus, and goes out over SRT in AAC.
	if code := there.ask("POST", "/api/rooms/copy/push", toSRT(listens[1]), nil); code != http.StatusCreated {
		t.Fatal(code)
	}
	for i, file := range files {
		log := <-received[i]
		received[i] <- log
		if got := strings.Join(ffprobe(t, file), " "); got != "aac h264" {
			t.Errorf("received is %s: %s", got, log)
		}
		decode(t, file, "3")
	}
	var list struct{ Targets []push.Status }
	for deadline := time.Now().Add(patience); ; <-time.After(50 * time.Millisecond) {
		here.ask("GET", "/api/rooms/demo/push", "", &list)
		if s := list.Targets; s[1].State == push.Live && s[1].Bytes > 50_000 && s[2].Error != "" && s[3].Error != "" {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("targets are %+v", list.Targets)
		}
	}
	for _, s := range list.Targets {
		t.Logf("%+v", s)
	}
	if s := list.Targets[2]; !strings.HasPrefix(s.Error, "the server refuses: 40") || s.Reason != dial.Denied || !strings.HasPrefix(s.Code, "40") || strings.Contains(s.Error+s.Address, secret) {
		t.Errorf("%+v", s)
	}
	if s := list.Targets[3]; !strings.HasPrefix(s.Error, "connecting") || s.Reason != dial.Unreachable {
		t.Errorf("%+v", s)
	}
	if there.live("copy")["viewers"].(float64) != 0 || here.live("demo")["viewers"].(float64) != 0 {
		t.Error("pushes are no viewers")
	}
}
