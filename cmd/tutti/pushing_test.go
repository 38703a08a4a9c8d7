package main

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

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
	for _, url := range []string{"http://x/live/y", "rtmp://x", "rtmp://x/live", "rtmp://u:p@x/live/y", ""} {
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
	if s := status(in(push.Waiting), 1); !strings.Contains(s.Error, "refused") || s.Attempts == 0 {
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
