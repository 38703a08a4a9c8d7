package studio

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/room/stage"
)

// inKeptHouse runs a test in virtual time in a house that keeps empty rooms for a minute, and those that were left for ten
// seconds.
func inKeptHouse(t *testing.T, test func(t *testing.T, h *House)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := NewHouse(Options{
			AwayGrace: testGrace, Log: slog.New(slog.DiscardHandler),
			Rules: room.Settings{EmptyTimeout: time.Minute, DepartureTimeout: 10 * time.Second, MaxParticipants: 3},
		})
		defer h.Close()
		test(t, h)
	})
}

// lasts checks that a room is there for some time, and then is not.
func lasts(t *testing.T, h *House, d time.Duration) {
	t.Helper()
	time.Sleep(d - time.Second)
	if _, err := h.Studio("r"); err != nil {
		t.Fatalf("the room ended too early: %v", err)
	}
	time.Sleep(2 * time.Second)
	if _, err := h.Studio("r"); !errors.Is(err, ErrNoRoom) {
		t.Fatalf("the room is still there: %v", err)
	}
}

func asAgent(j *room.Join) { j.Kind = room.Agent }

func TestARoomWaitsForItsFirst(t *testing.T) {
	inKeptHouse(t, func(t *testing.T, h *House) {
		if _, err := h.Open("r", room.Settings{}); err != nil {
			t.Fatal(err)
		}
		lasts(t, h, time.Minute)
		if _, err := h.Open("r", room.Settings{EmptyTimeout: time.Hour}); err != nil {
			t.Fatal(err)
		}
		lasts(t, h, time.Hour)
	})
}

func TestARoomWaitsForWhoLeft(t *testing.T) {
	inKeptHouse(t, func(t *testing.T, h *House) {
		p := enter(t, h, "a", nil)
		sid := p.Studio().Info().SID
		p.Leave(room.LeftByItself)
		time.Sleep(9 * time.Second)
		p = enter(t, h, "a", nil)
		if p.Studio().Info().SID != sid {
			t.Error("who came back is in another room")
		}
		time.Sleep(time.Hour)
		p.Leave(room.LeftByItself)
		lasts(t, h, 10*time.Second)
	})
}

func TestARoomOutlastsAShowThatWasEndedForIt(t *testing.T) {
	inKeptHouse(t, func(t *testing.T, h *House) {
		s, err := h.Open("r", room.Settings{DepartureTimeout: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		p := enter(t, h, "a", nil)
		if err := s.GoLive("a", ""); err != nil {
			t.Fatal(err)
		}
		p.Leave(room.LeftByItself)
		if _, err := s.EndLive(); err != nil {
			t.Fatal(err)
		}
		lasts(t, h, time.Hour)
	})
}

func TestOpeningARoomAgainChangesNothing(t *testing.T) {
	inKeptHouse(t, func(t *testing.T, h *House) {
		first, err := h.Open("r", room.Settings{MaxParticipants: 2, Metadata: "m"})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(50 * time.Second)
		again, err := h.Open("r", room.Settings{Metadata: "other", EmptyTimeout: time.Hour})
		if err != nil || again != first || again.Info().Metadata != "m" || again.Info().MaxParticipants != 2 {
			t.Fatalf("%+v, %v", again.Info(), err)
		}
		lasts(t, h, 10*time.Second)
	})
}

func TestWhoOpensARoomBringsItsSettings(t *testing.T) {
	inKeptHouse(t, func(t *testing.T, h *House) {
		with := func(s room.Settings) func(*room.Join) { return func(j *room.Join) { j.Settings = s } }
		p := enter(t, h, "a", with(room.Settings{Metadata: "m", MaxParticipants: 100, DepartureTimeout: time.Minute}))
		enter(t, h, "b", with(room.Settings{Metadata: "too late"})).Leave(room.LeftByItself)
		if i := p.Studio().Info(); i.Metadata != "m" || i.MaxParticipants != 3 {
			t.Errorf("%+v", i)
		}
		p.Leave(room.LeftByItself)
		lasts(t, h, time.Minute)
	})
}

func TestARoomIsNotKeptForAgents(t *testing.T) {
	inKeptHouse(t, func(t *testing.T, h *House) {
		obs := &heard{}
		if _, err := h.Enter("r", room.Join{Identity: "agent", Kind: room.Agent}, obs); err != nil {
			t.Fatal(err)
		}
		lasts(t, h, time.Minute) // it waits like a room without anybody
		if !obs.any(func(e room.Event) bool { return e == room.RoomClosed{Reason: room.LeftRoomClosed} }) {
			t.Error("the agent is not told")
		}
		enter(t, h, "agent", asAgent)
		p := enter(t, h, "a", nil)
		time.Sleep(time.Hour)
		p.Leave(room.LeftByItself)
		lasts(t, h, 10*time.Second)
	})
}

func TestAShowThatEndsLeavesTheRoomItsTime(t *testing.T) {
	inKeptHouse(t, func(t *testing.T, h *House) {
		p := enter(t, h, "host", nil)
		s := p.Studio()
		if err := s.GoLive("host", ""); err != nil {
			t.Fatal(err)
		}
		p.Leave(room.LeftByItself)
		time.Sleep(5 * time.Second)
		if _, err := s.EndLive(); err != nil { // an operator
			t.Fatal(err)
		}
		lasts(t, h, 10*time.Second)
	})
}

func TestAnEmptyRoomDoesNotGoLive(t *testing.T) {
	inKeptHouse(t, func(t *testing.T, h *House) {
		s, err := h.Open("r", room.Settings{})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.GoLive("host", ""); !errors.Is(err, ErrNoRoom) {
			t.Errorf("got %v", err)
		}
	})
}

func TestWhoIsNotLetInOpensNothing(t *testing.T) {
	inKeptHouse(t, func(t *testing.T, h *House) {
		if _, err := h.Enter("r", room.Join{Identity: "\n"}, &heard{}); !errors.Is(err, room.ErrBadIdentity) {
			t.Fatal(err)
		}
		if _, err := h.Studio("r"); !errors.Is(err, ErrNoRoom) {
			t.Errorf("the room is there: %v", err)
		}
	})
}

// seen keeps what a witness hears, in short.
type seen struct {
	events []room.Event
	people []int
}

func (s *seen) RoomEvent(in func() RoomInfo, e room.Event) {
	s.events = append(s.events, e)
	s.people = append(s.people, in().Participants)
}

func TestAWitnessHearsARoomFromBeginningToEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &seen{}
		h := NewHouse(Options{Log: slog.New(slog.DiscardHandler), Witnesses: []Witness{w}})
		p := enter(t, h, "a", nil)
		p.Connected()
		p.Connected() // once is enough
		enter(t, h, "b", asHidden)
		publish(t, p, "TR_1")
		if err := p.Send(room.Data{}); !errors.Is(err, room.ErrNotAllowed) {
			t.Fatal(err)
		}
		h.Close()
		var got string
		for i, e := range w.events {
			switch e := e.(type) {
			case room.RoomOpened:
				got += "opened "
			case room.ParticipantJoined:
				got += e.Participant.Identity + "+ "
			case room.ParticipantConnected:
				got += e.Participant.Identity + "! "
			case room.PublicationAdded:
				got += e.Publication.SID + "+ "
			case room.PublicationRemoved:
				got += e.Publication.SID + "- "
			case room.ParticipantLeft:
				got += e.Participant.Identity + "- "
				if e.Participant.Connected != (e.Participant.Identity == "a") || e.Reason != room.LeftServerShutdown {
					t.Errorf("left: %+v", e)
				}
			case room.RoomClosed:
				got += "closed"
				if w.people[i] != 0 {
					t.Errorf("%d people in a closed room", w.people[i])
				}
			default:
				t.Errorf("unexpected %#v", e)
			}
		}
		if got != "opened a+ a! b+ TR_1+ TR_1- a- b- closed" {
			t.Errorf("got %s", got)
		}
	})
}

