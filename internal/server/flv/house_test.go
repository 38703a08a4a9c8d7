package flv_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/codec"
	"github.com/tuttilive/tutti/internal/limit"
	muxflv "github.com/tuttilive/tutti/internal/mux/flv"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/server/flv"
	"github.com/tuttilive/tutti/internal/server/rtmp"
	"github.com/tuttilive/tutti/internal/store"
	"github.com/tuttilive/tutti/internal/studio"
)

// doors are a house with the doors for RTMP and HTTP-FLV.
type doors struct {
	house *studio.House
	keys  auth.Keys
	rtmp  string
	http  string
}

func openDoors(t *testing.T, awayGrace time.Duration) *doors {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	st, err := store.Open(t.TempDir(), log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(st.Close)
	policies, err := studio.OpenPolicies(st)
	if err != nil {
		t.Fatal(err)
	}
	d := &doors{keys: auth.Keys{Key: "APItest", Secret: "a secret that is long enough for HS256"}}
	d.house = studio.NewHouse(studio.Options{Keys: d.keys, Rooms: policies, Workers: codec.FindWorkers("off"), AwayGrace: awayGrace, Log: log})
	t.Cleanup(d.house.Close)
	in, err := rtmp.Listen(rtmp.Options{Address: "127.0.0.1:0", House: d.house, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	go in.Serve()
	t.Cleanup(func() { in.Close() })
	d.rtmp = "rtmp://" + in.Addr().String() + "/live/"
	out := httptest.NewUnstartedServer(flv.New(flv.Options{House: d.house, Tick: 30 * time.Millisecond, Log: log}))
	out.Listener = limit.NewConnections(0).Listen(out.Listener) // as in a whole server
	out.Start()
	t.Cleanup(out.Close)
	d.http = out.URL + "/live/"
	return d
}

// publish starts ffmpeg, and gives what ends it.
func publish(t *testing.T, url string, args string) (stop func()) {
	t.Helper()
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Skip("ffmpeg is not installed")
	}
	cmd := exec.Command("ffmpeg", append(strings.Fields("-v error -re "+args+" -t 20 -f flv"), url)...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := false
	stop = func() {
		if !ended {
			ended = true
			cmd.Process.Kill()
			cmd.Wait()
		}
	}
	t.Cleanup(stop)
	return stop
}

// watch waits until the room is live and gives what its stream says.
func watch(t *testing.T, url string) io.ReadCloser {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		answer, err := http.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		if answer.StatusCode == http.StatusOK {
			t.Cleanup(func() { answer.Body.Close() })
			return answer.Body
		}
		answer.Body.Close()
	}
	t.Fatal("the room does not become live")
	return nil
}

func TestEncoderToViewers(t *testing.T) {
	const (
		picture = "-f lavfi -i testsrc2=size=320x180:rate=30 "
		sound   = "-f lavfi -i sine=sample_rate=48000 "
		h264    = "-pix_fmt yuv420p -c:v libx264 -preset veryfast -g 30 "
		aac     = "-c:a aac "
	)
	tests := map[string]struct {
		args string
		want string // as ffprobe says
	}{
		"picture and sound": {picture + sound + h264 + "-tune zerolatency " + aac, "h264\naac\n"},
		"B-frames":          {picture + sound + h264 + "-bf 2 " + aac, "h264\naac\n"},
		"picture alone":     {picture + h264 + "-bf 0", "h264\n"},
		"sound alone":       {sound + aac, "aac\n"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := openDoors(t, 100*time.Millisecond)
			key := d.keys.LinkKey("demo", auth.Publisher, "")
			if err := d.house.Policies().Create("demo", room.Policy{Access: room.AccessLink, PublicWatch: true}); err != nil {
				t.Fatal(err)
			}
			if answer, err := http.Get(d.http + "demo.flv"); err != nil || answer.StatusCode != http.StatusNotFound {
				t.Fatalf("before the show: %v, %v", answer, err)
			}
			stop := publish(t, d.rtmp+"demo?key="+key, test.args)
			stream := watch(t, d.http+"demo.flv")

			// Read two seconds, then end the encoder: the stream must end too.
			var file bytes.Buffer
			r := muxflv.NewReader(io.TeeReader(stream, &file))
			var start time.Time
			var first time.Duration
			for end := uint32(2000); ; {
				tag, err := r.Next()
				if err != nil {
					t.Fatal(err)
				}
				if tag.Type == muxflv.ScriptTag {
					start = muxflv.ParseMetadata(tag.Body).Start
				} else if first == 0 && len(tag.Body) > 1 && tag.Body[1] == 1 {
					first = time.Since(start.Add(time.Duration(tag.Timestamp) * time.Millisecond))
				}
				if tag.Timestamp > end {
					break
				}
			}
			if start.IsZero() {
				t.Error("the stream does not say when it began")
			}
			t.Logf("the first frame came after %v", first) // a stream with one kind waits 200 ms for the other
			stop()
			if _, err := io.Copy(&file, stream); err != nil {
				t.Errorf("end of the stream: %v", err)
			}
			probe := exec.Command("ffprobe", "-v", "error", "-show_entries", "stream=codec_name", "-of", "csv=p=0", "-")
			probe.Stdin = &file
			if out, err := probe.CombinedOutput(); err != nil || string(out) != test.want {
				t.Errorf("ffprobe says %q, want %q (%v)", out, test.want, err)
			}
		})
	}
}

// whole is a file up to the end of its last whole tag: more of it may have been read than was looked at.
func whole(file []byte) []byte {
	end := 13 // the header, and the size of no tag before it
	for len(file)-end > 4 {
		size := 11 + int(binary.BigEndian.Uint32(file[end:])&0xffffff) + 4
		if len(file)-end < size {
			break
		}
		end += size
	}
	return file[:end]
}

// TestEncoderComesBack replaces an encoder by another one with another size, while a viewer stays.
func TestEncoderComesBack(t *testing.T) {
	d := openDoors(t, time.Minute)
	if err := d.house.Policies().Create("demo", room.Policy{Access: room.AccessLink, PublicWatch: true}); err != nil {
		t.Fatal(err)
	}
	url := d.rtmp + "demo?key=" + d.keys.LinkKey("demo", auth.Publisher, "")
	const rest = "-f lavfi -i sine=sample_rate=48000 -pix_fmt yuv420p -c:v libx264 -preset ultrafast -tune zerolatency -g 30 -c:a aac"
	stop := publish(t, url, "-f lavfi -i testsrc2=size=320x180:rate=30 "+rest)
	var file bytes.Buffer
	r := muxflv.NewReader(io.TeeReader(watch(t, d.http+"demo.flv"), &file))
	// frames reads until n pictures came after a sequence header.
	last := uint32(0)
	frames := func(n int) {
		t.Helper()
		for configured := false; n > 0; {
			tag, err := r.Next()
			if err != nil {
				t.Fatal(err)
			}
			if tag.Type != muxflv.VideoTag {
				continue
			}
			if tag.Timestamp < last {
				t.Fatalf("timestamp %d after %d", tag.Timestamp, last)
			}
			last = tag.Timestamp
			switch {
			case tag.Body[1] == 0:
				configured = true
			case configured:
				n--
			}
		}
	}
	frames(30)
	stop()
	stop = publish(t, url, "-f lavfi -i testsrc2=size=640x360:rate=30 "+rest)
	frames(30)
	stop()
	decode := exec.Command("ffmpeg", "-v", "error", "-i", "-", "-f", "null", "-")
	decode.Stdin = bytes.NewReader(whole(file.Bytes()))
	if out, err := decode.CombinedOutput(); err != nil || strings.Contains(string(out), "rror while decoding") {
		t.Errorf("ffmpeg: %v\n%s", err, out)
	}
}
