package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
)

// TestEachDoorAsksTheApplication publishes and plays at all doors of a server whose application refuses the room "no".
func TestEachDoorAsksTheApplication(t *testing.T) {
	t.Parallel()
	needFFmpeg(t)
	var mu sync.Mutex
	asked := map[string]int{}
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var v struct{ Action, Room, Protocol string }
		if err := json.NewDecoder(r.Body).Decode(&v); err != nil {
			t.Error(err)
		}
		mu.Lock()
		asked[v.Action+" "+v.Protocol+" "+v.Room]++
		mu.Unlock()
		json.NewEncoder(w).Encode(map[string]any{"allow": v.Room != "no" && !slices.Contains([]string{"hls", "whep", "snapshot"}, v.Protocol), "reason": "not today"})
	}))
	defer app.Close()
	srt := freePorts(t, 1)[0]
	r := start(t, "--admit-hook", app.URL, "--srt", srt)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	short := slices.Concat(testTone, aac, []string{"-t", "20"})
	if log, err := ffmpeg(t, ctx, slices.Concat(short, []string{"-f", "flv", "rtmp://" + r.RTMP + "/live/no"})...); err == nil {
		t.Errorf("RTMP publishes\n%s", log)
	}
	if log, err := ffmpeg(t, ctx, slices.Concat(short, overSRT, []string{"-srt_streamid", "no", "srt://" + srt})...); err == nil {
		t.Errorf("SRT publishes\n%s", log)
	}
	post := func(path string) (int, string) {
		resp, err := http.Post(r.url("%s", path), "application/sdp", strings.NewReader("v=0\r\n"))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var refused struct{ Error struct{ Message string } }
		_ = json.NewDecoder(resp.Body).Decode(&refused)
		return resp.StatusCode, refused.Error.Message
	}
	if status, why := post("/whip/no"); status != http.StatusForbidden || why != "not today" {
		t.Errorf("WHIP: %d %q", status, why)
	}
	if status, _ := post("/whep/no"); status != http.StatusNotFound {
		t.Errorf("WHEP, where nothing is live: %d", status)
	}
	publish(t, slices.Concat(testTone, aac, []string{"-f", "flv", "rtmp://" + r.RTMP + "/live/demo"})...)
	r.live("demo")
	if status, why := post("/whep/demo"); status != http.StatusForbidden || why != "not today" {
		t.Errorf("WHEP: %d %q", status, why)
	}
	for path, status := range map[string]int{"/live/demo.flv": 200, "/live/demo/index.m3u8": 403, "/api/rooms/demo/snapshot.jpg": 403} {
		for range 3 {
			req, _ := http.NewRequestWithContext(ctx, http.MethodGet, r.url("%s", path), nil)
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != status {
				t.Errorf("%s: %s", path, resp.Status)
			}
		}
	}
	if got := ffprobe(t, "rtmp://"+r.RTMP+"/live/demo"); !slices.Equal(got, []string{"aac"}) {
		t.Errorf("RTMP plays %v", got)
	}
	mu.Lock()
	defer mu.Unlock()
	for _, want := range []string{"publish rtmp no", "publish srt no", "publish whip no", "play whep demo", "publish rtmp demo", "play flv demo", "play hls demo", "play snapshot demo", "play rtmp demo"} {
		if n := asked[want]; n != 1 {
			t.Errorf("%s: asked %d times", want, n)
		}
	}
	if asked["play whep no"] != 0 {
		t.Error("asked about what has nothing to play")
	}
}
