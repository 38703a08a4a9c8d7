package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/coder/websocket"
	lkauth "github.com/livekit/protocol/auth"
)

// viewer is somebody in a room's audience.
type viewer struct {
	t      *testing.T
	ctx    context.Context
	socket *websocket.Conn
}

// event is what the test reads of those of the audience's channel.
type audienceEvent struct {
	Type, Text, Code string
	ID               any
	You              struct{ Identity string }
	Chat             []struct{ Text string }
	Stage            struct{ Banned, Silenced []struct{ Identity string } }
}

// watch has somebody come into the audience of a room, whose secret is their name, and gives the welcome.
func (r *running) watch(room, name string) (*viewer, audienceEvent) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	r.t.Cleanup(cancel)
	socket, _, err := websocket.Dial(ctx, r.url("/audience/%s", room), nil)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { socket.CloseNow() })
	v := &viewer{r.t, ctx, socket}
	v.ask(map[string]any{"type": "hello", "name": name, "identity": "the secret of " + name})
	return v, v.until("welcome", "error")
}

func (v *viewer) ask(request map[string]any) {
	v.t.Helper()
	data, err := json.Marshal(request)
	if err == nil {
		err = v.socket.Write(v.ctx, websocket.MessageText, data)
	}
	if err != nil {
		v.t.Fatal(err)
	}
}

// until reads on to an event of one of the types.
func (v *viewer) until(types ...string) audienceEvent {
	v.t.Helper()
	for {
		_, data, err := v.socket.Read(v.ctx)
		if err != nil {
			v.t.Fatalf("reading on to %v: %v", types, err)
		}
		var events []audienceEvent
		if err := json.Unmarshal(data, &events); err != nil {
			v.t.Fatalf("%s: %v", data, err)
		}
		for _, e := range events {
			for _, kind := range types {
				if e.Type == kind {
					return e
				}
			}
		}
	}
}

// do asks the API for something as the operator.
func (r *running) do(method, path string, body any) map[string]any {
	r.t.Helper()
	data, err := json.Marshal(body)
	if err != nil {
		r.t.Fatal(err)
	}
	req, err := http.NewRequest(method, r.url("%s", path), bytes.NewReader(data))
	if err != nil {
		r.t.Fatal(err)
	}
	req.SetBasicAuth(r.keys.Key, r.keys.Secret)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode >= 300 {
		r.t.Fatalf("%s %s: %s %s %v", method, path, resp.Status, answer, err)
	}
	out := map[string]any{}
	if len(answer) > 0 {
		if err := json.Unmarshal(answer, &out); err != nil {
			r.t.Fatal(err)
		}
	}
	return out
}

