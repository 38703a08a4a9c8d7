package studio

import (
	"encoding/json"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/room/stage"
	"github.com/tuttilive/tutti/internal/studio/talk"
)

// asked does what an application asks for, and fails the test where that is refused.
func asked(t *testing.T, s *Studio, request string) talk.Reply {
	t.Helper()
	r, err := talk.Decode([]byte(request))
	if err != nil {
		t.Fatal(err)
	}
	var answer talk.Reply
	s.Do(Actor{App: true, Name: "App"}, r, func(reply talk.Reply) { answer = reply })
	if answer.Err != nil {
		t.Fatalf("%s: %v", request, answer.Err)
	}
	return answer
}

// inScene runs a test in virtual time with houses one after the other, in which the room "r" has a scene. crash ends a house as a crash
// does: nothing that it does afterwards is kept.
func inScene(t *testing.T, scene string, test func(t *testing.T, kept *keptRooms, next, crash func() *House)) {
	t.Helper()
	policies := scenePolicies("r", scene)
	synctest.Test(t, func(t *testing.T) {
		kept := &keptRooms{rooms: map[string]Left{}}
		var last *House
		open := func() *House {
			last = NewHouse(Options{
				Rooms: policies, Running: kept, ReturnGrace: testReturn, Log: slog.New(slog.DiscardHandler),
				Rules: room.Settings{EmptyTimeout: 5 * time.Minute, DepartureTimeout: 10 * time.Second},
			})
			return last
		}
		next := func() *House {
			if last != nil {
				last.Close()
			}
			return open()
		}
		crash := func() *House {
			kept = &keptRooms{rooms: kept.Left()}
			last.Close()
			return open()
		}
		test(t, kept, next, crash)
		last.Close()
	})
}

// scenePolicies knows one room, of a scene, from memory.
func scenePolicies(name, scene string) *Policies {
	policy := room.DefaultPolicy()
	policy.Scene, policy.UsedAt = scene, time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC) // no use need be noted
	return &Policies{known: map[string]room.Policy{name: policy}, unknown: map[string]struct{}{}}
}

func TestAShowIsTheSameAfterARestart(t *testing.T) {
	inScene(t, "show", func(t *testing.T, _ *keptRooms, next, _ func() *House) {
		h := next()
		host := enter(t, h, "host", asHost)
		s := host.Studio()
		enter(t, h, "ann", nil)
		enter(t, h, "bob", nil)
		if _, err := attend(s, stage.Person{Identity: "cy", Name: "Cy"}); err != nil {
			t.Fatal(err)
		}
		letUp(t, s, "ann")
		act(t, s, "host", stage.Action{Verb: stage.MuteSeat, Identity: "ann"})
		act(t, s, "host", stage.Action{Verb: stage.Ban, Identity: "bob"})
		act(t, s, "host", stage.Action{Verb: stage.Silence, Identity: "cy", For: 3600})
		act(t, s, "host", stage.Action{Verb: stage.LockSeat, Seat: 4})
		for _, request := range []string{
			`{"type":"chat","text":"hello","nonce":"n1"}`, `{"type":"setSlow","seconds":10}`, `{"type":"announce","text":"at nine"}`,
			`{"type":"openPoll","question":"which","options":["a","b"]}`, `{"type":"gift","gift":"rose","count":3}`, `{"type":"like","count":7,"identity":"ann"}`,
		} {
			asked(t, s, request)
		}
		asked(t, s, `{"type":"vote","poll":"`+s.Polls()[0].ID+`","choices":[1],"identity":"ann"}`)
		before := s.Overview(ViewHosts)

		s = must(next().Studio("r"))
		time.Sleep(20 * time.Second) // within the grace
		if after := s.Overview(ViewHosts); string(comparable(t, before)) != string(comparable(t, after)) {
			t.Errorf("before %s\nafter  %s", before, after)
		}
		h = s.house
		p := enter(t, h, "ann", nil)
		if s.Standing("ann").Seat != 1 || !p.Self().Permission.Publish || p.Self().Permission.MayPublish(room.Microphone) {
			t.Errorf("ann is back: %+v, %+v", s.Standing("ann"), p.Self().Permission)
		}
		if _, err := h.Enter("r", room.Join{Identity: "bob"}, &heard{}); !errors.Is(err, stage.ErrBanned) {
			t.Errorf("bob is back: %v", err)
		}
		enter(t, h, "host", asHost)
		if s.RoleOf("host") != stage.Host || !s.Standing("cy").Silenced {
			t.Errorf("%+v", s.Stage())
		}
		if again := asked(t, s, `{"type":"chat","text":"hello","nonce":"n1"}`); len(s.Messages(10)) != 1 || again.Message != s.Messages(1)[0].ID {
			t.Errorf("what was sent once more is shown once more: %+v", s.Messages(10))
		}
	})
}

