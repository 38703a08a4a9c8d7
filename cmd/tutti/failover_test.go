package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"image/png"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// painted makes ffmpeg publish one colour with a tone until it is killed.
func painted(t *testing.T, r *running, colour, stream string) (kill func()) {
	t.Helper()
	args := slices.Concat([]string{"-loglevel", "error", "-re", "-f", "lavfi", "-i", "color=" + colour + ":size=320x240:rate=25"}, testTone, baseline, []string{"-g", "25"}, aac,
		[]string{"-f", "flv", "rtmp://" + r.RTMP + "/live/" + stream})
	cmd := exec.Command("ffmpeg", args...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var once sync.Once
	kill = func() { once.Do(func() { cmd.Process.Kill(); cmd.Wait() }) }
	t.Cleanup(kill)
	return kill
}

// colours plays a room over one connection of HTTP-FLV, and tells what is seen as it changes.
func colours(t *testing.T, r *running, room string) <-chan string {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, "ffmpeg", "-loglevel", "error", "-fflags", "nobuffer", "-i", r.url("/live/%s.flv", room), "-an",
		"-vf", "scale=1:1,format=rgb24", "-fps_mode", "passthrough", "-flush_packets", "1", "-f", "rawvideo", "-")
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	seen := make(chan string, 100)
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer close(seen)
		last := ""
		for b := bufio.NewReader(out); ; {
			var rgb [3]byte
			for i := range rgb {
				v, err := b.ReadByte()
				if err != nil {
					return
				}
				rgb[i] = v
			}
			now := "dark"
			for i, name := range []string{"red", "green", "blue"} {
				if rgb[i] > 100 && rgb[i] == max(rgb[0], rgb[1], rgb[2]) {
					now = name
				}
			}
			if now != last {
				last = now
				seen <- now
			}
		}
	}()
	t.Cleanup(func() { cancel(); <-done; cmd.Wait() })
	return seen
}

// TestEncodersThatAreKilled has viewers on one connection see the primary, the backup, the room's slate, and the primary again, while encoders are
// killed without a word.
func TestEncodersThatAreKilled(t *testing.T) {
	t.Parallel()
	needFFmpeg(t)
	var mu sync.Mutex
	var told []string
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		var e struct {
			Event  string
			Ingest struct{ From, To, Why, Shows string }
		}
		if json.NewDecoder(q.Body).Decode(&e) == nil && strings.HasPrefix(e.Event, "ingest_") {
			mu.Lock()
			told = append(told, strings.TrimSpace(fmt.Sprintf("%s %s>%s %s%s", e.Event, e.Ingest.From, e.Ingest.To, e.Ingest.Why, e.Ingest.Shows)))
			mu.Unlock()
		}
	}))
	defer app.Close()
	r := start(t, "--webhook", app.URL)
	var spare struct{ ID, Secret string }
	r.ask("POST", "/api/rooms/demo/ingest/keys", `{"name":"spare","backup":true}`, &spare)
	var in struct {
		Absence string
		Wait    float64
		Slate   bool
	}
	if code := r.ask("PATCH", "/api/rooms/demo/ingest", `{"conflict":"standby","absence":"slate","wait":300}`, &in); code != 200 || in.Absence != "slate" || in.Wait != 300 || in.Slate {
		t.Fatalf("%d %+v", code, in)
	}
	for _, bad := range []string{`{"absence":"gone"}`, `{"wait":-1}`, `{"wait":86401}`} {
		if code := r.ask("PATCH", "/api/rooms/demo/ingest", bad, nil); code != 400 {
			t.Errorf("%s: %d", bad, code)
		}
	}
	if code := r.ask("PUT", "/api/rooms/demo/ingest/slate", "GIF89a", nil); code != 400 {
		t.Errorf("what is no picture: %d", code)
	}
	blue := image.NewRGBA(image.Rect(0, 0, 640, 480))
	draw.Draw(blue, blue.Rect, image.NewUniform(color.RGBA{B: 255, A: 255}), image.Point{}, draw.Src)
	var b bytes.Buffer
	if err := png.Encode(&b, blue); err != nil {
		t.Fatal(err)
	}
	if code := r.ask("PUT", "/api/rooms/demo/ingest/slate", b.String(), &in); code != 200 || !in.Slate {
		t.Fatalf("%d %+v", code, in)
	}
	req, _ := http.NewRequest(http.MethodGet, r.url("/api/rooms/demo/ingest/slate"), nil)
	req.SetBasicAuth(devKeys.Key, devKeys.Secret)
	if resp, err := http.DefaultClient.Do(req); err != nil || resp.Header.Get("Content-Type") != "image/jpeg" {
		t.Errorf("the slate is %v, %v", resp, err)
	} else if kept, err := jpeg.Decode(resp.Body); err != nil || kept.Bounds() != blue.Rect {
		t.Errorf("the slate is %v, %v", kept.Bounds(), err)
	} else {
		resp.Body.Close()
	}
	key := func(id string) string {
		var made struct{ Secret string }
		r.ask("POST", "/api/rooms/demo/ingest/keys/"+id+"/rotate", "", &made)
		return "demo?key=" + made.Secret
	}
	main := key("main")

	killPrimary := painted(t, r, "red", main)
	r.live("demo")
	seen := colours(t, r, "demo")
	next := func(want string) {
		t.Helper()
		select {
		case got := <-seen:
			if got != want {
				t.Errorf("viewers see %q, want %s", got, want)
			}
		case <-time.After(patience):
			t.Fatalf("viewers never see %s", want)
		}
	}
	next("red")
	killBackup := painted(t, r, "lime", "demo?key="+spare.Secret)
	waits := func() bool {
		var in struct{ Encoders []struct{ State string } }
		r.ask("GET", "/api/rooms/demo/ingest", "", &in)
		return len(in.Encoders) == 2 && in.Encoders[1].State == "waits"
	}
	for deadline := time.Now().Add(patience); !waits(); <-time.After(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the backup does not wait")
		}
	}
	killPrimary()
	next("green")
	killBackup()
	next("blue")
	if codes := warningsOf(r, "demo"); !slices.Contains(codes, "no_publisher") {
		t.Errorf("the host is warned of %v", codes)
	}
	decode(t, r.url("/live/demo/index.m3u8"), "3") // who comes now sees it, too
	painted(t, r, "red", main)
	next("red")
	spareID := "encoder-" + spare.ID
	want := []string{"ingest_takeover encoder-main>" + spareID + " left", "ingest_lost " + spareID + "> slate", "ingest_back >encoder-main"}
	for deadline := time.Now().Add(patience); ; <-time.After(100 * time.Millisecond) {
		mu.Lock()
		got := slices.Clone(told)
		mu.Unlock()
		if slices.Equal(got, want) {
			break
		}
		if len(got) >= len(want) || time.Now().After(deadline) {
			t.Fatalf("the application is told %q, want %q", got, want)
		}
	}
	if code := r.ask("DELETE", "/api/rooms/demo/ingest/slate", "", &in); code != 200 || in.Slate {
		t.Errorf("%d %+v", code, in)
	}
}
