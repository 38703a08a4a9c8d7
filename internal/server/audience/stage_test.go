package audience

import (
	"strings"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/room/words"
	"github.com/tuttilive/tutti/internal/studio"
)

func TestUpAndDown(t *testing.T) {
	w := newWorld(t, false, nil)
	host, _ := w.enter("tea", event{"key": w.hostKey("tea"), "name": "Ada"})
	viewer, welcome := w.enter("tea", event{"name": "Bob", "identity": "secret of Bob"})
	bob := welcome["you"].(map[string]any)["identity"]

	viewer.must(event{"type": "raise", "note": "me"})
	viewer.await(func(e event) bool { return e.kind() == "you" && e["position"] == 1.0 })
	queued := host.await(func(e event) bool { return e.kind() == "stage" && e["queue"] != nil })
	if first := queued["queue"].([]any)[0].(map[string]any); first["identity"] != bob || first["note"] != "me" {
		t.Errorf("queue: %v", queued)
	}
	if told := viewer.await(func(e event) bool { return e.kind() == "stage" && e["queueLength"] == 1.0 }); told["queue"] != nil {
		t.Errorf("the audience is told who raised a hand: %v", told)
	}
	viewer.refused("forbidden", event{"type": "admit", "identity": bob})
	host.must(event{"type": "admit", "identity": bob, "seat": 2})
	promoted := viewer.expect("promoted")
	claims, err := testKeys.Verify(promoted["token"].(string))
	if err != nil || claims.Identity != bob || claims.Video.Room != "tea" || promoted["seat"] != 2.0 || promoted["url"] == "" {
		t.Errorf("promoted: %v, %+v, %v", promoted, claims, err)
	}
	viewer.await(func(e event) bool { return e.kind() == "you" && e["seat"] == 2.0 && e["role"] == "speaker" })
	viewer.must(event{"type": "stepDown"})
	viewer.expect("demoted")

	host.must(event{"type": "invite", "identity": bob})
	viewer.expect("invited")
	viewer.must(event{"type": "decline"})
	viewer.expect("uninvited")

	host.must(event{"type": "silence", "identity": bob})
	viewer.refused("silenced", event{"type": "chat", "text": "but"})
	host.must(event{"type": "ban", "identity": bob})
	viewer.expect("banned")
	if _, code := viewer.ends(); code != 4403 {
		t.Errorf("closed with %v", code)
	}
	again := w.dial("tea")
	again.send(event{"type": "hello", "identity": "secret of Bob"})
	if last, code := again.ends(); last["code"] != "banned" || code != 4403 {
		t.Errorf("back: %v, %v", last, code)
	}
}

func TestWhoStandsInTheQueueHearsThatItMoves(t *testing.T) {
	w := newWorld(t, false, nil)
	ann, _ := w.enter("tea", event{"identity": "a"})
	bob, _ := w.enter("tea", event{"identity": "b"})
	ann.must(event{"type": "raise"})
	bob.must(event{"type": "raise"})
	bob.await(func(e event) bool { return e.kind() == "you" && e["position"] == 2.0 })
	ann.must(event{"type": "lower"})
	bob.await(func(e event) bool { return e.kind() == "you" && e["position"] == 1.0 })
}

// TestRestlessHandsAreRefused: they may be lowered all the same, and others raise theirs.
func TestRestlessHandsAreRefused(t *testing.T) {
	w := newWorld(t, false, nil)
	restless, _ := w.enter("tea", event{"identity": "r"})
	up := 0
	for ; up < 25; up++ { // a connection is ended for more than 60 requests
		answer := restless.ask(event{"type": "raise"})
		if answer.kind() == "error" {
			if answer["code"] != "rate_limited" || answer["wait"] == nil {
				t.Errorf("refused with %v", answer)
			}
			break
		}
		restless.must(event{"type": "lower"})
	}
	if up < 10 || up == 25 {
		t.Errorf("%d hands were raised one after the other", up)
	}
	other, _ := w.enter("tea", event{"identity": "o"})
	other.must(event{"type": "raise"})
	for range 15 { // what is refused anyway counts for nothing
		if answer := other.ask(event{"type": "raise"}); answer["code"] == "rate_limited" {
			t.Fatalf("refused with %v", answer)
		}
	}
	other.must(event{"type": "lower"})
	other.must(event{"type": "raise"})
}