// TestWhoIsNotLetInLeavesNothingOnTheStage: no place before the door, no seat, no office.
func TestWhoIsNotLetInLeavesNothingOnTheStage(t *testing.T) {
	large := func(j *room.Join) { j.Metadata = strings.Repeat("x", room.MaxMetadataBytes) }
	for _, scene := range []string{"conference", "karaoke", "show"} {
		onStage(t, scene, func(t *testing.T, h *House, s *Studio) {
			host := room.Join{Identity: "host"}
			asHost(&host)
			large(&host)
			if _, err := h.Enter("r", host, &heard{}); !errors.Is(err, room.ErrTooLarge) || s.Stage().Host != nil {
				t.Errorf("%s: %v, and the host is %+v", scene, err, s.Stage().Host)
			}
			enter(t, h, "host", asHost)
			if scene == "conference" {
				act(t, s, "host", stage.Action{Verb: stage.OpenWaiting})
			}
			for i := range stage.MaxWaiting {
				j := room.Join{Identity: fmt.Sprint("eve", i), Permission: room.Permission{Publish: true, Subscribe: true}}
				large(&j)
				if err := s.MayEnter(j); !errors.Is(err, room.ErrTooLarge) {
					t.Errorf("%s: asking: %v", scene, err)
				}
				if _, err := h.Enter("r", j, &heard{}); !errors.Is(err, room.ErrTooLarge) {
					t.Fatalf("%s: %v", scene, err)
				}
			}
			if now := s.Stage(); now.WaitingLength != 0 || len(now.Seated()) != 0 || len(s.Participants()) != 1 {
				t.Errorf("%s: %d wait, %v sit, %d are there", scene, now.WaitingLength, now.Seated(), len(s.Participants()))
			}
			enter(t, h, "ann", nil)
		})
	}
}

// TestABanHoldsForWhoIsHidden by the grant of an application, too.
func TestABanHoldsForWhoIsHidden(t *testing.T) {
	onStage(t, "conference", func(t *testing.T, h *House, s *Studio) {
		enter(t, h, "host", asHost)
		enter(t, h, "ann", nil)
		act(t, s, "host", stage.Action{Verb: stage.Ban, Identity: "ann"})
		for what, change := range map[string]func(*room.Join){"hidden": asHidden, "an agent": asAgent, "an encoder": asIngest} {
			j := room.Join{Identity: "ann", Permission: room.Permission{Publish: true, Subscribe: true}}
			change(&j)
			if _, err := h.Enter("r", j, &heard{}); !errors.Is(err, stage.ErrBanned) {
				t.Errorf("%s: %v", what, err)
			}
			if err := s.MayEnter(j); !errors.Is(err, stage.ErrBanned) {
				t.Errorf("%s, asking: %v", what, err)
			}
		}
		enter(t, h, "recorder", asHidden)
	})
}
