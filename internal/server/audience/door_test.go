package audience

import (
	"fmt"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/studio"
)

// everyWay runs a test over each of the ways in which the door serves connections.
func everyWay(t *testing.T, test func(t *testing.T, w *world)) {
	for name, tls := range map[string]bool{"plain": false, "TLS": true} {
		t.Run(name, func(t *testing.T) { test(t, newWorld(t, tls, nil)) })
	}
}

func TestTalking(t *testing.T) {
	everyWay(t, func(t *testing.T, w *world) {
		host, welcome := w.enter("tea", event{"key": w.hostKey("tea"), "name": "Ada", "identity": "secret of Ada"})
		you := welcome["you"].(map[string]any)
		if you["role"] != "host" || you["name"] != "Ada" || welcome["room"].(map[string]any)["title"] != "Tea time" {
			t.Fatalf("welcome: %v", welcome)
		}
		viewer, welcome := w.enter("tea", event{"name": "  Bo\u202eb "})
		if you := welcome["you"].(map[string]any); you["role"] != "audience" || you["name"] != "Bob" {
			t.Fatalf("welcome: %v", welcome)
		}
		answer := viewer.must(event{"type": "chat", "text": "你好 <b>", "danmaku": true, "color": "#ff0000", "nonce": "n1"})
		for _, p := range []*peer{host, viewer} {
			got := p.expect("chat")
			if got["text"] != "你好 <b>" || got["danmaku"] != true || got["id"] != answer["message"] || got["from"].(map[string]any)["name"] != "Bob" {
				t.Fatalf("chat: %v", got)
			}
		}
		if again := viewer.must(event{"type": "chat", "text": "你好 <b>", "nonce": "n1"}); again["message"] != answer["message"] {
			t.Errorf("sent again: %v", again)
		}
		at, err := time.Parse(time.RFC3339, fmt.Sprint(viewer.must(event{"type": "ping"})["at"]))
		if err != nil || time.Since(at).Abs() > time.Minute {
			t.Errorf("the server's clock says %v: %v", at, err)
		}
		viewer.must(event{"type": "like", "count": 3})
		host.must(event{"type": "like", "count": 2})
		host.await(func(e event) bool { return e.kind() == "likes" && e["total"] == 5.0 })

		viewer.refused("forbidden", event{"type": "deleteMessage", "message": answer["message"]})
		host.must(event{"type": "deleteMessage", "message": answer["message"]})
		if got := viewer.expect("chatDeleted"); got["id"] != answer["message"] {
			t.Errorf("deleted: %v", got)
		}
		host.must(event{"type": "announce", "text": "Soon"})
		viewer.expect("announcement")
		opened := host.must(event{"type": "openPoll", "question": "Tea?", "options": []string{"yes", "no"}})
		viewer.must(event{"type": "vote", "poll": opened["poll"], "choices": []int{1}})
		host.await(func(e event) bool { return e.kind() == "poll" && e["voters"] == 1.0 })

		_, welcome = w.enter("tea", event{})
		if len(welcome["chat"].([]any)) != 0 || welcome["announcement"] == nil || len(welcome["polls"].([]any)) != 1 ||
			welcome["counts"].(map[string]any)["likes"] != 5.0 {
			t.Errorf("a newcomer: %v", welcome)
		}
		host.await(func(e event) bool { return e.kind() == "presence" && e["viewers"] == 3.0 })
	})
}

func TestWhoIsNotLetIn(t *testing.T) {
	w := newWorld(t, false, nil)
	for _, c := range []struct {
		room  string
		hello string
		code  string
		close websocket.StatusCode
	}{
		{"nowhere", `{"type":"hello","id":7}`, "not_found", 4404},
		{"a%20b", `{"type":"hello"}`, "bad_name", 4400},
		{"tea", `{"type":"hello","key":"wrong"}`, "unauthorized", 4401},
		{"tea", `{"type":"hello","token":"wrong"}`, "unauthorized", 4401},
		{"tea", `{"type":"chat","text":"x"}`, "malformed", 4400},
		{"tea", `hello`, "malformed", 4400},
	} {
		p := w.dial(c.room)
		p.send(c.hello)
		if last, code := p.ends(); last["code"] != c.code || code != c.close {
			t.Errorf("%s %s: %v, %v", c.room, c.hello, last, code)
		}
	}
	if n := len(w.house.Studios()); n != 0 {
		t.Errorf("%d rooms were opened", n)
	}
}