func TestANewCohostHearsMore(t *testing.T) {
	w := newWorld(t, false, nil)
	host, _ := w.enter("tea", event{"key": w.hostKey("tea")})
	viewer, welcome := w.enter("tea", event{"identity": "b"})
	other, _ := w.enter("tea", event{"identity": "c"})
	other.must(event{"type": "raise"})
	host.must(event{"type": "promote", "identity": welcome["you"].(map[string]any)["identity"]})
	again := viewer.expect("welcome")
	if again["you"].(map[string]any)["role"] != "cohost" || again["stage"].(map[string]any)["queue"] == nil {
		t.Errorf("welcome: %v", again)
	}
	viewer.must(event{"type": "announce", "text": "x"})
}

// censor is an application that has a word about each message.
type censor struct{}

func (censor) Review(w studio.Written) (string, error) {
	if w.Text == "bad" || !w.Address.IsValid() {
		return "", studio.ErrNotShown
	}
	return "reviewed: " + w.Text, nil
}

func TestMessagesAreLookedAt(t *testing.T) {
	w := newWorld(t, false, func(_ *Config, o *studio.Options) { o.Reviewer = censor{} })
	p, _ := w.enter("tea", event{})
	p.must(event{"type": "chat", "text": "good"})
	if got := p.expect("chat"); got["text"] != "reviewed: good" {
		t.Errorf("shown: %v", got)
	}
	p.refused("not_allowed", event{"type": "chat", "text": "bad"})
	p.must(event{"type": "chat", "text": "good again"})
}

// TestWhoWasLetUpAndLoadsThePageAgainIsLetUpAgain: the token is told once more to whoever sits and does not take part, and not to those who were
// taken down meanwhile.
func TestWhoWasLetUpAndLoadsThePageAgainIsLetUpAgain(t *testing.T) {
	w := newWorld(t, false, nil)
	host, _ := w.enter("tea", event{"key": w.hostKey("tea"), "name": "Ada"})
	enter := func() (*peer, event) { return w.enter("tea", event{"name": "Bob", "identity": "secret of Bob"}) }
	viewer, welcome := enter()
	bob := welcome["you"].(map[string]any)["identity"]
	viewer.must(event{"type": "raise"})
	host.must(event{"type": "admit", "identity": bob, "seat": 2})
	viewer.expect("promoted")
	viewer.ws.CloseNow()

	viewer, welcome = enter()
	if you := welcome["you"].(map[string]any); you["role"] != "speaker" || you["seat"] != 2.0 {
		t.Errorf("back as %v", you)
	}
	promoted := viewer.expect("promoted")
	if claims, err := testKeys.Verify(promoted["token"].(string)); err != nil || claims.Identity != bob || promoted["seat"] != 2.0 {
		t.Errorf("promoted: %v, %v", promoted, err)
	}
	viewer.ws.CloseNow()

	host.must(event{"type": "remove", "identity": bob})
	viewer, welcome = enter()
	if you := welcome["you"].(map[string]any); you["role"] != "audience" {
		t.Errorf("back as %v", you)
	}
	viewer.must(event{"type": "ping"})
	for _, e := range viewer.waiting {
		if e.kind() == "promoted" {
			t.Error("who was taken down is let up again")
		}
	}
}

