package main

import (
	"bytes"
	"context"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// python is Debian's, which has GStreamer's bindings.
const python = "/usr/bin/python3"

// needGStreamer skips a test where elements are missing.
func needGStreamer(t *testing.T, elements ...string) {
	t.Helper()
	for _, e := range elements {
		if err := exec.Command("gst-inspect-1.0", e).Run(); err != nil {
			t.Skipf("GStreamer has no %s here", e)
		}
	}
}

// TestGStreamerPublishes publishes with rtmp2sink, srtsink and webrtcbin, the last one also as somebody who wants to be DTLS's server.
func TestGStreamerPublishes(t *testing.T) {
	t.Parallel()
	needFFmpeg(t)
	needGStreamer(t, "x264enc", "avenc_aac")
	webrtc := []string{"webrtcbin", "nicesink", "dtlsenc", "opusenc"}
	const picture = "videotestsrc is-live=true ! video/x-raw,format=I420,width=320,height=240,framerate=30/1 ! x264enc tune=zerolatency key-int-max=30 speed-preset=ultrafast ! h264parse"
	const sound = "audiotestsrc is-live=true ! audio/x-raw,rate=44100,channels=2 ! avenc_aac ! aacparse"
	for name, c := range map[string]struct {
		needs   []string
		command func(r *running, srt string) []string
	}{
		"rtmp2sink": {[]string{"rtmp2sink", "flvmux"}, func(r *running, _ string) []string {
			return strings.Fields("gst-launch-1.0 -q " + picture + " ! m. " + sound + " ! m. flvmux name=m streamable=true ! rtmp2sink location=rtmp://" + r.RTMP + "/live/demo")
		}},
		"srtsink": {[]string{"srtsink", "mpegtsmux"}, func(_ *running, srt string) []string {
			return strings.Fields("gst-launch-1.0 -q " + picture + " config-interval=-1 ! m. " + sound + " ! m. mpegtsmux name=m alignment=7 ! srtsink uri=srt://" + srt + "?streamid=publish:demo")
		}},
		"webrtcbin": {webrtc, func(r *running, _ string) []string {
			return []string{python, "testdata/whip.py", r.url("/whip/demo"), "actpass"}
		}},
		"webrtcbin, as a server": {webrtc, func(r *running, _ string) []string {
			return []string{python, "testdata/whip.py", r.url("/whip/demo"), "passive"}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			needGStreamer(t, c.needs...)
			if c.needs[0] == "webrtcbin" && exec.Command(python, "-c", "import gi; gi.require_version('GstWebRTC', '1.0')").Run() != nil {
				t.Skip("GStreamer's WebRTC has no bindings for Python here")
			}
			ports := freePorts(t, 2)
			// Its ICE knows no loopback addresses.
			r := start(t, "--srt", ports[0], "--rtc", strings.Replace(ports[1], "127.0.0.1", "0.0.0.0", 1))
			command := c.command(r, ports[0])
			ctx, cancel := context.WithCancel(context.Background())
			cmd := exec.CommandContext(ctx, command[0], command[1:]...)
			var said bytes.Buffer
			cmd.Stdout, cmd.Stderr, cmd.WaitDelay = &said, &said, time.Second
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer func() {
				cancel()
				cmd.Wait()
				if t.Failed() {
					t.Log(said.String())
				}
			}()
			r.live("demo")
			if got := strings.Join(ffprobe(t, r.url("/live/demo/index.m3u8")), " "); got != "aac h264" {
				t.Errorf("HLS has %s", got)
			}
			decode(t, r.url("/live/demo.flv"), "3")
		})
	}
}
