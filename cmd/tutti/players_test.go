package main

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestPlayers plays a stream with the players that are here, without a screen: each shows enough pictures of FLV, HLS and RTMP.
func TestPlayers(t *testing.T) {
	t.Parallel()
	needFFmpeg(t)
	const enough = 50
	r := start(t)
	publish(t, "-re", "-f", "lavfi", "-i", "testsrc2=s=320x240:r=25", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000",
		"-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-pix_fmt", "yuv420p", "-g", "50", "-c:a", "aac", "-ac", "2", "-f", "flv", "rtmp://"+r.RTMP+"/live/demo")
	r.live("demo")
	r.get("/live/demo/index.m3u8")
	addresses := map[string]string{"FLV": r.url("/live/demo.flv"), "HLS": r.url("/live/demo/index.m3u8"), "RTMP": "rtmp://" + r.RTMP + "/live/demo"}
	for player, play := range map[string]func(ctx context.Context, address, dir string) (cmd *exec.Cmd, pictures func(line string) bool){
		// Each puts pictures into a directory, or says a line for each.
		"mpv": func(ctx context.Context, address, dir string) (*exec.Cmd, func(string) bool) {
			return exec.CommandContext(ctx, "mpv", "--no-config", "--vo=image", "--vo-image-outdir="+dir, "--ao=null", address), nil
		},
		"vlc": func(ctx context.Context, address, dir string) (*exec.Cmd, func(string) bool) {
			args := []string{"vlc", "--intf", "dummy", "--no-interact", "--vout", "dummy", "--aout", "dummy",
				"--video-filter", "scene", "--scene-format", "jpg", "--scene-ratio", "1", "--scene-path", dir, address}
			if os.Getuid() == 0 { // which it refuses
				args = slices.Concat([]string{"setpriv", "--reuid", "65534", "--clear-groups"}, args)
			}
			cmd := exec.CommandContext(ctx, args[0], args[1:]...)
			cmd.Env = append(os.Environ(), "HOME="+dir)
			return cmd, nil
		},
		"gst-launch-1.0": func(ctx context.Context, address, _ string) (*exec.Cmd, func(string) bool) {
			// The sound must be played in its time, too: what is taken at once leaves its queue empty, and playbin fills it for ever.
			return exec.CommandContext(ctx, "gst-launch-1.0", "-v", "playbin", "uri="+address, "video-sink=fakesink sync=true silent=false name=shown", "audio-sink=fakesink sync=true"),
				func(line string) bool { return strings.Contains(line, "shown") && strings.Contains(line, "chain") }
		},
	} {
		t.Run(player, func(t *testing.T) {
			t.Parallel()
			if _, err := exec.LookPath(player); err != nil {
				t.Skipf("%s is not here", player)
			}
			for what, address := range addresses {
				t.Run(what, func(t *testing.T) {
					t.Parallel()
					ctx, cancel := context.WithTimeout(context.Background(), patience)
					dir := t.TempDir()
					for d := dir; d != os.TempDir() && d != "/"; d = filepath.Dir(d) {
						os.Chmod(d, 0o777) // VLC is somebody else
					}
					cmd, counts := play(ctx, address, dir)
					cmd.Stderr, cmd.WaitDelay = nil, 2*time.Second
					cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
					said, err := cmd.StdoutPipe()
					if err != nil {
						t.Fatal(err)
					}
					if err := cmd.Start(); err != nil {
						t.Fatal(err)
					}
					defer func() { cancel(); cmd.Wait() }()
					lines := make(chan int)
					go func() {
						defer close(lines)
						n := 0
						for s := bufio.NewScanner(said); s.Scan(); {
							if counts != nil && counts(s.Text()) {
								if n++; n == enough {
									lines <- n
								}
							}
						}
					}()
					shown := 0
					for look := time.NewTicker(200 * time.Millisecond); shown < enough; {
						select {
						case n, ok := <-lines:
							if shown = n; !ok {
								t.Fatalf("it ended")
							}
						case <-look.C:
							if counts == nil {
								files, _ := filepath.Glob(filepath.Join(dir, "*.jpg"))
								shown = len(files)
							}
						case <-ctx.Done():
							t.Fatalf("%d pictures of %d", shown, enough)
						}
					}
				})
			}
		})
	}
}
