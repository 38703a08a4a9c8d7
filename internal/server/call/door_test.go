package call

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/room/stage"
	"github.com/tuttilive/tutti/internal/room/words"
	"github.com/tuttilive/tutti/internal/studio"
	"github.com/tuttilive/tutti/internal/turn"
)

func TestTwoMeet(t *testing.T) {
	w := newWorld(t, nil)
	a, joined := w.join("tea", "Ada")
	if joined.at("path", "kind") != "alone" || joined.at("role") != "guest" || joined.at("name") != "Ada" ||
		joined.at("room") != "tea" || joined.at("resumeWithin") != "30" || joined.at("iceServers") != "[]" {
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
	a.say(msg{"type": "signal", "to": b.id, "generation": path.generation(), "candidate": msg{"candidate": "candidate:1", "sdpMid": "0", "sdpMLineIndex": 0, "secret": 1}})
	if m := b.expect("signal"); m.at("from") != a.id || m.at("description", "sdp") != "v=0\r\n" || m.at("description", "sources", "0") != "microphone" {
		t.Fatalf("signal %v", m)
	}
	m := b.expect("signal")
	if c, there := m["candidate"]; !there || c != nil || m["description"] != nil {
		t.Fatalf("signal %v", m)
	}
	if m := b.expect("signal"); m.at("candidate", "candidate") != "candidate:1" || m.at("candidate", "sdpMid") != "0" || m.at("candidate", "secret") != "" {
		t.Fatalf("signal %v", m)
	}
	a.say(msg{"type": "signal", "to": b.id, "generation": path.generation() + 1, "description": offer})
	a.say(msg{"type": "state", "state": msg{"microphone": true, "camera": false, "screen": false}})
	if m := b.expect("member"); m.at("member", "state", "microphone") != "true" || m.at("member", "state", "recording") != "" {
		t.Fatalf("member %v", m)
	}
	a.say(msg{"type": "state", "state": msg{"microphone": true, "camera": false, "screen": false, "recording": true}})
	if m := b.expect("member"); m.at("member", "state", "recording") != "true" {
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

// TestIdentity: who somebody is in the call is who they would be in the room.
func TestIdentity(t *testing.T) {
	w := newWorld(t, nil)
	a, _ := w.join("tea", "Ada")
	if want := "guest-" + testKeys.Alias("tea", "secret of Ada"); a.id != want {
		t.Errorf("%s instead of %s", a.id, want)
	}
	host, joined := w.join("tea", "Hanna", msg{"key": w.key("tea", auth.Host)})
	if !strings.HasPrefix(host.id, "host-") || joined.at("role") != "host" {
		t.Errorf("joined %v", joined)
	}
	anna, joined := w.join("tea", "", msg{"key": nil, "token": token(t, "tea", nil)})
	if anna.id != "anna" || joined.at("name") != "Anna" {
		t.Errorf("joined %v", joined)
	}
	if _, m := w.come("tea", msg{"type": "join", "room": true, "token": token(t, "tea", func(c *auth.Claims) { c.Identity = "an\nna" })}, nil); m.at("code") != "malformed" {
		t.Errorf("nobody comes in: %v", m)
	}
	named, joined := w.join("tea", "\u202e Eve \t\n \u0000 of"+strings.Repeat("é", 100), msg{"identity": "of Eve"})
	if name := joined.at("name"); !strings.HasPrefix(name, "Eve ofé") || len([]rune(name)) != 64 {
		t.Errorf("%s is called %q", named.id, name)
	}
}

func TestRefusals(t *testing.T) {
	w := newWorld(t, nil)
	if err := w.house.Policies().Create("open", room.Policy{Access: room.AccessOpen, Title: "Open house"}); err != nil {
		t.Fatal(err)
	}
	no, foreign := false, http.Header{"Origin": {"https://elsewhere.example"}}
	limited := func(change func(*auth.Claims)) string { return token(t, "tea", change) }
	expired, err := testKeys.Mint(auth.Claims{Identity: "anna", Video: auth.Grant{Room: "tea", RoomJoin: true}}, -time.Hour, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		room   string
		first  msg
		header http.Header
		code   string
		closed int
	}{
		"no key":                     {"tea", msg{"type": "join", "room": true}, nil, "unauthorized", 4401},
		"a wrong key":                {"tea", msg{"type": "visit", "key": "wrong"}, nil, "unauthorized", 4401},
		"a watch key":                {"tea", msg{"type": "join", "room": true, "key": w.key("tea", auth.Watcher)}, nil, "forbidden", 4403},
		"a token for another room":   {"cake", msg{"type": "join", "room": true, "token": limited(nil)}, nil, "forbidden", 4403},
		"an expired token":           {"tea", msg{"type": "join", "room": true, "token": expired}, nil, "expired", 4401},
		"a token to listen only":     {"tea", msg{"type": "join", "room": true, "token": limited(func(c *auth.Claims) { c.Video.CanPublish = &no })}, nil, "forbidden", 4403},
		"a token for the microphone": {"tea", msg{"type": "join", "room": true, "token": limited(func(c *auth.Claims) { c.Video.CanPublishSources = []string{"microphone"} })}, nil, "forbidden", 4403},
		"a hidden one":               {"tea", msg{"type": "join", "room": true, "token": limited(func(c *auth.Claims) { c.Video.Hidden = true })}, nil, "forbidden", 4403},
		"a bad name":                 {"a%20b", msg{"type": "join", "room": true}, nil, "bad_name", 4400},
		"no name":                    {"", msg{"type": "join", "room": true}, nil, "bad_name", 4400},
		"rooms left open":            {"tea", msg{"type": "join", "key": w.key("tea", auth.Guest)}, nil, "malformed", 4400},
		"another first message":      {"tea", msg{"type": "ping"}, nil, "malformed", 4400},
		"an invented session":        {"tea", msg{"type": "resume", "session": "c2Vzc2lvbg", "seq": 0}, nil, "unknown", 4404},
		"a foreign page":             {"open", msg{"type": "join", "room": true}, foreign, "forbidden", 4403},
		"a long secret":              {"open", msg{"type": "join", "room": true, "identity": strings.Repeat("x", 200)}, nil, "too_large", 4400},
	} {
		t.Run(name, func(t *testing.T) {
			w.t = t
			client, answer := w.come(c.room, c.first, c.header)
			client.isRefused(answer, c.code, c.closed)
		})
	}
	w.t = t
	// What the foreign page may do with a key, and our own without.
	w.join("tea", "Ada")
	own := http.Header{"Origin": {w.http.URL}}
	for _, c := range []struct {
		room   string
		first  msg
		header http.Header
	}{
		{"open", msg{"type": "join", "room": true}, own},
		{"tea", msg{"type": "join", "room": true, "key": w.key("tea", auth.Guest)}, foreign},
	} {
		if _, m := w.come(c.room, c.first, c.header); m.kind() != "joined" {
			t.Errorf("%v: %v", c.header, m)
		}
	}
}

func TestTooManyWrongKeys(t *testing.T) {
	w := newWorld(t, nil)
	for range 2 * studio.PerAddressGuess.Burst {
		c, m := w.come("tea", msg{"type": "join", "room": true, "key": "wrong"}, nil)
		if m.at("code") == "rate_limited" {
			c.isRefused(m, "rate_limited", 4429)
			w.join("tea", "Ada") // who is right comes in all the same
			return
		}
	}
	t.Error("anybody may guess")
}

func TestMessagesThatCannotBeUnderstood(t *testing.T) {
	w := newWorld(t, nil)
	a, _ := w.join("tea", "Ada")
	a.raw("{")
	a.refused("malformed", 0)
	a.raw(`{"type": "dance"}`)
	a.refused("malformed", 0)
	a.raw(`{"type": "signal", "seq": 1, "to": "x", "generation": 1}`)
	m := a.expect("error")
	if m.at("of") != "signal" || m.at("ofSeq") != "1" {
		t.Fatalf("error %v", m)
	}
	a.raw(`{"type": "ring", "seq": 2, "to": "x"}`)
	a.refused("unknown", 0)
	a.raw(`{"type": "ring", "seq": 2, "to": "x"}`) // known by its number
	a.quiet()
	a.raw(`{"type": "ring", "seq": 2}`)
	a.quiet()
	a.raw(`{"type": "ring", "seq": 4, "to": "x"}`)
	a.refused("malformed", 0)
	a.raw(`{"type": "ack", "seq": 7}`)
	a.refused("malformed", 0)
	a.raw(`{"type": "decline", "seq": 3, "text": "` + strings.Repeat("x", 201) + `"}`)
	a.refused("too_large", 0)
	a.raw(`{"type": "join", "room": true}`)
	a.refused("malformed", 0)
	for range maxMalformed - 6 {
		a.raw("[]")
		a.refused("malformed", 0)
	}
	a.raw("[]")
	a.refused("malformed", 4400)
}

func TestLimits(t *testing.T) {
	w := newWorld(t, nil)
	a, _ := w.join("tea", "Ada")
	a.raw(`{"type": "ping", "x": "` + strings.Repeat("x", maxMessageBytes) + `"}`)
	a.refused("too_large", 1009)

	b, _ := w.join("tea", "Bob")
	go func() {
		for range 5 * messageBurst {
			if b.ws.Write(b.ctx, 1, []byte(`{"type":"leaf"}`)) != nil {
				return
			}
		}
	}()
	b.closed(4400) // eleven mistakes come before two hundred messages
	c, _ := w.join("tea", "Cem")
	go func() {
		for range 5 * messageBurst {
			if c.ws.Write(c.ctx, 1, []byte(`{"type":"ping"}`)) != nil {
				return
			}
		}
	}()
	c.isRefused(c.until("error"), "rate_limited", 4429)

	w.server.addresses.mu.Lock()
	w.server.addresses.most = w.server.addresses.open[netip.MustParsePrefix("127.0.0.1/32")]
	w.server.addresses.mu.Unlock()
	_, m := w.come("tea", msg{"type": "ping"}, nil)
	if m.at("code") != "rate_limited" {
		t.Fatalf("one connection too many: %v", m)
	}
}

// TestACallAroundWhichARoomIsCreated goes on in that: whoever is in a call is inside.
func TestACallAroundWhichARoomIsCreated(t *testing.T) {
	w := newWorld(t, nil)
	a, _ := w.join("tea", "Ada")
	w.join("tea", "Bob")
	a.until("path")
	if err := w.house.Policies().Create("tea", room.Policy{Access: room.AccessToken, Salt: "s"}); err != nil {
		t.Fatal(err)
	}
	w.join("tea", "Cy", msg{"key": nil, "token": token(t, "tea", nil)})
	ticket := a.until("path").at("path", "token")
	if _, err := w.house.Admit("tea", studio.Credential{Token: ticket}, studio.ToJoin); err != nil {
		t.Error(err)
	}
}

func TestResume(t *testing.T) {
	w := newWorld(t, nil)
	a, _ := w.join("tea", "Ada")
	b, joined := w.join("tea", "Bob")
	a.until("path")
	signal := func(text string) msg {
		return msg{"type": "signal", "to": b.id, "generation": joined.generation(), "description": msg{"type": "offer", "sdp": text}}
	}
	const rounds, each = 5, 32 // fewer in all than one connection may send at once
	sent, got := 0, 0
	for range rounds {
		// The connection breaks in the middle of what a sends: some of it has been read, some is on its way, some comes later.
		for range each / 2 {
			a.say(signal(fmt.Sprint(sent)))
			sent++
		}
		for range each / 4 {
			if m := b.until("signal"); m.at("description", "sdp") != fmt.Sprint(got) {
				t.Fatalf("signal %v after %d", m, got)
			}
			got++
		}
		b.cut()
		if m := a.until("member"); m.at("member", "present") != "false" {
			t.Fatalf("member %v", m)
		}
		for range each / 2 {
			a.say(signal(fmt.Sprint(sent)))
			sent++
		}
		// What b sent without knowing whether it arrived, it sends again.
		b.sent += 2
		again, resumed := w.again(b, "tea")
		b = again
		known := uint64(resumed["seq"].(float64))
		for n := known + 1; n <= b.sent; n++ {
			b.send(msg{"type": "state", "seq": n, "state": msg{"microphone": n%2 == 1, "camera": false, "screen": false}})
		}
		b.send(msg{"type": "state", "seq": b.sent, "state": msg{"microphone": true, "camera": true, "screen": true}}) // a duplicate
		if m := a.until("member"); m.at("member", "present") != "true" {
			t.Fatalf("member %v", m)
		}
		for got < sent {
			if m := b.until("signal"); m.at("description", "sdp") != fmt.Sprint(got) {
				t.Fatalf("signal %v after %d", m, got)
			}
			got++
		}
		for want := range 2 {
			if m := a.until("member"); m.at("member", "state", "microphone") != fmt.Sprint(want == 0) || m.at("member", "state", "camera") != "false" {
				t.Fatalf("member %v", m)
			}
		}
	}
	a.quiet()
	if n := w.server.Stats(); n.Resumes != rounds || n.Calls != 1 || n.Members != 2 || n.Direct != 1 {
		t.Errorf("figures %+v", n)
	}
}

// TestResumeBeforeTheServerKnows takes over from a connection that still looks open.
func TestResumeBeforeTheServerKnows(t *testing.T) {
	w := newWorld(t, nil)
	a, _ := w.join("tea", "Ada")
	again, _ := w.again(a, "tea")
	a.closed(4409)
	again.quiet()
}

func TestResumeTooLate(t *testing.T) {
	w := newWorld(t, func(c *Config, _ *studio.Options) { c.ResumeGrace = 50 * time.Millisecond })
	a, _ := w.join("tea", "Ada")
	b, _ := w.join("tea", "Bob")
	b.cut()
	if m := a.until("gone"); m.at("reason") != "lost" || m.at("id") != b.id {
		t.Fatalf("gone %v", m)
	}
	late, m := w.come("tea", msg{"type": "resume", "session": b.session, "seq": b.got}, nil)
	late.isRefused(m, "expired", 4410)
	// Of a call that is over, of another call, of another server.
	a.send(msg{"type": "leave"})
	a.closed(1000)
	late, m = w.come("tea", msg{"type": "resume", "session": a.session, "seq": a.got}, nil)
	late.isRefused(m, "expired", 4410)
	late, m = w.come("cake", msg{"type": "resume", "session": a.session, "seq": a.got}, nil)
	late.isRefused(m, "unknown", 4404)
	late, m = newWorld(t, nil).come("tea", msg{"type": "resume", "session": a.session, "seq": a.got}, nil)
	late.isRefused(m, "unknown", 4404)
}

func TestResumeFromANumberThatNeverWas(t *testing.T) {
	w := newWorld(t, nil)
	a, _ := w.join("tea", "Ada")
	late, m := w.come("tea", msg{"type": "resume", "session": a.session, "seq": 7}, nil)
	late.isRefused(m, "malformed", 4400)
	a.quiet()
}

func TestReplaced(t *testing.T) {
	w := newWorld(t, nil)
	a, _ := w.join("tea", "Ada")
	b, before := w.join("tea", "Bob")
	again, joined := w.join("tea", "Bob")
	b.isRefused(b.until("error"), "replaced", 4409)
	if again.id != b.id || joined.generation() <= before.generation() {
		t.Fatalf("joined %v", joined)
	}
	a.until("path")
	if m := a.expect("gone"); m.at("reason") != "replaced" {
		t.Fatalf("gone %v", m)
	}
	a.expect("member")
	if m := a.expect("path"); m.generation() != joined.generation() || m.at("path", "peer") != again.id {
		t.Fatalf("path %v", m)
	}
	late, m := w.come("tea", msg{"type": "resume", "session": b.session, "seq": b.got}, nil)
	late.isRefused(m, "expired", 4410)
}

func TestThird(t *testing.T) {
	w := newWorld(t, func(c *Config, _ *studio.Options) { c.Settle = 50 * time.Millisecond })
	a, _ := w.join("tea", "Ada")
	b, _ := w.join("tea", "Bob")
	c, joined := w.join("tea", "Cem")
	if joined.at("path", "kind") != "room" || joined.at("path", "reason") != "people" || joined.at("path", "url") != strings.Replace(w.http.URL, "http", "ws", 1) {
		t.Fatalf("joined %v", joined)
	}
	claims, err := testKeys.Verify(joined.at("path", "token"))
	if err != nil || claims.Identity != c.id || claims.Name != "Cem" || claims.Video.Room != "tea" || claims.Attributes["role"] != "guest" {
		t.Fatalf("claims %+v %v", claims, err)
	}
	a.until("path")
	if m := a.until("path"); m.generation() != joined.generation() || m.at("path", "token") == joined.at("path", "token") {
		t.Fatalf("path %v", m)
	}
	b.until("path")
	c.say(msg{"type": "arrived", "generation": joined.generation()})
	for _, other := range []*client{a, b} {
		if m := other.expect("arrived"); m.at("from") != c.id {
			t.Fatalf("arrived %v", m)
		}
	}
	for _, in := range []*client{a, b, c} { // they go where they were sent, which makes them no strangers
		w.stranger("tea", in.id)
	}
	c.send(msg{"type": "leave"})
	if err := w.house.Remove("tea", c.id); err != nil {
		t.Fatal(err)
	}
	for _, other := range []*client{a, b} {
		other.expect("gone")
		if m := other.expect("path"); m.at("path", "kind") != "direct" || m.generation() != joined.generation()+1 {
			t.Fatalf("path %v", m)
		}
	}
	_, m := w.come("tea", msg{"type": "join", "name": "Dora", "room": false, "key": w.key("tea", auth.Guest)}, nil)
	if m.at("code") != "full" {
		t.Fatalf("a third without rooms: %v", m)
	}
}

func TestSomebodyOutside(t *testing.T) {
	w := newWorld(t, func(c *Config, _ *studio.Options) { c.Settle = 10 * time.Millisecond })
	a, _ := w.join("tea", "Ada")
	stranger := w.stranger("tea", "hidden-recorder")
	if m := a.expect("path"); m.at("path", "kind") != "room" || m.at("path", "reason") != "outside" {
		t.Fatalf("path %v", m)
	}
	_, joined := w.join("tea", "Bob")
	if joined.at("path", "kind") != "room" {
		t.Fatalf("joined %v", joined)
	}
	a.expect("member")
	stranger.Leave(room.LeftByItself)
	if m := a.expect("path"); m.at("path", "kind") != "direct" {
		t.Fatalf("path %v", m)
	}
}

func TestVisitors(t *testing.T) {
	w := newWorld(t, nil)
	a, _ := w.join("tea", "Ada")
	x, visiting := w.visit("tea", "Xenia")
	if members, _ := visiting["members"].([]any); len(members) != 1 || visiting["path"] != nil || visiting["iceServers"] != nil {
		t.Fatalf("visiting %v", visiting)
	}
	if m := x.expect("ring"); m.at("from") != a.id || m.at("name") != "Ada" {
		t.Fatalf("ring %v", m)
	}
	if m := a.expect("visitor"); m.at("visitor", "id") != x.id || m.at("visitor", "name") != "Xenia" || m.at("visitor", "ringing") != "true" {
		t.Fatalf("visitor %v", m)
	}
	a.say(msg{"type": "ring", "to": x.id})
	a.expect("visitor")
	x.expect("ring")
	x.say(msg{"type": "state", "state": msg{"microphone": true, "camera": false, "screen": false}})
	x.refused("malformed", 0)
	x.cut() // also a visitor may come back
	x, _ = w.again(x, "tea")
	x.say(msg{"type": "accept", "name": "Xena", "room": true})
	joined := x.welcomed("joined")
	if joined.at("name") != "Xena" || joined.at("path", "peer") != a.id || strings.HasPrefix(x.id, "v-") {
		t.Fatalf("joined %v", joined)
	}
	if m := a.expect("visitorGone"); m.at("reason") != "accepted" {
		t.Fatalf("visitorGone %v", m)
	}
	a.expect("member")
	a.expect("path")
	x.cut()
	a.expect("member")
	x, resumed := w.again(x, "tea")
	if resumed.at("path", "kind") != "direct" || resumed.at("you") != x.id {
		t.Fatalf("resumed %v", resumed)
	}
	a.expect("member")

	y, _ := w.visit("tea", "Yuri")
	y.expect("ring")
	a.expect("visitor")
	y.say(msg{"type": "decline", "name": "Yuri G.", "text": "in  the	bath"})
	y.closed(1000)
	if m := a.expect("visitor"); m.at("visitor", "name") != "Yuri G." {
		t.Fatalf("visitor %v", m)
	}
	if m := a.expect("visitorGone"); m.at("reason") != "declined" || m.at("text") != "in the bath" {
		t.Fatalf("visitorGone %v", m)
	}

	z, _ := w.visit("tea", "Zoe")
	a.expect("visitor")
	x.send(msg{"type": "leave"})
	a.until("path")
	a.send(msg{"type": "leave"})
	z.expect("ring")
	z.until("gone")
	z.expect("gone")
	if m := z.expect("ringEnd"); m.at("reason") != "left" {
		t.Fatalf("ringEnd %v", m)
	}
	z.send(msg{"type": "leave"})
	z.closed(1000)
}

func TestAVisitorForWhomThereIsNoPlace(t *testing.T) {
	w := newWorld(t, nil)
	w.join("tea", "Ada", msg{"room": false})
	w.join("tea", "Bob")
	x, _ := w.visit("tea", "Xenia")
	x.expect("ring")
	x.say(msg{"type": "accept", "name": "", "room": true})
	x.refused("full", 4409)
	if n := w.server.Stats(); n.Visitors != 0 || n.Members != 2 {
		t.Errorf("figures %+v", n)
	}
}

func TestRemovedByAHost(t *testing.T) {
	w := newWorld(t, nil)
	a, _ := w.join("tea", "Ada")
	b, _ := w.join("tea", "Bob")
	if err := w.house.Remove("tea", b.id); err != nil {
		t.Fatal(err)
	}
	if m := b.expect("gone"); m.at("id") != b.id || m.at("reason") != "removed" {
		t.Fatalf("gone %v", m)
	}
	b.refused("forbidden", 4403)
	a.until("path")
	if m := a.expect("gone"); m.at("reason") != "removed" {
		t.Fatalf("gone %v", m)
	}
	if err := w.house.Remove("tea", b.id); err == nil {
		t.Error("somebody who is not there was removed")
	}
}

// TestWhoIsBannedFromTheRoomIsNotInTheCall: not as they are in it, as they wait before it, or as they come anew, by a link or a token.
func TestWhoIsBannedFromTheRoomIsNotInTheCall(t *testing.T) {
	w := newWorld(t, nil)
	host, _ := w.join("tea", "Ada", msg{"key": w.key("tea", auth.Host)})
	eve, _ := w.join("tea", "Eve")
	mal, _ := w.join("tea", "", msg{"key": nil, "token": token(t, "tea", func(c *auth.Claims) { c.Identity = "mal" })})
	for _, c := range []*client{host, eve, mal} { // the call went there, since they are three
		may := room.Permission{Publish: true, Subscribe: true, Admin: c == host}
		if _, err := w.house.Enter("tea", room.Join{Identity: c.id, Permission: may}, deaf{}); err != nil {
			t.Fatal(err)
		}
	}
	again := w.dial("tea", nil)
	again.send(msg{"type": "visit", "name": "Eve", "identity": "secret of Eve", "key": w.key("tea", auth.Guest)})
	again.welcomed("visiting")
	s, err := w.house.Studio("tea")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []*client{eve, mal} {
		if err := s.StageAct(studio.Actor{Identity: host.id}, stage.Action{Verb: stage.Ban, Identity: c.id}); err != nil {
			t.Fatal(err)
		}
		c.closed(4403)
	}
	again.closed(4403)
	for _, first := range []msg{
		{"type": "join", "name": "Eve", "identity": "secret of Eve", "room": true, "key": w.key("tea", auth.Guest)},
		{"type": "visit", "name": "Eve", "identity": "secret of Eve", "key": w.key("tea", auth.Guest)},
		{"type": "join", "name": "", "room": true, "token": token(t, "tea", func(c *auth.Claims) { c.Identity = "mal" })},
	} {
		c, m := w.come("tea", first, nil)
		c.isRefused(m, "forbidden", 4403)
	}
	if n := w.server.Stats(); n.Members != 1 || n.Visitors != 0 {
		t.Errorf("figures %+v", n)
	}
}

func TestDeletedRoom(t *testing.T) {
	w := newWorld(t, nil)
	a, _ := w.join("tea", "Ada")
	b, _ := w.join("tea", "Bob")
	other, _ := w.join("coffee", "Cleo")
	a.until("path")
	if err := w.house.Delete("tea"); err != nil {
		t.Fatal(err)
	}
	a.refused("forbidden", 4403)
	b.refused("forbidden", 4403)
	if s := w.server.Stats(); s.Calls != 1 || s.Members != 1 {
		t.Errorf("%+v are left", s)
	}
	other.send(msg{"type": "ping"})
	other.expect("pong")
}

// A room that is used for nothing but calls is in use all the same.
func TestCallsUseTheirRoom(t *testing.T) {
	w := newWorld(t, nil)
	last := time.Now().Add(-25 * 24 * time.Hour)
	if err := w.house.Policies().Create("tea", room.Policy{Access: room.AccessLink, UsedAt: last}); err != nil {
		t.Fatal(err)
	}
	a, _ := w.join("tea", "Ada")
	a.send(msg{"type": "ping"})
	a.expect("pong") // what is read comes after the arrival, which is over then
	w.house.Close()  // waits until the use is noted
	if p, _, err := w.house.Policies().Find("tea"); err != nil || time.Since(p.UsedAt) > time.Hour {
		t.Errorf("used %v, %v", p.UsedAt, err)
	}
}

func TestFreshCredentials(t *testing.T) {
	directory, err := turn.NewDirectory(turn.DirectoryConfig{Secret: "secret", UDP: 3478})
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, func(c *Config, _ *studio.Options) { c.ICE = directory })
	a, joined := w.join("tea", "Ada")
	expires, err := time.Parse(time.RFC3339, joined.at("iceExpires"))
	if err != nil || time.Until(expires) < turn.Lifetime/2 || !strings.Contains(joined.at("iceServers"), "turn:127.0.0.1:3478") {
		t.Fatalf("joined %v", joined)
	}
	l := w.server.find("tea")
	l.mu.Lock()
	for _, st := range l.seats {
		if half := time.Until(st.iceRefresh); half > turn.Lifetime/2 || half < turn.Lifetime/3 {
			t.Errorf("refreshed in %v", half)
		}
		st.iceRefresh = time.Now()
	}
	l.mu.Unlock()
	if m := a.expect("ice"); m.at("iceServers") == "" || m.at("iceExpires") == "" {
		t.Fatalf("ice %v", m)
	}
}

// TestSignsOfLife: the server acknowledges and pings from time to time, and breaks with who is silent.
func TestSignsOfLife(t *testing.T) {
	w := newWorld(t, nil)
	a, _ := w.join("tea", "Ada")
	a.say(msg{"type": "viaDirect"})
	a.quiet()
	l := w.server.find("tea")
	l.mu.Lock()
	for _, st := range l.seats {
		st.acked, st.pinged = time.Time{}, time.Time{}
	}
	l.mu.Unlock()
	for _, want := range []string{"ack", "ping"} {
		m, err := a.read()
		if err != nil || m.kind() != want || want == "ack" && m.at("seq") != "1" {
			t.Fatalf("%v %v instead of %s", m, err, want)
		}
	}

	w = newWorld(t, nil)
	w.server.silence = 100 * time.Millisecond
	w.join("tea", "Silent")
	l = w.server.find("tea")
	broken := func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, st := range l.seats {
			if st.socket != nil {
				return false
			}
		}
		return true
	}
	for deadline := time.Now().Add(patience); !broken(); <-time.After(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("who is silent keeps a connection")
		}
	}
	_, visiting := w.visit("tea", "Xenia")
	if members := fmt.Sprint(visiting["members"]); !strings.Contains(members, "present:false") {
		t.Errorf("others hear %s", members)
	}
}

