package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

var (
	testPicture = []string{"-re", "-f", "lavfi", "-i", "testsrc2=size=640x360:rate=30"}
	testTone    = []string{"-re", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=44100"}
	withBFrames = []string{"-c:v", "libx264", "-profile:v", "high", "-pix_fmt", "yuv420p", "-preset", "veryfast", "-bf", "3", "-g", "60"}
	aac         = []string{"-c:a", "aac", "-b:a", "96k"}
	// overSRT is for encoders that would give a busy machine 3 s to let them in.
	overSRT = []string{"-connect_timeout", strconv.Itoa(int(patience.Milliseconds())), "-f", "mpegts"}
)

// ffprobe gives the codecs that ffprobe finds at an address. It looks again where it is refused, as a stream may be whose encoder a busy machine holds up.
func ffprobe(t *testing.T, url string) []string {
	t.Helper()
	var out []byte
	for begun := time.Now(); ; <-time.After(time.Second) {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		cmd := exec.CommandContext(ctx, "ffprobe", "-v", "error", "-of", "json", "-show_streams", url)
		var complaints bytes.Buffer
		cmd.Stderr = &complaints
		var err error
		out, err = cmd.Output()
		cancel()
		if err == nil {
			break
		}
		if time.Since(begun) > 2*patience {
			t.Errorf("ffprobe %s: %v %s", url, err, complaints.String())
			return nil
		}
	}
	var found struct {
		Streams []struct {
			Codec string `json:"codec_name"`
		}
	}
	if err := json.Unmarshal(out, &found); err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, s := range found.Streams {
		list = append(list, s.Codec)
	}
	slices.Sort(list)
	return slices.Compact(list) // HLS has its sound as a rendition of the picture and as a variant of its own
}

// decode plays an address for a while with ffmpeg, which complains about what it cannot decode, and about two pictures in one millisecond: left
// to itself it looks at steps of the frame rate, for which it takes what the first pictures have, and those come as the machine lets them.
func decode(t *testing.T, url string, span string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	log, err := ffmpeg(t, ctx, "-xerror", "-loglevel", "error", "-i", url, "-t", span, "-enc_time_base:v", "1:1000", "-f", "null", "-")
	if err != nil || strings.TrimSpace(log) != "" {
		t.Errorf("playing %s: %v\n%s", url, err, log)
	}
}

// TestRTMPToEveryDoor publishes what encoders send and plays it over FLV and HLS.
func TestRTMPToEveryDoor(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		source   []string
		flv, hls string
	}{
		"picture and sound": {slices.Concat(testPicture, testTone, baseline, aac), "aac h264", "aac h264"},
		"B-frames":          {slices.Concat(testPicture, testTone, withBFrames, aac), "aac h264", "aac h264"},
		"sound only":        {slices.Concat(testTone, aac), "aac", "aac"},
		// HLS has silence where there is no sound yet, so that it can come later without a new playlist.
		"picture only": {slices.Concat(testPicture, baseline), "h264", "aac h264"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			needFFmpeg(t)
			r := start(t)
			publish(t, slices.Concat(c.source, []string{"-f", "flv", "rtmp://" + r.RTMP + "/live/demo"})...)
			r.live("demo")
			for path, want := range map[string]string{"/live/demo.flv": c.flv, "/live/demo/index.m3u8": c.hls} {
				if got := strings.Join(ffprobe(t, r.url("%s", path)), " "); got != want {
					t.Errorf("%s has %s, want %s", path, got, want)
				}
				decode(t, r.url("%s", path), "4")
			}
		})
	}
}

// TestNotLiveBeforeAndAfter goes to all play doors before a stream, during it, and after its end.
func TestNotLiveBeforeAndAfter(t *testing.T) {
	t.Parallel()
	needFFmpeg(t)
	r := start(t, "--away-grace", "200ms")
	doors := func() map[string]int {
		got := map[string]int{}
		for _, path := range []string{"/live/demo.flv", "/live/demo/index.m3u8", "/api/rooms/demo/live"} {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.url("%s", path), nil)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			got[path] = resp.StatusCode
			resp.Body.Close()
			cancel()
		}
		resp, err := http.Post(r.url("/whep/demo"), "application/sdp", strings.NewReader("x"))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		got["/whep/demo"] = resp.StatusCode
		return got
	}
	for path, status := range doors() {
		if status != http.StatusNotFound {
			t.Errorf("before: %s answers %d", path, status)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = ffmpeg(t, ctx, slices.Concat(testPicture, testTone, baseline, aac, []string{"-f", "flv", "rtmp://" + r.RTMP + "/live/demo"})...)
	}()
	r.live("demo")
	for path, status := range doors() {
		if want := map[bool]int{true: http.StatusBadRequest, false: http.StatusOK}[path == "/whep/demo"]; status != want {
			t.Errorf("during: %s answers %d", path, status)
		}
	}
	cancel()
	<-ended
	deadline := time.Now().Add(patience)
	for {
		got := doors()
		if !slices.ContainsFunc([]string{"/live/demo.flv", "/live/demo/index.m3u8", "/api/rooms/demo/live", "/whep/demo"}, func(p string) bool { return got[p] != 404 }) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("after: %v", got)
		}
		<-time.After(100 * time.Millisecond)
	}
}

