package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/livekit/protocol/logger"
	lksdk "github.com/livekit/server-sdk-go/v2"

	"github.com/tuttilive/tutti/internal/auth"
)

// Before any test, as the SDK's logger is one for all.
func init() { lksdk.SetLogger(logger.GetDiscardLogger()) }

// patience is how long is waited for what should come soon. No test is about how fast this machine is.
const patience = 2 * time.Minute

// running is a whole server in this process, in development mode on loopback.
type running struct {
	t          *testing.T
	HTTP, RTMP string
	keys       auth.Keys
	server     *server // nil where it runs in a process of its own
	stop       func()
}

func start(t *testing.T, flags ...string) *running {
	t.Helper()
	ports := freePorts(t, 3)
	var c commands
	parser, err := kong.New(&c, kong.Vars{"version": "test"})
	if err != nil {
		t.Fatal(err)
	}
	args := append([]string{"serve", "--dev", "--data", t.TempDir(), "--https", "off", "--log-level", "warn",
		"--http", ports[0], "--rtc", ports[1], "--rtc-tcp", "off", "--rtmp", ports[2], "--turn", "off", "--turns", "off"}, flags...)
	if _, err := parser.Parse(args); err != nil {
		t.Fatal(err)
	}
	s := newServer(slog.New(slog.NewTextHandler(logTo{t}, &slog.HandlerOptions{Level: slog.LevelInfo})))
	stop := sync.OnceFunc(s.close)
	t.Cleanup(stop)
	if err := s.open(c.Serve.Server, devKeys); err != nil {
		t.Fatal(err)
	}
	return &running{t: t, HTTP: ports[0], RTMP: ports[2], keys: devKeys, server: s, stop: stop}
}

// Ports that freePorts gives, none of those that relays get in tests.
const firstPort, endPort = 20200, 32000

// given are the ports that freePorts has given in this process.
var given = struct {
	sync.Mutex
	ports map[int]bool
}{ports: map[int]bool{}}

// freePorts are loopback addresses that nobody uses right now, over TCP or UDP. They lie below the ports that systems give
// to whoever asks for any, and none is given twice, or a test that runs beside could get one before it is used.
func freePorts(t *testing.T, n int) []string {
	t.Helper()
	given.Lock()
	defer given.Unlock()
	var ports []string
	for tries := 0; len(ports) < n; tries++ {
		if tries == 1000 {
			t.Fatal("no port is free")
		}
		port := firstPort + rand.IntN(endPort-firstPort)
		if given.ports[port] {
			continue
		}
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
		stream, err := net.Listen("tcp", address)
		if err != nil {
			continue
		}
		defer stream.Close()
		packet, err := net.ListenPacket("udp", address)
		if err != nil {
			continue
		}
		defer packet.Close()
		given.ports[port] = true
		ports = append(ports, address)
	}
	return ports
}

// logTo writes a server's log to its test.
type logTo struct{ t *testing.T }

func (l logTo) Write(p []byte) (int, error) {
	l.t.Log(strings.TrimSpace(string(p)))
	return len(p), nil
}

func (r *running) url(format string, args ...any) string {
	return "http://" + r.HTTP + fmt.Sprintf(format, args...)
}

// get reads an address until it answers 200.
func (r *running) get(path string) []byte {
	r.t.Helper()
	deadline := time.Now().Add(patience)
	for {
		resp, err := http.Get(r.url("%s", path))
		if err != nil {
			r.t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err == nil && resp.StatusCode == http.StatusOK {
			return body
		}
		if time.Now().After(deadline) {
			r.t.Fatalf("GET %s: %s %s", path, resp.Status, body)
		}
		<-time.After(50 * time.Millisecond)
	}
}

// live waits until a room is on the air and gives its status.
func (r *running) live(room string) map[string]any {
	r.t.Helper()
	var st map[string]any
	if err := json.Unmarshal(r.get("/api/rooms/"+room+"/live"), &st); err != nil {
		r.t.Fatal(err)
	}
	return st
}

// ffmpeg runs it to its end, or until the test ends, and gives what it logs.
func ffmpeg(t *testing.T, ctx context.Context, args ...string) (log string, err error) {
	t.Helper()
	needFFmpeg(t)
	cmd := exec.CommandContext(ctx, "ffmpeg", append([]string{"-hide_banner", "-nostdin", "-loglevel", "info"}, args...)...)
	var b bytes.Buffer
	cmd.Stderr = &b
	cmd.WaitDelay = 2 * time.Second
	err = cmd.Run()
	return b.String(), err
}

// publish runs ffmpeg as a publisher until the test ends.
func publish(t *testing.T, args ...string) {
	t.Helper()
	encode(t, t.Errorf, args...)
}

// lend runs ffmpeg where others fetch what it makes, until the test ends or whoever fetches goes.
func lend(t *testing.T, args ...string) {
	t.Helper()
	encode(t, t.Logf, args...)
}

// encode runs ffmpeg until the test ends, and tells where it ends before that.
func encode(t *testing.T, tell func(format string, args ...any), args ...string) {
	t.Helper()
	needFFmpeg(t)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if log, err := ffmpeg(t, ctx, args...); err != nil && ctx.Err() == nil {
			tell("ffmpeg ends: %v\n%s", err, log)
		}
	}()
	t.Cleanup(func() { cancel(); <-done })
}

func needFFmpeg(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Skip("ffmpeg is not installed")
	}
}

// post sends an SDP and gives the answer.
func post(t *testing.T, url, sdp string) string {
	t.Helper()
	resp, err := http.Post(url, "application/sdp", strings.NewReader(sdp))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusCreated {
		t.Fatalf("POST %s: %s %s", url, resp.Status, body)
	}
	return string(body)
}
