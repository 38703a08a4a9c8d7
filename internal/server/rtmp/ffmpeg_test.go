package rtmp

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/studio"
)

var (
	picture = []string{"-f", "lavfi", "-i", "testsrc2=size=320x180:rate=30"}
	sound   = []string{"-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000"}
	h264    = []string{"-pix_fmt", "yuv420p", "-c:v", "libx264", "-preset", "ultrafast", "-g", "30"}
	aac     = []string{"-c:a", "aac"}
)

func join(lists ...[]string) []string {
	var all []string
	for _, l := range lists {
		all = append(all, l...)
	}
	return all
}

// publish starts ffmpeg, and gives what it complained of when it has ended.
func publish(t testing.TB, url string, args ...string) (stop func() string) {
	t.Helper()
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Skip("ffmpeg is not installed")
	}
	args = append(append([]string{"-v", "error", "-re"}, args...), "-f", "flv", url)
	cmd := exec.Command("ffmpeg", args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { cmd.Wait(); close(ended) }()
	t.Cleanup(func() { cmd.Process.Kill(); <-ended })
	return func() string {
		<-ended
		return stderr.String()
	}
}

func TestFFmpegPublishes(t *testing.T) {
	tests := map[string]struct {
		args         []string
		video, audio bool
		reordered    bool
	}{
		"picture and sound": {join(picture, sound, h264, []string{"-tune", "zerolatency"}, aac), true, true, false},
		"B-frames":          {join(picture, sound, h264, []string{"-bf", "2", "-preset", "veryfast"}, aac), true, true, true},
		"picture alone":     {join(picture, h264, []string{"-bf", "0"}), true, false, false},
		"sound alone":       {join(sound, aac), false, true, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			st := newFakeStage()
			s := open(t, st, Options{})
			stop := publish(t, s.url("live/demo?key=secret"), append(test.args, "-t", "1.5")...)
			st.wait(t, "the end", func() bool { return len(st.ingests) == 1 && st.ingests[0].left })
			if out := stop(); out != "" {
				t.Fatalf("ffmpeg: %s", out)
			}
			in := st.ingests[0]
			if in.join.Kind != room.Ingest || in.room != "demo" || in.join.Identity != "made-up" || in.name != "ffmpeg" {
				t.Errorf("joined %q as %+v, name %q", in.room, in.join, in.name)
			}
			check(t, in.of(media.Video), test.video, 40, test.reordered)
			check(t, in.of(media.Audio), test.audio, 60, false)
			if _, warned := in.attributes[studio.WarningAttribute+"b_frames"]; warned != test.reordered {
				t.Errorf("warned of B-frames: %v", warned)
			}
		})
	}
}

func check(t *testing.T, track *fakeTrack, wanted bool, least int, reordered bool) {
	t.Helper()
	if track == nil || !wanted {
		if wanted || track != nil {
			t.Errorf("track is %v, wanted %v", track, wanted)
		}
		return
	}
	if len(track.frames) < least {
		t.Errorf("%d frames of %v, want %d", len(track.frames), track.pub.Kind, least)
	}
	var last time.Duration
	for i, f := range track.frames {
		if f.DTS <= last || f.PTS < f.DTS || f.Format.Reordered != reordered || i == 0 && !f.Keyframe || f.Discontinuity {
			t.Fatalf("frame %d: %v after %v, PTS %v, reordered %v, keyframe %v, discontinuity %v",
				i, f.DTS, last, f.PTS, f.Format.Reordered, f.Keyframe, f.Discontinuity)
		}
		last = f.DTS
	}
	if track.pub.Kind == media.Video && (track.pub.Width != 320 || track.pub.Height != 180) {
		t.Errorf("published as %dx%d", track.pub.Width, track.pub.Height)
	}
}

func TestFFmpegIsToldWhy(t *testing.T) {
	tests := map[string]struct {
		url  string
		args []string
		says string
	}{
		"no key":      {"live/demo", join(sound, aac), "no token or key given"},
		"wrong key":   {"live/demo?key=wrong", join(sound, aac), "token or key is not valid"},
		"bad room":    {"live/de%20mo?key=secret", join(sound, aac), "room name must be"},
		"wrong app":   {"other/demo?key=secret", join(sound, aac), "publish to rtmp://host/live/{room}"},
		"MP3":         {"live/demo?key=secret", join(sound, []string{"-c:a", "libmp3lame"}), "MP3 sound; send AAC"},
		"Flash video": {"live/demo?key=secret", join(picture, []string{"-c:v", "flv"}), "video codec 2; send H.264"},
		"not live":    {"", nil, "Cannot play: room is not live"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, newFakeStage(), Options{})
			if test.args == nil {
				out, _ := exec.Command("ffmpeg", "-v", "error", "-i", s.url("live/demo"), "-f", "null", "-").CombinedOutput()
				if !strings.Contains(string(out), test.says) {
					t.Errorf("ffmpeg says %q", out)
				}
				return
			}
			out := publish(t, s.url(test.url), append(test.args, "-t", "5")...)()
			if !strings.Contains(out, test.says) {
				t.Errorf("ffmpeg says %q, want %q", out, test.says)
			}
		})
	}
}

// TestGStreamerPublishes sends a file as fast as the connection takes it: the door must hold it back to the speed at which
// it plays.
func TestGStreamerPublishes(t *testing.T) {
	if _, err := exec.LookPath("gst-launch-1.0"); err != nil {
		t.Skip("gst-launch-1.0 is not installed")
	}
	path := filepath.Join(t.TempDir(), "clip.flv")
	publish(t, path, join(picture, sound, h264, []string{"-tune", "zerolatency"}, aac, []string{"-t", "4"})...)()
	st := newFakeStage()
	s := open(t, st, Options{})
	begin := time.Now()
	cmd := exec.Command("gst-launch-1.0", strings.Fields("-q filesrc location="+path+" ! flvdemux name=d flvmux name=m streamable=true !"+
		" rtmp2sink sync=false location="+s.url("live/demo?key=secret")+" d.video ! queue ! h264parse ! m. d.audio ! queue ! aacparse ! m.")...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	st.wait(t, "the end", func() bool { return len(st.ingests) == 1 && st.ingests[0].left })
	if err := <-ended; err != nil {
		t.Fatalf("gst-launch: %v\n%s", err, &out)
	}
	if took := time.Since(begin); took < 4*time.Second-2*time.Second-time.Second/2 {
		t.Errorf("4 s of media took %v", took)
	}
	check(t, st.ingests[0].of(media.Video), true, 110, false)
	check(t, st.ingests[0].of(media.Audio), true, 180, false)
}
