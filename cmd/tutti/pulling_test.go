package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestStreamsAreFetchedFromOtherServers fetches over RTMP from another one of ours, and over HLS and SRT from ffmpeg, when somebody plays.
func TestStreamsAreFetchedFromOtherServers(t *testing.T) {
	needFFmpeg(t)
	other, r := start(t), start(t)
	source := slices.Concat(testPicture, testTone, baseline, aac)
	publish(t, slices.Concat(source, []string{"-f", "flv", "rtmp://" + other.RTMP + "/live/demo"})...)
	other.live("demo")

	dir := t.TempDir()
	publish(t, slices.Concat(source, []string{"-g", "30", "-f", "hls", "-hls_time", "1", "-hls_list_size", "6", filepath.Join(dir, "index.m3u8")})...)
	files := &http.Server{Handler: http.FileServer(http.Dir(dir))}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go files.Serve(listener)
	defer files.Close()
	for begun := time.Now(); ; <-time.After(50 * time.Millisecond) {
		if _, err := os.Stat(filepath.Join(dir, "index.m3u8")); err == nil {
			break
		} else if time.Since(begun) > 30*time.Second {
			t.Fatal("ffmpeg makes no playlist")
		}
	}

	caller := freePorts(t, 1)[0]
	publish(t, slices.Concat(source, []string{"-f", "mpegts", "srt://" + caller + "?mode=listener"})...)

	for protocol, url := range map[string]string{
		"rtmp": "rtmp://" + other.RTMP + "/live/demo", "hls": fmt.Sprintf("http://%s/index.m3u8", listener.Addr()), "srt": "srt://" + caller,
	} {
		t.Run(protocol, func(t *testing.T) {
			room := "pulled-" + protocol
			r.ask("POST", "/api/rooms/"+room+"/pull", fmt.Sprintf(`{"url":%q}`, url), nil)
			flv := r.url("/live/%s.flv", room)
			ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
			defer cancel()
			// The first viewer starts it.
			out, err := exec.CommandContext(ctx, "ffprobe", "-v", "error", "-show_entries", "stream=codec_name", "-of", "csv=p=0", flv).Output()
			if got := strings.Fields(string(out)); err != nil || !slices.Contains(got, "h264") || !slices.Contains(got, "aac") {
				t.Fatalf("plays %v, %v", got, err)
			}
			decode(t, flv, "3")
			var all struct {
				Sources []struct{ State, Error string }
			}
			r.ask("GET", "/api/rooms/"+room+"/pull", "", &all)
			if len(all.Sources) != 1 || all.Sources[0].State != "live" || all.Sources[0].Error != "" {
				t.Errorf("%+v", all)
			}
		})
	}
	r.ask("POST", "/api/rooms/nothing/pull", fmt.Sprintf(`{"url":"rtmp://%s/live/nothing","mode":"always"}`, other.RTMP), nil)
	for begun := time.Now(); ; <-time.After(50 * time.Millisecond) {
		var all struct {
			Sources []struct{ State, Error string }
		}
		r.ask("GET", "/api/rooms/nothing/pull", "", &all)
		if len(all.Sources) == 1 && all.Sources[0].State == "waiting" && strings.Contains(all.Sources[0].Error, "StreamNotFound") {
			break
		} else if time.Since(begun) > 30*time.Second {
			t.Fatalf("what is not there: %+v", all)
		}
	}
}