// TestSlowReader: who acknowledges nothing is lost, and nobody else notices anything of it before.
func TestSlowReader(t *testing.T) {
	w := newWorld(t, nil)
	w.server.silence = time.Hour // or a slow machine would take it for one who is gone
	slow, _ := w.join("tea", "Slow")
	var others []*client
	const news = newsBurst - 5
	for i := range maxKeptMessages/news + 1 {
		c, _ := w.join("tea", fmt.Sprint("Fast", i))
		others = append(others, c)
	}
	done := make(chan error, len(others))
	for _, c := range others {
		go func() {
			for n := range news {
				c.sent++
				text := fmt.Sprintf(`{"type":"state","seq":%d,"state":{"microphone":%v,"camera":false,"screen":false}}`, c.sent, n%2 == 0)
				if err := c.ws.Write(c.ctx, 1, []byte(text)); err != nil {
					done <- err
					return
				}
			}
			for {
				m, err := c.read()
				if err != nil || m.kind() == "gone" && m.at("id") == slow.id && m.at("reason") == "lost" {
					done <- err
					return
				}
			}
		}()
	}
	for range others {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	slow.isRefused(slow.until("error"), "expired", 4410)
}

// TestNewsIsLimited: nobody makes the others hear more than would be kept for one who is away.
func TestNewsIsLimited(t *testing.T) {
	w := newWorld(t, nil)
	a, _ := w.join("tea", "Ada")
	w.join("tea", "Bo")
	for n := range 2 * newsBurst {
		a.sent++
		text := fmt.Sprintf(`{"type":"state","seq":%d,"state":{"microphone":%v,"camera":false,"screen":false}}`, a.sent, n%2 == 0)
		if a.ws.Write(a.ctx, 1, []byte(text)) != nil {
			break // refused meanwhile
		}
	}
	a.isRefused(a.until("error"), "rate_limited", 4429)
}

func TestShutdown(t *testing.T) {
	w := newWorld(t, nil)
	a, _ := w.join("tea", "Ada")
	x, _ := w.visit("tea", "Xenia")
	undecided := w.dial("tea", nil)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		w.shutdown()
	}()
	a.isRefused(a.until("error"), "unavailable", 4503)
	x.isRefused(x.until("error"), "unavailable", 4503)
	undecided.refused("unavailable", 4503)
	<-ended
	w.dial("tea", nil).refused("unavailable", 4503)
}

