package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/coder/websocket"
	lksdk "github.com/livekit/server-sdk-go/v2"

	"github.com/tuttilive/tutti/internal/auth"
)

// callMessage is what the test reads of the call's messages.
type callMessage struct {
	Type, You, Reason, Code string
	Path                    struct{ Kind, Reason, URL, Token string }
}

// caller is a member of a call.
type caller struct {
	t   *testing.T
	ws  *websocket.Conn
	ctx context.Context
	id  string
}

// call joins a call and gives the path.
func (r *running) call(room, name string) (*caller, callMessage) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	r.t.Cleanup(cancel)
	ws, _, err := websocket.Dial(ctx, r.url("/call/%s", room), nil)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { ws.CloseNow() })
	c := &caller{t: r.t, ws: ws, ctx: ctx}
	first, err := json.Marshal(map[string]any{"type": "join", "name": name, "room": true, "key": r.keys.LinkKey(room, auth.Guest, "")})
	if err != nil {
		r.t.Fatal(err)
	}
	if err := ws.Write(ctx, websocket.MessageText, first); err != nil {
		r.t.Fatal(err)
	}
	joined := c.until("joined")
	c.id = joined.You
	return c, joined
}

// until reads on to a message of a type.
func (c *caller) until(kind string) callMessage {
	c.t.Helper()
	for {
		_, data, err := c.ws.Read(c.ctx)
		if err != nil {
			c.t.Fatalf("reading on to %s: %v", kind, err)
		}
		var m callMessage
		if err := json.Unmarshal(data, &m); err != nil {
			c.t.Fatal(err)
		}
		if m.Type == kind {
			return m
		}
	}
}

// TestCallBecomesARoom: a third person moves a call into the room, where each is who they were in the call.
func TestCallBecomesARoom(t *testing.T) {
	t.Parallel()
	r := start(t)
	ada, _ := r.call("tea", "Ada")
	bob, joined := r.call("tea", "Bob")
	if joined.Path.Kind != "direct" {
		t.Fatalf("joined %+v", joined)
	}
	if m := ada.until("path"); m.Path.Kind != "direct" {
		t.Fatalf("path %+v", m)
	}
	cem, joined := r.call("tea", "Cem")
	paths := []callMessage{joined, ada.until("path"), bob.until("path")}
	ids := []string{cem.id, ada.id, bob.id}
	var rooms []*lksdk.Room
	for i, p := range paths {
		if p.Path.Kind != "room" || p.Path.Reason != "people" || p.Path.URL != "ws://"+r.HTTP {
			t.Fatalf("path %+v", p)
		}
		room, err := lksdk.ConnectToRoomWithToken(p.Path.URL, p.Path.Token, lksdk.NewRoomCallback(), lksdk.WithConnectTimeout(patience))
		if err != nil {
			t.Fatal(err)
		}
		defer room.Disconnect()
		if got := room.LocalParticipant.Identity(); got != ids[i] {
			t.Errorf("%s is %s in the room", ids[i], got)
		}
		if got := room.LocalParticipant.Name(); got != []string{"Cem", "Ada", "Bob"}[i] {
			t.Errorf("%s is called %s in the room", ids[i], got)
		}
		rooms = append(rooms, room)
	}
	var others []string
	for _, p := range rooms[2].GetRemoteParticipants() {
		others = append(others, p.Identity())
	}
	if slices.Sort(others); !slices.Equal(others, slices.Sorted(slices.Values(ids[:2]))) {
		t.Errorf("in the room are %v", others)
	}
	metrics, err := http.NewRequest(http.MethodGet, r.url("/metrics"), nil)
	if err != nil {
		t.Fatal(err)
	}
	metrics.SetBasicAuth(r.keys.Key, r.keys.Secret)
	if body := answerTo(t, metrics, http.StatusOK); !strings.Contains(body, `tutti_calls{path="room"} 1`) || !strings.Contains(body, "tutti_call_members 3") {
		t.Errorf("metrics:\n%s", body)
	}
	r.stop()
	if m := bob.until("error"); m.Code != "unavailable" {
		t.Errorf("error %+v", m)
	}
}

// TestHostRemovesFromACall: a call between two is no room that runs, yet its host may send somebody away.
func TestHostRemovesFromACall(t *testing.T) {
	t.Parallel()
	r := start(t)
	ada, _ := r.call("tea", "Ada")
	bob, _ := r.call("tea", "Bob")
	remove := func(want int) {
		t.Helper()
		req, err := http.NewRequest(http.MethodDelete, r.url("/api/rooms/tea/participants/%s", bob.id), nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-Tutti-Key", r.keys.LinkKey("tea", auth.Host, ""))
		answerTo(t, req, want)
	}
	remove(http.StatusNoContent)
	if m := ada.until("gone"); m.Reason != "removed" {
		t.Errorf("gone %+v", m)
	}
	if m := bob.until("error"); m.Code != "forbidden" {
		t.Errorf("error %+v", m)
	}
	remove(http.StatusNotFound)
}

// answerTo sends a request, which must be answered with a status, and gives the answer's body.
func answerTo(t *testing.T, req *http.Request, status int) string {
	t.Helper()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != status {
		t.Fatalf("%s %s: %s %s %v", req.Method, req.URL.Path, resp.Status, body, err)
	}
	return string(body)
}
