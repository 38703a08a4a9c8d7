package main

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// player makes the command that plays an address. It puts pictures into a directory, or pictures tells which of its lines says that one is shown.
type player func(ctx context.Context, address, dir string) (cmd *exec.Cmd, pictures func(line string) bool)

// onAScreen has ffplay draw on a screen of its own, from which what differs from the picture before is saved.
const onAScreen = `
trap 'trap "" TERM; kill 0; wait' EXIT
trap exit INT
Xvfb -displayfd 3 -screen 0 320x240x24 -nolisten tcp 3>display 2>/dev/null &
for try in $(seq 100); do [ -s display ] && break; sleep 0.1; done
[ -s display ] || exit 1
export DISPLAY=:$(cat display) SDL_AUDIODRIVER=dummy SDL_RENDER_DRIVER=software
ffplay -loglevel quiet "$1" </dev/null &
ffmpeg -loglevel quiet -nostdin -f x11grab -draw_mouse 0 -framerate 25 -video_size 320x240 -i $DISPLAY -vf mpdecimate -vsync vfr %05d.jpg &
wait`

// TestPlayers plays shows with the players that are here, without a screen: each shows enough pictures of FLV, HLS and RTMP, as the first who comes to
// a show that has just begun.
func TestPlayers(t *testing.T) {
	t.Parallel()
	needFFmpeg(t)
	const enough = 50
	r := start(t)
	for name, play := range map[string]player{
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
		"ffplay": func(ctx context.Context, address, dir string) (*exec.Cmd, func(string) bool) {
			cmd := exec.CommandContext(ctx, "sh", "-c", onAScreen, "sh", address)
			cmd.Dir = dir
			return cmd, nil
		},
		"gst-launch-1.0": func(ctx context.Context, address, _ string) (*exec.Cmd, func(string) bool) {
			// The sound must be played in its time, too: what is taken at once leaves its queue empty, and playbin fills it for ever.
			return exec.CommandContext(ctx, "gst-launch-1.0", "-v", "playbin", "uri="+address, "video-sink=fakesink sync=true silent=false name=shown", "audio-sink=fakesink sync=true"),
				func(line string) bool { return strings.Contains(line, "shown") && strings.Contains(line, "chain") }
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			needs := []string{name}
			if name == "ffplay" {
				needs = append(needs, "Xvfb")
			}
			for _, program := range needs {
				if _, err := exec.LookPath(program); err != nil {
					t.Skipf("%s is not here", program)
				}
			}
			room := "for-" + strings.ReplaceAll(name, ".", "-")
			publish(t, "-re", "-f", "lavfi", "-i", "testsrc2=s=320x240:r=25", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000",
				"-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-pix_fmt", "yuv420p", "-g", "50", "-c:a", "aac", "-ac", "2", "-f", "flv", "rtmp://"+r.RTMP+"/live/"+room)
			r.live(room)
			for what, address := range map[string]string{
				"FLV": r.url("/live/%s.flv", room), "HLS": r.url("/live/%s/index.m3u8", room), "RTMP": "rtmp://" + r.RTMP + "/live/" + room,
			} {
				t.Run(what, func(t *testing.T) {
					t.Parallel()
					if shown := shows(t, play, address, enough); shown < enough {
						t.Fatalf("%d pictures of %d", shown, enough)
					}
				})
			}
		})
	}
}

// shows plays an address until enough pictures are shown, and tells how many were.
func shows(t *testing.T, play player, address string, enough int) (shown int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	dir := t.TempDir()
	for d := dir; d != os.TempDir() && d != "/"; d = filepath.Dir(d) {
		os.Chmod(d, 0o777) // VLC is somebody else
	}
	cmd, counts := play(ctx, address, dir)
	// A player may be several processes: all are told to end, and killed if they do not.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Stderr, cmd.WaitDelay = nil, 2*time.Second
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGINT) }
	said, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		cancel()
		cmd.Wait()
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // who is left of them
	}()
	lines := make(chan struct{}, enough)
	go func() {
		defer close(lines)
		for s := bufio.NewScanner(said); s.Scan(); {
			if counts != nil && counts(s.Text()) {
				select {
				case lines <- struct{}{}:
				default: // more than enough
				}
			}
		}
	}()
	for look := time.NewTicker(200 * time.Millisecond); shown < enough; {
		select {
		case _, ok := <-lines:
			if !ok {
				t.Log("the player ended")
				return shown
			}
			shown++
		case <-look.C:
			if counts == nil {
				files, _ := filepath.Glob(filepath.Join(dir, "*.jpg"))
				shown = len(files)
			}
		case <-ctx.Done():
			return shown
		}
	}
	return shown
}