// TestHalfAMessage stalls in the middle of a message that is too large already: the server does not wait for the rest.
func TestHalfAMessage(t *testing.T) {
	w := newWorld(t, nil)
	conn, err := net.Dial("tcp", w.http.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "GET /call/tea HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n")
	// A text frame of 1 MiB, masked (RFC 6455, section 5.2).
	frame := append([]byte{0x81, 0xff, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0}, make([]byte, maxMessageBytes+1)...)
	if _, err := conn.Write(frame); err != nil {
		t.Fatal(err)
	}
	conn.SetReadDeadline(time.Now().Add(patience))
	told, err := io.ReadAll(conn)
	if os.IsTimeout(err) || !strings.Contains(string(told), "too_large") {
		t.Fatalf("told %q, then %v", told, err)
	}
	w.shutdown() // waits for nobody
}

// TestWhatIsNotSaidInACall: neither by the names of those who come nor by what a visitor says at the door.
func TestWhatIsNotSaidInACall(t *testing.T) {
	w := newWorld(t, func(_ *Config, o *studio.Options) {
		var err error
		if o.Words, err = words.Read(strings.NewReader("heck\n!forbidden")); err != nil {
			t.Fatal(err)
		}
	})
	for _, kind := range []string{"join", "visit"} {
		c, m := w.come("tea", msg{"type": kind, "name": "Heck", "room": true, "key": w.key("tea", auth.Guest)}, nil)
		c.isRefused(m, "not_allowed", 4403)
	}
	a, _ := w.join("tea", "Ada")
	v, _ := w.visit("tea", "Vera")
	v.expect("ring")
	v.say(msg{"type": "accept", "name": "Forbidden", "room": true})
	v.refused("not_allowed", 0)
	v.say(msg{"type": "decline", "name": "Heck"})
	v.refused("not_allowed", 0)
	v.say(msg{"type": "decline", "text": "forbidden"})
	v.refused("not_allowed", 0)
	a.expect("visitor")
	v.say(msg{"type": "decline", "text": "what the heck"})
	if m := a.expect("visitorGone"); m.at("text") != "what the ****" {
		t.Errorf("gone %v", m)
	}
}

