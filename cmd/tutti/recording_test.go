package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image/jpeg"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"github.com/tuttilive/tutti/internal/record"
)

// ask asks a server as its operator.
func (r *running) ask(method, path, body string, answer any) int {
	r.t.Helper()
	req, err := http.NewRequest(method, r.url("%s", path), strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	req.SetBasicAuth(devKeys.Key, devKeys.Secret)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err == nil && answer != nil && resp.StatusCode < 300 {
		err = json.Unmarshal(got, answer)
	}
	if err != nil {
		r.t.Fatalf("%s %s: %v: %s", method, path, err, got)
	}
	return resp.StatusCode
}

// recordings waits until those of a room are as wanted.
func (r *running) recordings(room string, wanted func([]record.Recording) bool) []record.Recording {
	r.t.Helper()
	var list struct{ Recordings []record.Recording }
	for deadline := time.Now().Add(patience); ; <-time.After(100 * time.Millisecond) {
		r.ask("GET", "/api/rooms/"+room+"/recordings", "", &list)
		if wanted(list.Recordings) {
			return list.Recordings
		}
		if time.Now().After(deadline) {
			r.t.Fatalf("recordings are %+v", list.Recordings)
		}
	}
}

// longer tells that the first recording is at least so long.
func longer(seconds float64) func([]record.Recording) bool {
	return func(list []record.Recording) bool { return len(list) > 0 && list[0].Duration >= seconds }
}

func finished(list []record.Recording) bool {
	return len(list) > 0 && !slices.ContainsFunc(list, func(r record.Recording) bool { return r.State == record.Running || r.State == record.Finishing })
}

// played decodes a movie and gives its length and pictures.
func played(t *testing.T, name string) (length float64, pictures int) {
	t.Helper()
	var complaints bytes.Buffer
	cmd := exec.Command("ffprobe", "-v", "warning", "-count_frames", "-show_entries", "stream=codec_type,nb_read_frames:format=duration", "-of", "json", name)
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil || complaints.Len() > 0 {
		t.Fatalf("playing %s: %v %s", name, err, complaints.String())
	}
	var found struct {
		Streams []struct {
			Kind   string `json:"codec_type"`
			Frames string `json:"nb_read_frames"`
		}
		Format struct{ Duration string }
	}
	if err := json.Unmarshal(out, &found); err != nil {
		t.Fatal(err)
	}
	for _, s := range found.Streams {
		if s.Kind == "video" {
			pictures, _ = strconv.Atoi(s.Frames)
		}
	}
	length, _ = strconv.ParseFloat(found.Format.Duration, 64)
	return length, pictures
}

// TestAShowIsRecorded records by request and by setting, splits, downloads in ranges, and deletes.
func TestAShowIsRecorded(t *testing.T) {
	t.Parallel()
	needFFmpeg(t)
	dir := t.TempDir()
	r := start(t, "--record-dir", dir, "--record-split", "3s", "--away-grace", "200ms")
	if status := r.ask("POST", "/api/rooms/demo/recordings", "", nil); status != http.StatusNotFound {
		t.Errorf("nothing on the air is recorded: %d", status)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = ffmpeg(t, ctx, slices.Concat(testPicture, testTone, baseline, aac, []string{"-f", "flv", "rtmp://" + r.RTMP + "/live/demo"})...)
	}()
	defer func() { cancel(); <-ended }()
	r.live("demo")
	var rec record.Recording
	if status := r.ask("POST", "/api/rooms/demo/recordings", `{"title":"One"}`, &rec); status != http.StatusCreated || rec.Title != "One" {
		t.Fatalf("%d %+v", status, rec)
	}
	if status := r.ask("POST", "/api/rooms/demo/recordings", "", nil); status != http.StatusConflict {
		t.Errorf("recorded twice: %d", status)
	}
	if st := r.live("demo"); st["recording"] == nil || st["viewers"].(float64) != 0 {
		t.Errorf("the status is %v", st)
	}
	r.recordings("demo", longer(5))
	if status := r.ask("POST", "/api/rooms/demo/recordings/"+rec.ID+"/stop", "", &rec); status != http.StatusOK {
		t.Fatal(status)
	}
	if rec.State != record.Done || len(rec.Files) < 2 || r.live("demo")["recording"] != nil {
		t.Fatalf("stopped: %+v", rec)
	}
	whole, total := 0.0, int64(0)
	for i, f := range rec.Files {
		length, pictures := played(t, filepath.Join(dir, f.Name))
		if !f.Finished || f.Video != "h264" || f.Audio != "aac" || f.Width != 640 || length < f.Duration-0.2 || length > f.Duration+0.2 || pictures == 0 {
			t.Errorf("file %d: %+v, %v s, %d pictures", i, f, length, pictures)
		}
		whole += length
		total += f.Bytes
	}
	if whole < 5 || rec.Bytes != total {
		t.Errorf("%v s, %+v", whole, rec)
	}
	first := rec.Files[0]
	path := fmt.Sprintf("/api/rooms/demo/recordings/%s/files/%s", rec.ID, first.Name)
	req, _ := http.NewRequest("GET", r.url("%s", path), nil)
	req.Header.Set("Range", "bytes=100-199")
	if resp, err := http.DefaultClient.Do(req); err != nil || resp.StatusCode != http.StatusNotFound {
		t.Errorf("a stranger gets it: %v %v", resp, err)
	}
	req.SetBasicAuth(devKeys.Key, devKeys.Secret)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	part, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	content, _ := os.ReadFile(filepath.Join(dir, first.Name))
	if resp.StatusCode != http.StatusPartialContent || !bytes.Equal(part, content[100:200]) {
		t.Errorf("a range: %s, %d bytes", resp.Status, len(part))
	}
	r.ask("PATCH", "/api/rooms/demo/recordings/"+rec.ID, `{"published":true}`, nil)
	decode(t, r.url("%s", path), "2") // published: everybody who may watch plays it, and seeks in it
	// All its files are played as one out of a playlist, and there are pictures of it.
	list := string(r.get("/api/rooms/demo/recordings/" + rec.ID + "/index.m3u8"))
	if n := strings.Count(list, "#EXT-X-MAP"); n != len(rec.Files) || !strings.Contains(list, "#EXT-X-INDEPENDENT-SEGMENTS") || !strings.HasSuffix(list, "#EXT-X-ENDLIST\n") {
		t.Errorf("%d files, %s", len(rec.Files), list)
	}
	decode(t, r.url("/api/rooms/demo/recordings/%s/index.m3u8", rec.ID), "4")
	for _, name := range []string{"picture.jpg", "strip.jpg"} {
		if _, err := jpeg.Decode(bytes.NewReader(r.get("/api/rooms/demo/recordings/" + rec.ID + "/" + name))); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	// A setting begins by itself, and a show that ends ends its recording.
	if status := r.ask("PUT", "/api/rooms/demo/recording", `{"always":true}`, nil); status != http.StatusOK {
		t.Fatal(status)
	}
	r.recordings("demo", func(list []record.Recording) bool {
		return len(list) == 2 && list[0].Duration > 1 && list[0].By == "always"
	})
	cancel()
	<-ended
	all := r.recordings("demo", finished)
	if all[0].State != record.Done || all[1].ID != rec.ID {
		t.Errorf("after the show: %+v", all)
	}
	for _, rec := range all {
		if status := r.ask("DELETE", "/api/rooms/demo/recordings/"+rec.ID, "", nil); status != http.StatusNoContent {
			t.Errorf("deleting: %d", status)
		}
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left over: %v", left)
	}
}

// TestServerInAProcess is no test, but the server that others kill.
func TestServerInAProcess(t *testing.T) {
	args := os.Getenv("TUTTI_TEST_SERVE")
	if args == "" {
		t.Skip("only as a process of another test")
	}
	var c commands
	parser, err := kong.New(&c, kong.Vars{"version": "test"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.Parse(strings.Split(args, "\n")); err != nil {
		t.Fatal(err)
	}
	if err := c.Serve.Run(); err != nil {
		t.Fatal(err)
	}
}

// process is a server in a process of its own. kill ends it as a crash does.
func process(t *testing.T, flags ...string) (r *running, kill func()) {
	t.Helper()
	return processWith(t, nil, flags...)
}

// processWith is one with further variables in its environment.
func processWith(t *testing.T, environment []string, flags ...string) (r *running, kill func()) {
	t.Helper()
	ports := freePorts(t, 3)
	args := append([]string{"serve", "--dev", "--https", "off", "--log-level", "info",
		"--http", ports[0], "--rtc", ports[1], "--rtc-tcp", "off", "--rtmp", ports[2], "--turn", "off", "--turns", "off"}, flags...)
	cmd := exec.Command(os.Args[0], "-test.run=^TestServerInAProcess$")
	cmd.Env = slices.Concat(os.Environ(), environment, []string{"TUTTI_TEST_SERVE=" + strings.Join(args, "\n")})
	var log bytes.Buffer
	cmd.Stderr, cmd.Stdout = &log, io.Discard
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	killed := false
	kill = func() {
		if !killed {
			killed = true
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	}
	t.Cleanup(func() {
		kill()
		if t.Failed() {
			t.Log(log.String())
		}
	})
	r = &running{t: t, HTTP: ports[0], RTMP: ports[2], keys: devKeys}
	for deadline := time.Now().Add(patience); ; <-time.After(50 * time.Millisecond) {
		resp, err := http.Get(r.url("/healthz"))
		if err == nil {
			resp.Body.Close()
			return r, kill
		}
		if time.Now().After(deadline) {
			t.Fatalf("the server does not start: %v\n%s", err, log.String())
		}
	}
}

// TestARecordingSurvivesAKill kills a server while it records. What is left plays up to the last second, also before it is finished
// at the next start.
func TestARecordingSurvivesAKill(t *testing.T) {
	t.Parallel()
	needFFmpeg(t)
	data := t.TempDir()
	dir := filepath.Join(data, "recordings")
	tags := clip(t, slices.Concat(flashing, beeping, tenLong, baseline, aac)...) // encoded before, so that as many pictures come as there are
	r, kill := process(t, "--data", data, "--record", "always")
	e, err := dialEncoder(r.RTMP, "demo")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = e.play(t.Context(), tags, nil) // until the server dies
	}()
	recorded := r.recordings("demo", longer(4))[0].Duration
	kill()
	died := time.Now()
	<-ended
	names, _ := filepath.Glob(filepath.Join(dir, "*.mp4"))
	if len(names) != 1 {
		t.Fatalf("left is %v", names)
	}
	copied := filepath.Join(t.TempDir(), "left.mp4") // as it is, before anybody finishes it
	content, err := os.ReadFile(names[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(copied, content, 0o600); err != nil {
		t.Fatal(err)
	}
	left, pictures := played(t, copied)
	t.Logf("%.2f s were recorded before; left are %.2f s and %d pictures", recorded, left, pictures)
	if left < recorded-1.5 || pictures < int(left*25) { // the recording's first keyframe may lie a moment after its start
		t.Errorf("%.2f s and %d pictures are left of %.2f s", left, pictures, recorded)
	}
	r, _ = process(t, "--data", data)
	list := r.recordings("demo", finished)
	length, after := played(t, names[0])
	if len(list) != 1 || list[0].State != record.Done || !list[0].Files[0].Finished || after < pictures || length < left-0.1 || list[0].EndedAt.After(died.Add(time.Second)) {
		t.Errorf("after the restart: %+v, %v s, %d pictures", list, length, after)
	}
}

// TestARecordingGoesOnAfterARestart stops a server as it should be stopped, and starts it again while the show may return.
func TestARecordingGoesOnAfterARestart(t *testing.T) {
	t.Parallel()
	needFFmpeg(t)
	data := t.TempDir()
	r := start(t, "--data", data)
	show := func(r *running) (stop func()) {
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_, _ = ffmpeg(t, ctx, slices.Concat(testPicture, testTone, baseline, aac, []string{"-f", "flv", "rtmp://" + r.RTMP + "/live/demo"})...)
		}()
		return func() { cancel(); <-ended }
	}
	stop := show(r)
	r.live("demo")
	var rec record.Recording
	if status := r.ask("POST", "/api/rooms/demo/recordings", "", &rec); status != http.StatusCreated {
		t.Fatal(status)
	}
	r.recordings("demo", longer(2))
	r.stop()
	stop()
	r = start(t, "--data", data)
	list := r.recordings("demo", finished)
	before := list[0].Duration
	stop = show(r)
	defer stop()
	list = r.recordings("demo", longer(before+2))
	if len(list) != 1 || list[0].ID != rec.ID || len(list[0].Files) != 2 || list[0].State != record.Running {
		t.Errorf("%+v", list)
	}
}
