package call

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
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

// world is a house with this door, on loopback.
type world struct {
	t      testing.TB
	house  *studio.House
	server *Server
	http   *httptest.Server
}

func newWorld(t testing.TB, change func(*Config, *studio.Options)) *world {
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
	o := studio.Options{Keys: testKeys, Rooms: policies, Workers: codec.FindWorkers("off"), Log: testLog()}
	cfg := Config{Log: testLog()}
	if change != nil {
		change(&cfg, &o)
	}
	w := &world{t: t, house: studio.NewHouse(o)}
	t.Cleanup(w.house.Close)
	cfg.House = w.house
	w.server = New(cfg)
	many := limit.Rate{PerSecond: 10_000, Burst: 10_000} // all come from one address here
	w.server.addresses.often, w.server.addresses.ask = many, many
	w.http = httptest.NewServer(w.server)
	t.Cleanup(func() {
		w.shutdown()
		if n := len(w.server.lines); n > 0 {
			t.Errorf("%d calls are left", n)
		}
		w.http.Close()
	})
	return w
}

func (w *world) shutdown() {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := w.server.Shutdown(ctx); err != nil {
		w.t.Errorf("shutting down: %v", err)
	}
}

func (w *world) key(room string, role auth.Role) string { return testKeys.LinkKey(room, role, "") }

// msg is any message.
type msg map[string]any

func (m msg) kind() string { s, _ := m["type"].(string); return s }

// at reads a path of fields, "" where there is none.
func (m msg) at(fields ...string) string {
	var v any = map[string]any(m)
	for _, f := range fields {
		switch in := v.(type) {
		case map[string]any:
			v = in[f]
		default:
			return ""
		}
	}
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

func (m msg) generation() uint64 {
	p, _ := m["path"].(map[string]any)
	g, _ := p["generation"].(float64)
	return uint64(g)
}

// client speaks the protocol by hand, as docs/call-protocol.md has it.
type client struct {
	t       testing.TB
	ws      *websocket.Conn
	ctx     context.Context
	id      string
	session string
	// got is the last numbered message received, sent the last one sent.
	got, sent uint64
}

// dial opens a WebSocket.
func (w *world) dial(room string, header http.Header) *client {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 3*patience)
	w.t.Cleanup(cancel)
	ws, _, err := websocket.Dial(ctx, w.http.URL+"/call/"+room, &websocket.DialOptions{HTTPHeader: header})
	if err != nil {
		w.t.Fatal(err)
	}
	ws.SetReadLimit(-1)
	w.t.Cleanup(func() { ws.CloseNow() })
	return &client{t: w.t, ws: ws, ctx: ctx}
}

// join comes into a call as a guest.
func (w *world) join(room, name string, more ...msg) (*client, msg) {
	w.t.Helper()
	c := w.dial(room, nil)
	first := msg{"type": "join", "name": name, "identity": "secret of " + name, "room": true, "key": w.key(room, auth.Guest)}
	for _, m := range more {
		for k, v := range m {
			if first[k] = v; v == nil {
				delete(first, k)
			}
		}
	}
	c.send(first)
	return c, c.welcomed("joined")
}

func (w *world) visit(room, name string) (*client, msg) {
	w.t.Helper()
	c := w.dial(room, nil)
	c.send(msg{"type": "visit", "name": name, "key": w.key(room, auth.Guest)})
	return c, c.welcomed("visiting")
}

func (c *client) welcomed(kind string) msg {
	c.t.Helper()
	m := c.next()
	if m.kind() != kind {
		c.t.Fatalf("got %v instead of %s", m, kind)
	}
	c.id, c.session = m.at("you"), m.at("session")
	return m
}

// come dials and says a first message, and gives the answer.
func (w *world) come(room string, first msg, header http.Header) (*client, msg) {
	w.t.Helper()
	c := w.dial(room, header)
	c.send(first)
	return c, c.next()
}

func (c *client) send(m msg) {
	c.t.Helper()
	data, err := json.Marshal(m)
	if err != nil {
		c.t.Fatal(err)
	}
	c.raw(string(data))
}

func (c *client) raw(text string) {
	c.t.Helper()
	if err := c.ws.Write(c.ctx, websocket.MessageText, []byte(text)); err != nil {
		c.t.Fatalf("sending: %v", err)
	}
}

