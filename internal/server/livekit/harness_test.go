package livekit

import (
	"context"
	"io"
	"log/slog"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/codec"
	"github.com/tuttilive/tutti/internal/limit"
	wordlist "github.com/tuttilive/tutti/internal/room/words"
	"github.com/tuttilive/tutti/internal/rtc"
	"github.com/tuttilive/tutti/internal/store"
	"github.com/tuttilive/tutti/internal/studio"
)

var testKeys = auth.Keys{Key: "testkey", Secret: "a secret of at least thirty-two bytes"}

// patience is how long a test waits for what should come at once, on a machine that does much else.
const patience = time.Minute

func testLog() *slog.Logger {
	if os.Getenv("TUTTI_TEST_LOG") != "" {
		return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	return slog.New(slog.NewTextHandler(io.Discard, nil))
}

// newHouse makes a house over a store of its own.
func newHouse(t testing.TB, change func(*studio.Options)) *studio.House {
	t.Helper()
	st, err := store.Open(t.TempDir(), testLog())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(st.Close)
	policies, err := studio.OpenPolicies(st)
	if err != nil {
		t.Fatal(err)
	}
	notSaid, err := wordlist.Read(strings.NewReader("!forbidden"))
	if err != nil {
		t.Fatal(err)
	}
	o := studio.Options{Keys: testKeys, Rooms: policies, Workers: codec.FindWorkers("off"), Words: notSaid, Log: testLog()}
	if change != nil {
		change(&o)
	}
	house := studio.NewHouse(o)
	t.Cleanup(house.Close)
	return house
}

// world is a whole server for one test.
type world struct {
	house  *studio.House
	server *Server
	http   *httptest.Server
}

// newWorld opens a house with this door, on loopback.
func newWorld(t testing.TB, change func(*Config)) *world {
	t.Helper()
	return newWorldThatLogs(t, testLog(), change)
}

func newWorldThatLogs(t testing.TB, log *slog.Logger, change func(*Config)) *world {
	t.Helper()
	w := &world{house: newHouse(t, func(o *studio.Options) { o.Log = log })}
	endpoint, err := rtc.Listen(rtc.Config{
		Listen: "127.0.0.1:0", Shards: 1, Addresses: []netip.Addr{netip.MustParseAddr("127.0.0.1")}, Log: log,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { endpoint.Close() })
	cfg := Config{House: w.house, Endpoint: endpoint, Log: log}
	if change != nil {
		change(&cfg)
	}
	w.server = New(cfg)
	w.http = httptest.NewUnstartedServer(w.server)
	w.http.Listener = limit.NewConnections(0).Listen(w.http.Listener) // as in a whole server
	w.http.Start()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := w.server.Shutdown(ctx); err != nil {
			t.Errorf("shutting down: %v", err)
		}
		if n := len(w.server.sessions); n > 0 {
			t.Errorf("%d sessions are left", n)
		}
		w.http.Close()
	})
	return w
}

// token makes a token for a room; change may narrow or widen it.
func token(t testing.TB, identity, room string, change func(*auth.Claims)) string {
	t.Helper()
	yes := true
	c := auth.Claims{Identity: identity, Name: identity, Video: auth.Grant{Room: room, RoomJoin: true, CanUpdateOwnMetadata: &yes}}
	if change != nil {
		change(&c)
	}
	signed, err := testKeys.Mint(c, time.Hour, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return signed
}
