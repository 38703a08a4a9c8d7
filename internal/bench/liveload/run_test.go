package liveload_test

import (
	"context"
	"log/slog"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/bench"
	"github.com/tuttilive/tutti/internal/bench/liveload"
	"github.com/tuttilive/tutti/internal/codec"
	"github.com/tuttilive/tutti/internal/server/flv"
	"github.com/tuttilive/tutti/internal/server/rtmp"
	"github.com/tuttilive/tutti/internal/store"
	"github.com/tuttilive/tutti/internal/studio"
)

// TestRun measures the doors in this very process; the figures mean nothing, but all of them must be there.
func TestRun(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("reading what a process uses works on Linux")
	}
	log := slog.New(slog.DiscardHandler)
	st, err := store.Open(t.TempDir(), log)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	policies, err := studio.OpenPolicies(st)
	if err != nil {
		t.Fatal(err)
	}
	house := studio.NewHouse(studio.Options{
		Keys: auth.Keys{Key: "k", Secret: "a secret that is long enough for HS256"}, Rooms: policies, Workers: codec.FindWorkers("off"), Dev: true, Log: log,
	})
	defer house.Close()
	in, err := rtmp.Listen(rtmp.Options{Address: "127.0.0.1:0", House: house, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	go in.Serve()
	defer in.Close()
	out := httptest.NewServer(flv.New(flv.Options{House: house, Tick: 30 * time.Millisecond, Log: log}))
	defer out.Close()

	server := &bench.Server{PID: os.Getpid(), HTTP: out.Listener.Addr().String(), RTMP: in.Addr().String()}
	plan := liveload.Plan{Viewers: 20, Bitrate: 1_000_000, Duration: time.Second, Settle: 200 * time.Millisecond, Core: -1}
	r, err := liveload.Run(context.Background(), server, plan, func(s string) { t.Log(s) })
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	r.Print(&text)
	t.Log("\n" + text.String())
	if r.Mbit <= 0 || r.Seconds <= 0 || r.Failed > 0 || r.Ages[0] <= 0 || r.FirstFrames[0] <= 0 || r.Floor <= 0 || r.Lost > 0 {
		t.Errorf("result %+v", r)
	}
}