// TestRTMPAndRTMPSPlay publishes over TLS, and plays over both.
func TestRTMPAndRTMPSPlay(t *testing.T) {
	t.Parallel()
	needFFmpeg(t)
	secure := freePorts(t, 1)[0]
	r := start(t, "--rtmps", secure)
	if info := string(r.get("/api/info")); !strings.Contains(info, fmt.Sprintf(`"rtmps":%d,"srt":0`, portOf(secure))) {
		t.Errorf("it is not told of: %s", info)
	}
	publish(t, slices.Concat(testPicture, testTone, baseline, aac, []string{"-f", "flv", "rtmps://" + secure + "/live/demo"})...)
	r.live("demo")
	for _, url := range []string{"rtmp://" + r.RTMP + "/live/demo", "rtmps://" + secure + "/live/demo"} {
		if got := strings.Join(ffprobe(t, url), " "); got != "aac h264" {
			t.Errorf("%s has %s", url, got)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			decode(t, url, "3")
		}()
		r.ask("GET", "/api/rooms/demo/live", "", nil)
		decode(t, url, "3")
		<-done
	}
	for deadline := time.Now().Add(patience); r.live("demo")["viewers"].(float64) != 0; <-time.After(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("players that have gone are still counted")
		}
	}
}

// TestSRTPublishes sends what encoders send over SRT, with the stream id's forms, encrypted and not.
func TestSRTPublishes(t *testing.T) {
	t.Parallel()
	needFFmpeg(t)
	const passphrase = "a long passphrase"
	for name, c := range map[string]struct {
		source []string
		id     string
		flags  []string
		// passphrase is the encoder's.
		passphrase string
		want       string
	}{
		"H.264 and AAC":          {slices.Concat(testPicture, testTone, baseline, aac), "demo", nil, "", "aac h264"},
		"B-frames, as ACL wants": {slices.Concat(testPicture, testTone, withBFrames, aac), "#!::r=demo,m=publish", nil, "", "aac h264"},
		"H.265 and Opus":         {slices.Concat(testPicture, testTone, []string{"-vf", "scale=320:180,fps=10", "-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error", "-g", "10", "-pix_fmt", "yuv420p", "-c:a", "libopus", "-ar", "48000"}), "publish:demo", nil, "", "aac hevc"},
		"encrypted":              {slices.Concat(testPicture, testTone, baseline, aac), "demo", []string{"--srt-passphrase", passphrase}, passphrase, "aac h264"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			port := freePorts(t, 1)[0]
			r := start(t, append(c.flags, "--srt", port, "--away-grace", "300ms", "--ffmpeg", "off")...)
			options := []string{"-srt_streamid", c.id}
			if c.passphrase != "" {
				options = append(options, "-passphrase", c.passphrase)
			}
			publish(t, slices.Concat(c.source, overSRT, options, []string{"srt://" + port})...)
			r.live("demo")
			if got := strings.Join(ffprobe(t, r.url("/live/demo/index.m3u8")), " "); got != c.want {
				t.Errorf("HLS has %s, want %s", got, c.want)
			}
			decode(t, r.url("/live/demo/index.m3u8"), "3")
		})
	}
	t.Run("refused", func(t *testing.T) {
		t.Parallel()
		port := freePorts(t, 1)[0]
		start(t, "--srt", port, "--srt-passphrase", passphrase)
		for name, options := range map[string][]string{
			"not encrypted": {"-srt_streamid", "demo"}, "wrong passphrase": {"-srt_streamid", "demo", "-passphrase", "another passphrase"}, "no room": {"-passphrase", passphrase},
		} {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			log, err := ffmpeg(t, ctx, slices.Concat(testTone, aac, []string{"-t", "5"}, overSRT, options, []string{"srt://" + port})...)
			cancel()
			if err == nil {
				t.Errorf("%s: it publishes\n%s", name, log)
			}
		}
	})
}