// comparable is an overview without what is not the same after a restart: whether anybody is there.
func comparable(t *testing.T, overview []byte) []byte {
	t.Helper()
	var all map[string]any
	if err := json.Unmarshal(overview, &all); err != nil {
		t.Fatal(err)
	}
	delete(all, "counts")
	on := all["stage"].(map[string]any)
	on["host"].(map[string]any)["connected"] = nil
	for _, seat := range on["seats"].([]any) {
		if who, ok := seat.(map[string]any)["who"].(map[string]any); ok {
			who["connected"] = nil
		}
	}
	out, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestAJudgementSurvivesACrashAndTheRestIsAFewSecondsOld(t *testing.T) {
	inScene(t, "class", func(t *testing.T, _ *keptRooms, next, crash func() *House) {
		h := next()
		s := enter(t, h, "host", asHost).Studio()
		enter(t, h, "ann", nil)
		asked(t, s, `{"type":"board","action":"open"}`)
		asked(t, s, `{"type":"chat","text":"old"}`)
		time.Sleep(keepEvery)
		synctest.Wait()
		asked(t, s, `{"type":"chat","text":"new"}`)
		act(t, s, "host", stage.Action{Verb: stage.Ban, Identity: "ann", For: 120})

		s = must(crash().Studio("r"))
		if !s.Stage().Banned[0].Until.After(time.Now()) {
			t.Errorf("%+v", s.Stage().Banned)
		}
		if messages := s.Messages(10); len(messages) == 0 || messages[0].Text != "old" {
			t.Errorf("the chat: %+v", messages)
		}
		if b, err := s.Board(); err != nil || !b.On {
			t.Errorf("the board: %+v, %v", b, err)
		}
		enter(t, s.house, "host", asHost)
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		enter(t, s.house, "ann", nil) // her time is over
	})
}

func TestNobodyComesBackToAShow(t *testing.T) {
	inScene(t, "show", func(t *testing.T, kept *keptRooms, next, _ func() *House) {
		h := next()
		s := enter(t, h, "host", asHost).Studio()
		act(t, s, "host", stage.Action{Verb: stage.Ban, Identity: "bob"})
		h = next()
		time.Sleep(testReturn + time.Second)
		synctest.Wait()
		if _, err := h.Studio("r"); err == nil || len(kept.rooms) > 0 {
			t.Errorf("the room is over, and kept: %+v", kept.rooms)
		}
		if s := enter(t, h, "bob", nil).Studio(); len(s.Stage().Banned) > 0 {
			t.Error("a ban holds for longer than the room")
		}
	})
}

func TestAPlainRoomIsNotKeptUntilSomebodyIsBanned(t *testing.T) {
	overRestarts(t, func(t *testing.T, kept *keptRooms, next func() *House) {
		s := enter(t, next(), "host", asHost).Studio()
		time.Sleep(keepEvery)
		synctest.Wait()
		if len(kept.rooms) > 0 {
			t.Fatalf("kept: %+v", kept.rooms)
		}
		act(t, s, "host", stage.Action{Verb: stage.Ban, Identity: "bob"})
		if _, err := next().Enter("r", room.Join{Identity: "bob"}, &heard{}); !errors.Is(err, stage.ErrBanned) {
			t.Errorf("bob is back: %v", err)
		}
	})
}