// TestTheApplicationLooksAtMessages runs an application that is asked about each message, and told of those that were shown.
func TestTheApplicationLooksAtMessages(t *testing.T) {
	t.Parallel()
	told := make(chan string, 10)
	release := make(chan struct{})
	application := http.NewServeMux()
	application.HandleFunc("POST /look", func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			t.Error(err)
		}
		var m struct {
			Room, Text string
			From       struct{ Identity, Name, Role string }
		}
		token, err := lkauth.ParseAPIToken(req.Header.Get("Authorization"))
		if err == nil {
			var claims *lkauth.ClaimGrants
			if _, claims, err = token.Verify(devKeys.Secret); err == nil {
				if sum := sha256.Sum256(body); claims.Sha256 != base64.StdEncoding.EncodeToString(sum[:]) {
					t.Error("the signature is of another body")
				}
			}
		}
		if err != nil || json.Unmarshal(body, &m) != nil || m.Room != "tea" || m.From.Name != "Mei" || m.From.Identity == "" || m.From.Role != "audience" {
			t.Errorf("asked %s: %v", body, err)
		}
		switch m.Text {
		case "a secret":
			io.WriteString(w, `{"allow": false}`)
		case "my number is 12345":
			io.WriteString(w, `{"allow": true, "text": "my number is *****"}`)
		case "slow":
			<-release // longer than anybody waits
		default:
			io.WriteString(w, `{"allow": true}`)
		}
	})
	application.HandleFunc("POST /events", func(_ http.ResponseWriter, req *http.Request) {
		var e struct {
			Event       string
			Participant struct{ Name string }
			Chat        struct{ Text string }
		}
		if err := json.NewDecoder(req.Body).Decode(&e); err != nil {
			t.Error(err)
		}
		if e.Event == "chat_message" {
			told <- e.Participant.Name + ": " + e.Chat.Text
		}
	})
	app := httptest.NewServer(application)
	defer app.Close()
	defer close(release)
	r := start(t, "--chat-hook", app.URL+"/look", "--chat-hook-fail", "deny", "--webhook", app.URL+"/events")
	r.do("POST", "/api/rooms", map[string]any{"name": "tea", "scene": "show"})
	mei, _ := r.watch("tea", "Mei")
	say := func(text string) audienceEvent {
		mei.ask(map[string]any{"type": "chat", "text": text, "id": 1})
		return mei.until("ok", "error")
	}
	for text, code := range map[string]string{"hello": "", "a secret": "not_allowed", "my number is 12345": "", "slow": "not_allowed"} {
		got := say(text)
		for tries := 0; code == "" && got.Code == "not_allowed" && tries < 20; tries++ { // a busy machine takes longer than the server waits
			got = say(text)
		}
		if got.Code != code {
			t.Errorf("%q: %+v, want %q", text, got, code)
		}
	}
	r.do("POST", "/api/rooms/tea/chat", map[string]any{"text": "a secret"}) // the application's own word is not looked at
	want := map[string]bool{"Mei: hello": true, "Mei: my number is *****": true, ": a secret": true}
	for range want {
		select {
		case line := <-told:
			if !want[line] {
				t.Errorf("told of %q", line)
			}
		case <-time.After(patience):
			t.Fatal("not told of all that was shown")
		}
	}
	shown := r.do("GET", "/api/rooms/tea/chat", nil)["messages"].([]any)
	if len(shown) != 3 {
		t.Errorf("shown: %v", shown)
	}
}

// TestAShowsRulesSurviveARestart bans and silences somebody, and starts the server again.
func TestAShowsRulesSurviveARestart(t *testing.T) {
	data := t.TempDir()
	r := start(t, "--data", data)
	r.do("POST", "/api/rooms", map[string]any{"name": "tea", "scene": "show"})
	mei, welcome := r.watch("tea", "Mei")
	_, other := r.watch("tea", "Ned")
	mei.ask(map[string]any{"type": "chat", "text": "hello"})
	mei.until("ok")
	r.do("POST", "/api/rooms/tea/stage/silence", map[string]any{"identity": welcome.You.Identity})
	r.do("POST", "/api/rooms/tea/stage/ban", map[string]any{"identity": other.You.Identity, "for": 3600})
	r.do("POST", "/api/rooms/tea/stage/lockSeat", map[string]any{"seat": 2})
	r.stop()

	r = start(t, "--data", data)
	if _, refused := r.watch("tea", "Ned"); refused.Code != "banned" {
		t.Errorf("who was banned: %+v", refused)
	}
	mei, welcome = r.watch("tea", "Mei")
	if len(welcome.Chat) != 1 || welcome.Chat[0].Text != "hello" {
		t.Errorf("what was written: %+v", welcome.Chat)
	}
	mei.ask(map[string]any{"type": "chat", "text": "again"})
	if got := mei.until("ok", "error"); got.Code != "silenced" {
		t.Errorf("who was silenced: %+v", got)
	}
	seats := r.do("GET", "/api/rooms/tea/stage", nil)["seats"].([]any)
	if seats[1].(map[string]any)["state"] != "locked" {
		t.Errorf("the seats: %v", seats)
	}
}