// TestANameOfTheApplicationStays in a call, unless the token permits to change it, and the way into the room ends with the token.
func TestANameOfTheApplicationStays(t *testing.T) {
	w := newWorld(t, nil)
	w.join("tea", "Ada")
	yes := true
	of := func(identity string, may *bool) string {
		return token(t, "tea", func(c *auth.Claims) { c.Identity, c.Video.CanUpdateOwnMetadata = identity, may })
	}
	if _, joined := w.join("tea", "The teacher", msg{"token": of("eve", nil), "key": nil, "identity": nil}); joined.at("name") != "Anna" {
		t.Errorf("joined %v", joined)
	}
	_, joined := w.join("tea", "The teacher", msg{"token": of("bob", &yes), "key": nil, "identity": nil})
	claims, err := testKeys.Verify(joined.at("path", "token"))
	if joined.at("name") != "The teacher" || err != nil || time.Until(claims.Expires) > time.Hour {
		t.Errorf("joined %v with a token until %v, %v", joined, claims.Expires, err)
	}
	visitor, _ := w.come("tea", msg{"type": "visit", "name": "The teacher", "token": of("mal", nil)}, nil)
	visitor.until("ring")
	visitor.say(msg{"type": "accept", "name": "The teacher", "room": true})
	if joined := visitor.until("joined"); joined.at("name") != "Anna" {
		t.Errorf("accepted, %v", joined)
	}
}