// TestACohostWhoLoadsThePageAgainIsLetUpAgain, also in a room without seats. Whoever has a host's key is not, and neither is
// the audience.
func TestACohostWhoLoadsThePageAgainIsLetUpAgain(t *testing.T) {
	for _, scene := range []string{"show", "conference"} {
		t.Run(scene, func(t *testing.T) {
			w := newWorld(t, false, func(_ *Config, o *studio.Options) {
				policy := room.DefaultPolicy()
				policy.Scene = scene
				if err := o.Rooms.Create("room", policy); err != nil {
					t.Fatal(err)
				}
			})
			promoted := func(who string, p *peer) bool {
				t.Helper()
				p.must(event{"type": "ping"})
				for _, e := range p.waiting {
					if e.kind() != "promoted" {
						continue
					}
					if claims, err := testKeys.Verify(e["token"].(string)); err != nil || claims.Video.RoomAdmin || e["seat"] != nil {
						t.Errorf("%s: %v, %+v, %v", who, e, claims, err)
					}
					return true
				}
				return false
			}
			host, _ := w.enter("room", event{"key": w.hostKey("room"), "identity": "a"})
			if again, _ := w.enter("room", event{"key": w.hostKey("room"), "identity": "a"}); promoted("host", host) || promoted("host", again) {
				t.Error("a host with a key of their own is let up")
			}
			enter := func() (*peer, event) { return w.enter("room", event{"identity": "b"}) }
			viewer, welcome := enter()
			if promoted("viewer", viewer) {
				t.Error("the audience is let up")
			}
			host.must(event{"type": "promote", "identity": welcome["you"].(map[string]any)["identity"]})
			viewer.expect("promoted")
			viewer.ws.CloseNow()
			viewer, welcome = enter()
			if you := welcome["you"].(map[string]any); you["role"] != "cohost" || !promoted("cohost", viewer) {
				t.Errorf("not let up again: %v", you)
			}
			host.must(event{"type": "demote", "identity": welcome["you"].(map[string]any)["identity"]})
			if again, _ := enter(); promoted("demoted", again) {
				t.Error("who is not a cohost any more is let up again")
			}
		})
	}
}

// TestANameThatIsNotSaid is nobody's who comes in with it; with another, or none, they do.
func TestANameThatIsNotSaid(t *testing.T) {
	w := newWorld(t, false, func(_ *Config, o *studio.Options) {
		var err error
		if o.Words, err = words.Read(strings.NewReader("forbidden")); err != nil {
			t.Fatal(err)
		}
	})
	p, _ := w.enter("tea", event{"name": "Ann"})
	p.refused("not_allowed", event{"type": "rename", "name": "for\u200bbidden"})
	p = w.dial("tea")
	p.send(`{"type":"hello","name":"Forbidden"}`)
	if last, code := p.ends(); last["code"] != "not_allowed" || last["of"] != "hello" || code != 4403 {
		t.Errorf("%v, %v", last, code)
	}
}

// TestWhoIsLetUpIsGivenTheStageAndNothingElse: what an application withheld is withheld after that as before, and what it said of somebody stays.
func TestWhoIsLetUpIsGivenTheStageAndNothingElse(t *testing.T) {
	w := newWorld(t, false, nil)
	host, _ := w.enter("tea", event{"key": w.hostKey("tea")})
	no := false
	shown, err := testKeys.Mint(auth.Claims{
		Identity: "eve", Name: "Eve", Metadata: "of the application", Attributes: map[string]string{"level": "3"},
		Video: auth.Grant{Room: "tea", RoomJoin: true, CanPublish: &no, CanPublishData: &no},
	}, 10*time.Minute, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	eve, _ := w.enter("tea", event{"token": shown})
	eve.refused("forbidden", event{"type": "chat", "text": "hello"})
	host.must(event{"type": "invite", "identity": "eve"})
	eve.must(event{"type": "accept"})
	promoted := eve.expect("promoted")
	eve.must(event{"type": "stepDown"})
	c, err := testKeys.Verify(promoted["token"].(string))
	if err != nil {
		t.Fatal(err)
	}
	if may := studio.Permission(c.Video); !may.Publish || may.PublishData || may.UpdateMetadata || may.Admin {
		t.Errorf("may %+v", may)
	}
	if c.Name != "Eve" || c.Metadata != "of the application" || c.Attributes["level"] != "3" || c.Attributes["role"] != "guest" || time.Until(c.Expires) > 10*time.Minute {
		t.Errorf("%+v", c)
	}
	again, _ := w.enter("tea", event{"token": promoted["token"]})
	again.refused("forbidden", event{"type": "chat", "text": "hello"})
}
