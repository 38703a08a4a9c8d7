package call

import (
	"testing"
)

func TestTwoMeet(t *testing.T) {
	w := newWorld(t, nil)
	a, joined := w.join("tea", "Ada")
	if joined.at("path", "kind") != "alone" || joined.at("role") != "guest" || joined.at("name") != "Ada" || joined.at("room") != "tea" {
		t.Fatalf("joined %v", joined)
	}
	b, joined := w.join("tea", "Bob")
	if joined.at("path", "kind") != "direct" || joined.at("path", "peer") != a.id || joined.at("path", "polite") != "true" {
		t.Fatalf("joined %v", joined)
	}
	if m := a.expect("member"); m.at("member", "id") != b.id || m.at("member", "name") != "Bob" || m.at("member", "present") != "true" {
		t.Fatalf("member %v", m)
	}
	path := a.expect("path")
	if path.at("path", "peer") != b.id || path.at("path", "polite") != "false" || path.generation() != joined.generation() {
		t.Fatalf("path %v", path)
	}
	offer := msg{"type": "offer", "sdp": "v=0\r\n", "sources": msg{"0": "microphone"}}
	a.say(msg{"type": "signal", "to": b.id, "generation": path.generation(), "description": offer})
	a.say(msg{"type": "signal", "to": b.id, "generation": path.generation(), "candidate": nil})
	if m := b.expect("signal"); m.at("from") != a.id || m.at("description", "sdp") != "v=0\r\n" || m.at("description", "sources", "0") != "microphone" {
		t.Fatalf("signal %v", m)
	}
	if m := b.expect("signal"); m["candidate"] != nil || m["description"] != nil {
		t.Fatalf("signal %v", m)
	}
	a.say(msg{"type": "signal", "to": b.id, "generation": path.generation() + 1, "description": offer})
	a.say(msg{"type": "state", "state": msg{"microphone": true, "camera": false, "screen": false}})
	if m := b.expect("member"); m.at("member", "state", "microphone") != "true" {
		t.Fatalf("member %v", m)
	}
	b.send(msg{"type": "leave"})
	b.closed(1000)
	if m := a.expect("gone"); m.at("id") != b.id || m.at("reason") != "left" {
		t.Fatalf("gone %v", m)
	}
	if m := a.expect("path"); m.at("path", "kind") != "alone" {
		t.Fatalf("path %v", m)
	}
}

func TestResume(t *testing.T) {
	w := newWorld(t, nil)
	a, _ := w.join("tea", "Ada")
	b, joined := w.join("tea", "Bob")
	a.until("path")
	g := joined.generation()
	b.cut()
	if m := a.expect("member"); m.at("member", "present") != "false" {
		t.Fatalf("member %v", m)
	}
	a.say(msg{"type": "signal", "to": b.id, "generation": g, "description": msg{"type": "offer", "sdp": "1"}})
	a.say(msg{"type": "signal", "to": b.id, "generation": g, "description": msg{"type": "offer", "sdp": "2"}})
	a.quiet()
	b, resumed := w.again(b, "tea")
	if resumed.at("path", "kind") != "direct" || resumed.at("seq") != "0" && resumed.at("seq") != "" {
		t.Fatalf("resumed %v", resumed)
	}
	for _, want := range []string{"1", "2"} {
		if m := b.expect("signal"); m.at("description", "sdp") != want {
			t.Fatalf("signal %v", m)
		}
	}
	if m := a.expect("member"); m.at("member", "present") != "true" {
		t.Fatalf("member %v", m)
	}
}