func TestARoomStaysOpenForItsAudience(t *testing.T) {
	w := newWorld(t, false, nil)
	p, _ := w.enter("tea", event{})
	s, err := w.house.Studio("tea")
	if err != nil {
		t.Fatal(err)
	}
	// Nobody keeps the rooms of this house open but who is in them: a participant who comes and goes changes nothing.
	q, err := w.house.Enter("tea", room.Join{Identity: "x"}, deaf{})
	if err != nil {
		t.Fatal(err)
	}
	q.Leave(room.LeftByItself)
	if now, err := w.house.Studio("tea"); err != nil || now != s {
		t.Fatalf("the room closed: %v", err)
	}
	p.must(event{"type": "chat", "text": "still here"})
	p.ws.Close(websocket.StatusNormalClosure, "")
	for {
		changed := s.Changed()
		if _, err := w.house.Studio("tea"); err != nil {
			return
		}
		<-changed
	}
}

func TestWhenTheRoomEnds(t *testing.T) {
	w := newWorld(t, false, nil)
	p, _ := w.enter("tea", event{})
	if err := w.house.Delete("tea"); err != nil {
		t.Fatal(err)
	}
	if last, code := p.ends(); last["reason"] != "room_deleted" || code != websocket.StatusNormalClosure {
		t.Errorf("%v, %v", last, code)
	}
}

// TestRevokedTokensLetNobodyGoOn who is in the audience by one; who has a newer one does.
func TestRevokedTokensLetNobodyGoOn(t *testing.T) {
	w := newWorld(t, false, nil)
	enter := func(made time.Time) *peer {
		token, err := testKeys.Mint(auth.Claims{Identity: "eve", Name: "Eve", Video: auth.Grant{Room: "tea", RoomJoin: true}}, time.Hour, made)
		if err != nil {
			t.Fatal(err)
		}
		p, welcome := w.enter("tea", event{"token": token, "name": "The teacher"})
		if you := welcome["you"].(map[string]any); you["name"] != "Eve" {
			t.Errorf("who has a token with a name is %v", you)
		}
		return p
	}
	now := time.Now()
	old, fresh := enter(now.Add(-time.Minute)), enter(now)
	if cut, err := w.house.Revoke("tea", "eve", now.Add(-30*time.Second)); !cut || err != nil {
		t.Errorf("%v, %v", cut, err)
	}
	if last, code := old.ends(); last["reason"] != "revoked" || code != 4401 {
		t.Errorf("%v, %v", last, code)
	}
	fresh.must(event{"type": "chat", "text": "still here"})
	fresh.refused("forbidden", event{"type": "rename", "name": "The teacher"})
}

// deaf is an observer.
type deaf struct{}

func (deaf) RoomEvent(room.Event) {}

var _ studio.Observer = deaf{}

func TestManyOfOnePerson(t *testing.T) {
	w := newWorld(t, false, nil)
	first, welcome := w.enter("tea", event{"identity": "the same"})
	for range 8 {
		_, again := w.enter("tea", event{"identity": "the same"})
		if fmt.Sprint(again["you"]) != fmt.Sprint(welcome["you"]) {
			t.Fatalf("%v is not %v", again["you"], welcome["you"])
		}
	}
	if last, code := first.ends(); last["reason"] != "replaced" || code != 4409 {
		t.Errorf("%v, %v", last, code)
	}
	s, _ := w.house.Studio("tea")
	if people, all := s.Audience("", 10); len(people) != 1 || all.Viewers != 1 {
		t.Errorf("%v, %+v", people, all)
	}
}
