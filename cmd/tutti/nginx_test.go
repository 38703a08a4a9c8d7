package main

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/bench"
	"github.com/tuttilive/tutti/internal/bench/hlsload"
)

// TestACacheFetchesEachPieceOnce puts nginx, as docs/hls.md says, before a stream that many watch with low latency ($TUTTI_CACHE_VIEWERS of
// them): each part, segment and waited-for playlist is fetched from the server once.
func TestACacheFetchesEachPieceOnce(t *testing.T) {
	t.Parallel()
	nginx, err := exec.LookPath("nginx")
	if err != nil {
		if nginx = "/usr/sbin/nginx"; exec.Command(nginx, "-v").Run() != nil {
			t.Skip("nginx is not here")
		}
	}
	viewers := 100
	if n, err := strconv.Atoi(os.Getenv("TUTTI_CACHE_VIEWERS")); err == nil {
		viewers = n
	}
	r := start(t)
	front, log := startNginx(t, nginx, r.HTTP)
	waited := regexp.MustCompile(`\.m4s$|\.mp4$|_HLS_msn=`)
	var requests int
	// For how many seconds each was fetched, each time.
	var pieces map[string][]float64
	for span := 5 * time.Second; span < patience && len(pieces) < 20; span *= 4 { // a busy machine makes few in five seconds
		result, err := hlsload.Run(t.Context(), &bench.Server{PID: os.Getpid(), HTTP: front, RTMP: r.RTMP},
			hlsload.Plan{Viewers: viewers, Bitrate: 100_000, Duration: span, Settle: 2 * time.Second}, func(string) {})
		if err != nil {
			t.Fatal(err)
		}
		if result.Load.Failed > 0 {
			t.Errorf("%d of %d viewers failed", result.Load.Failed, viewers)
		}
		text, err := os.ReadFile(log)
		if err != nil {
			t.Fatal(err)
		}
		requests, pieces = 0, map[string][]float64{}
		for line := range strings.Lines(string(text)) {
			requests++
			if words := strings.Fields(line); waited.MatchString(words[0]) && words[1] != "-" {
				seconds, _ := strconv.ParseFloat(words[len(words)-1], 64)
				pieces[words[0]] = append(pieces[words[0]], seconds)
			}
		}
	}
	for uri, fetches := range pieces {
		switch {
		case len(fetches) <= 1:
		case slices.Max(fetches) >= 10: // nobody waits for longer than that for what another fetches, by the recipe
			t.Logf("%s took a busy machine %v s", uri, fetches)
		default:
			t.Errorf("%s was fetched %d times, in %v s", uri, len(fetches), fetches)
		}
	}
	if len(pieces) < 20 || requests < 10*len(pieces) {
		t.Errorf("%d requests for %d pieces", requests, len(pieces))
	}
	t.Logf("%d viewers made %d requests for %d pieces, each of which was fetched once", viewers, requests, len(pieces))
}

// startNginx runs nginx with the recipe of docs/hls.md before an origin. It gives its address, and its log: for each request what was asked for,
// and "-" where the cache had it.
func startNginx(t *testing.T, nginx, origin string) (address, log string) {
	t.Helper()
	doc, err := os.ReadFile("../../docs/hls.md")
	if err != nil {
		t.Fatal(err)
	}
	recipe := regexp.MustCompile(`(?m)^    proxy_cache_path (?s:.*?)^    }$`).Find(doc)
	if recipe == nil {
		t.Fatal("docs/hls.md has no recipe for nginx")
	}
	dir, address := t.TempDir(), freePorts(t, 1)[0]
	log = filepath.Join(dir, "access.log")
	for _, change := range [][2]string{{"/var/cache/nginx", dir}, {"listen 80;", "listen " + address + ";"}, {"127.0.0.1:8080", origin}} {
		if !bytes.Contains(recipe, []byte(change[0])) {
			t.Fatalf("the recipe has no %q", change[0])
		}
		recipe = bytes.ReplaceAll(recipe, []byte(change[0]), []byte(change[1]))
	}
	config := filepath.Join(dir, "nginx.conf")
	var user string
	if os.Getuid() == 0 {
		user = "user root;\n"
	}
	text := user + "daemon off; worker_processes 1; pid " + dir + "/pid; error_log " + dir + "/error.log;\nworker_rlimit_nofile 20000;\nevents { worker_connections 18000; }\nhttp {\n" +
		"client_body_temp_path " + dir + "/body; proxy_temp_path " + dir + "/proxy; fastcgi_temp_path " + dir + "/fastcgi; uwsgi_temp_path " + dir + "/uwsgi; scgi_temp_path " + dir + "/scgi;\n" +
		"log_format pieces '$request_uri $upstream_status $upstream_cache_status $msec $request_time';\naccess_log " + log + " pieces;\n" + string(recipe) + "\n}\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, nginx, "-p", dir, "-e", filepath.Join(dir, "error.log"), "-c", config)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = &said, &said, 2*time.Second
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // its worker goes with it
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		cmd.Wait()
		if t.Failed() {
			errors, _ := os.ReadFile(filepath.Join(dir, "error.log"))
			t.Logf("%s%s", said.Bytes(), errors)
		}
	})
	for deadline := time.Now().Add(patience); ; <-time.After(20 * time.Millisecond) {
		if answer, err := http.Get("http://" + address + "/"); err == nil {
			answer.Body.Close()
			return address, log
		}
		if time.Now().After(deadline) {
			t.Fatalf("nginx does not answer: %s", said.Bytes())
		}
	}
}
