package audience

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/codec"
	"github.com/tuttilive/tutti/internal/limit"
	"github.com/tuttilive/tutti/internal/room"
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

// world is a house with this door, on loopback, and a created room "tea".
type world struct {
	t      testing.TB
	house  *studio.House
	server *Server
	http   *httptest.Server
}

func newWorld(t testing.TB, tls bool, change func(*Config, *studio.Options)) *world {
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
	policy := room.DefaultPolicy()
	policy.Title, policy.Scene = "Tea time", "show"
	if err := policies.Create("tea", policy); err != nil {
		t.Fatal(err)
	}
	o := studio.Options{Keys: testKeys, Rooms: policies, Workers: codec.FindWorkers("off"), Log: testLog()}
	cfg := Config{Log: testLog()}
	if change != nil {
		change(&cfg, &o)
	}
	w := &world{t: t, house: studio.NewHouse(o)}
	cfg.House = w.house
	w.server = New(cfg)
	if tls {
		w.http = httptest.NewTLSServer(w.server)
	} else {
		w.http = httptest.NewUnstartedServer(w.server)
		w.http.Listener = limit.NewConnections(0).Listen(w.http.Listener) // as in a whole server
		w.http.Start()
	}
	t.Cleanup(func() {
		w.house.Close()
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := w.server.Shutdown(ctx); err != nil {
			t.Error("shutting down:", err)
		}
		if n := len(w.server.halls); n > 0 {
			t.Errorf("%d halls are left", n)
		}
		w.http.Close()
	})
	return w
}

func (w *world) hostKey(roomName string) string { return testKeys.LinkKey(roomName, auth.Host, "") }

// event is anything that a client is told.
type event map[string]any

func (e event) kind() string { s, _ := e["type"].(string); return s }

// peer is a client of another library than the server's.
type peer struct {
	t       testing.TB
	ws      *websocket.Conn
	waiting []event
	number  int
}

func (w *world) dial(roomName string) *peer {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	o := &websocket.DialOptions{HTTPClient: w.http.Client(), HTTPHeader: http.Header{}}
	ws, _, err := websocket.Dial(ctx, strings.Replace(w.http.URL, "http", "ws", 1)+"/audience/"+roomName, o)
	if err != nil {
		w.t.Fatal(err)
	}
	ws.SetReadLimit(1 << 20)
	w.t.Cleanup(func() { ws.CloseNow() })
	return &peer{t: w.t, ws: ws}
}

// enter comes in and gives what it is welcomed with.
func (w *world) enter(roomName string, hello event) (*peer, event) {
	w.t.Helper()
	p := w.dial(roomName)
	hello["type"] = "hello"
	p.send(hello)
	return p, p.expect("welcome")
}

func (p *peer) send(v any) {
	p.t.Helper()
	data, ok := v.(string)
	if !ok {
		encoded, err := json.Marshal(v)
		if err != nil {
			p.t.Fatal(err)
		}
		data = string(encoded)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := p.ws.Write(ctx, websocket.MessageText, []byte(data)); err != nil {
		p.t.Fatal(err)
	}
}

// ask sends a request and gives its answer.
func (p *peer) ask(request event) event {
	p.t.Helper()
	p.number++
	request["id"] = p.number
	p.send(request)
	return p.await(func(e event) bool {
		return (e.kind() == "ok" || e.kind() == "error") && e["id"] == float64(p.number)
	})
}

// must sends a request that is to be done.
func (p *peer) must(request event) event {
	p.t.Helper()
	answer := p.ask(request)
	if answer.kind() != "ok" {
		p.t.Fatalf("%v: %v", request, answer)
	}
	return answer
}

// refused sends a request that is to be refused.
func (p *peer) refused(code string, request event) event {
	p.t.Helper()
	answer := p.ask(request)
	if answer.kind() != "error" || answer["code"] != code {
		p.t.Fatalf("%v: %v instead of %s", request, answer, code)
	}
	return answer
}

// expect waits for an event of a kind.
func (p *peer) expect(kind string) event {
	p.t.Helper()
	return p.await(func(e event) bool { return e.kind() == kind })
}

// await takes the first event that fits; those before it stay for others.
func (p *peer) await(fits func(event) bool) event {
	p.t.Helper()
	for i, e := range p.waiting {
		if fits(e) {
			p.waiting = append(p.waiting[:i:i], p.waiting[i+1:]...)
			return e
		}
	}
	for {
		events, err := p.read()
		if err != nil {
			p.t.Fatalf("%v, after %v", err, p.waiting)
		}
		for i, e := range events {
			if fits(e) {
				p.waiting = append(p.waiting, events[i+1:]...)
				return e
			}
			p.waiting = append(p.waiting, e)
		}
	}
}

func (p *peer) read() ([]event, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_, data, err := p.ws.Read(ctx)
	if err != nil {
		return nil, err
	}
	var events []event
	if err := json.Unmarshal(data, &events); err != nil {
		p.t.Fatalf("%s: %v", data, err)
	}
	return events, nil
}

// ends reads until the connection ends and gives the last error event and the close code.
func (p *peer) ends() (last event, code websocket.StatusCode) {
	p.t.Helper()
	for {
		events, err := p.read()
		if err != nil {
			return last, websocket.CloseStatus(err)
		}
		for _, e := range events {
			if e.kind() == "error" || e.kind() == "bye" {
				last = e
			}
		}
	}
}