// say sends a numbered message.
func (c *client) say(m msg) {
	c.t.Helper()
	c.sent++
	m["seq"] = c.sent
	c.send(m)
}

func (c *client) read() (msg, error) {
	ctx, cancel := context.WithTimeout(c.ctx, patience)
	defer cancel()
	_, data, err := c.ws.Read(ctx)
	if err != nil {
		return nil, err
	}
	m := msg{}
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, err
	}
	if seq, ok := m["seq"].(float64); ok && m.kind() != "resumed" && m.kind() != "ack" {
		if uint64(seq) != c.got+1 {
			return nil, fmt.Errorf("number %v after %d: %s", seq, c.got, data)
		}
		if c.got++; c.got%ackAfter == 0 {
			c.ack()
		}
	}
	return m, nil
}

// ack acknowledges what came; when the connection is gone, reading will tell.
func (c *client) ack() {
	_ = c.ws.Write(c.ctx, websocket.MessageText, fmt.Appendf(nil, `{"type":"ack","seq":%d}`, c.got))
}

// next gives the next message that is no ping and no acknowledgement.
func (c *client) next() msg {
	c.t.Helper()
	for {
		m, err := c.read()
		if err != nil {
			c.t.Fatalf("reading: %v", err)
		}
		if m.kind() != "ping" && m.kind() != "ack" {
			return m
		}
	}
}

// expect gives the next message, which must be of a type.
func (c *client) expect(kind string) msg {
	c.t.Helper()
	m := c.next()
	if m.kind() != kind {
		c.t.Fatalf("got %v instead of %s", m, kind)
	}
	return m
}

// until reads on to a message of a type.
func (c *client) until(kind string) msg {
	c.t.Helper()
	for {
		if m := c.next(); m.kind() == kind {
			return m
		}
	}
}

// quiet checks that nothing has been sent to the client: what it asks for now is answered first.
func (c *client) quiet() {
	c.t.Helper()
	c.send(msg{"type": "ping"})
	c.expect("pong")
}

// refused checks that the next message is an error, and that the connection ends with a code, 0 for not at all.
func (c *client) refused(code string, closed int) {
	c.t.Helper()
	c.isRefused(c.next(), code, closed)
}

func (c *client) isRefused(m msg, code string, closed int) {
	c.t.Helper()
	if m.kind() != "error" || m.at("code") != code {
		c.t.Fatalf("got %v instead of the error %s", m, code)
	}
	if closed == 0 {
		c.quiet()
		return
	}
	c.closed(closed)
}

// closed reads on to the end, and checks the code with which it closes.
func (c *client) closed(code int) {
	c.t.Helper()
	for {
		if _, err := c.read(); err != nil {
			var end websocket.CloseError
			if !errors.As(err, &end) || int(end.Code) != code {
				c.t.Fatalf("closed with %v instead of %d", err, code)
			}
			return
		}
	}
}

// cut drops the connection without a word.
func (c *client) cut() { c.ws.CloseNow() }

// again resumes the session on a new WebSocket.
func (w *world) again(c *client, room string) (*client, msg) {
	w.t.Helper()
	n := w.dial(room, nil)
	n.id, n.session, n.got, n.sent = c.id, c.session, c.got, c.sent
	n.send(msg{"type": "resume", "session": c.session, "seq": c.got})
	return n, n.expect("resumed")
}

// token makes an application's token.
func token(t testing.TB, room string, change func(*auth.Claims)) string {
	t.Helper()
	claims := auth.Claims{Identity: "anna", Name: "Anna", Video: auth.Grant{Room: room, RoomJoin: true}}
	if change != nil {
		change(&claims)
	}
	signed, err := testKeys.Mint(claims, time.Hour, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// stranger is somebody in the room who is not in the call.
func (w *world) stranger(roomName, identity string) *studio.Participant {
	w.t.Helper()
	p, err := w.house.Enter(roomName, room.Join{Identity: identity, Permission: room.Permission{Subscribe: true, Hidden: strings.HasPrefix(identity, "hidden")}}, deaf{})
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

type deaf struct{}

func (deaf) RoomEvent(room.Event) {}
