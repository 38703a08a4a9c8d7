package studio

import (
	"errors"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/room/stage"
)

func TestWhoAsksWithoutAConnectionAsksAtTheDoor(t *testing.T) {
	onStage(t, "class", func(t *testing.T, h *House, s *Studio) {
		enter(t, h, "host", asHost)
		enter(t, h, "ann", nil)
		enter(t, h, "eve", nil)
		ask := func(identity string, want error) {
			t.Helper()
			if _, err := s.Caller(auth.Claims{Identity: identity}); !errors.Is(err, want) {
				t.Errorf("%s: %v instead of %v", identity, err, want)
			}
		}
		host := func(verb stage.Verb, identity string) {
			t.Helper()
			act(t, s, "host", stage.Action{Verb: verb, Identity: identity})
		}
		ask("bob", nil) // the door is open
		host(stage.Lock, "")
		ask("bob", stage.ErrLocked)
		ask("ann", nil)
		host(stage.Unlock, "")
		host(stage.OpenWaiting, "")
		ask("bob", stage.ErrWaiting)
		enter(t, h, "bob", nil)
		ask("bob", stage.ErrWaiting)
		ask("ann", nil)
		host(stage.EndWaiting, "")
		ask("bob", nil) // and who waited is in
		host(stage.Ban, "eve")
		ask("eve", stage.ErrBanned)
		host(stage.Unban, "eve")
		ask("eve", nil)
	})
}

func TestWhoAsksWithoutAConnectionIsCalledAsInTheRoom(t *testing.T) {
	onStage(t, "class", func(t *testing.T, h *House, s *Studio) {
		enter(t, h, "host", asHost)
		enter(t, h, "ann", func(j *room.Join) { j.Name = "Ann" })
		called := func(name, want string) {
			t.Helper()
			if a, err := s.Caller(auth.Claims{Identity: "ann", Name: name}); err != nil || a.Identity != "ann" || a.Name != want || a.App || a.Admin {
				t.Errorf("%+v, %v, not called %q", a, err, want)
			}
		}
		called(" A\u202enn\n Lee ", "Ann Lee")
		act(t, s, "host", stage.Action{Verb: stage.Silence, Identity: "ann"})
		called("Read this", "Ann")
	})
}

func TestWhoAsksWithoutAConnectionRests(t *testing.T) {
	onStage(t, "class", func(t *testing.T, _ *House, s *Studio) {
		ann := auth.Claims{Identity: "ann"}
		for range asksPerPerson.Burst {
			if _, err := s.Caller(ann); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := s.Caller(ann); !errors.Is(err, errTooManyAsks) {
			t.Errorf("without a pause: %v", err)
		}
		if _, err := s.Caller(auth.Claims{Identity: "bob"}); err != nil {
			t.Errorf("another: %v", err)
		}
		time.Sleep(asksPerPerson.Every)
		if _, err := s.Caller(ann); err != nil {
			t.Errorf("after a pause: %v", err)
		}
	})
}
