package main

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/api"
	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/codec"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/room/stage"
	"github.com/tuttilive/tutti/internal/store"
	"github.com/tuttilive/tutti/internal/studio"
	"github.com/tuttilive/tutti/internal/webhook"
)

type deaf struct{}

func (deaf) RoomEvent(room.Event) {}

// TestAShowIsRun has ten people raise their hands on a stage of eight seats: all have their turn, and go down again.
func TestAShowIsRun(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	keys := auth.Keys{Key: "devkey", Secret: "a secret that is long enough for HS256"}
	r := &runner{key: keys.Key, secret: keys.Secret, room: "open-stage", turn: 100 * time.Millisecond, turns: map[string]*time.Timer{}}
	hooks := httptest.NewServer(r)
	defer hooks.Close()
	told := webhook.New(webhook.Options{URLs: []string{hooks.URL}, Keys: keys, Client: http.DefaultClient, Log: log})
	defer told.Close(t.Context())
	st, err := store.Open(t.TempDir(), log)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	policies, err := studio.OpenPolicies(st)
	if err != nil {
		t.Fatal(err)
	}
	house := studio.NewHouse(studio.Options{Keys: keys, Rooms: policies, Workers: codec.FindWorkers("off"), Witnesses: []studio.Witness{told}, Log: log})
	defer house.Close()
	served := httptest.NewServer(api.New(api.Options{House: house, AnyoneCreates: true, Log: log}))
	defer served.Close()
	r.server = served.URL
	for range 2 { // the second time the room is there
		if err := r.open(); err != nil {
			t.Fatal(err)
		}
	}
	people := map[string]bool{}
	for i := range 10 {
		who := studio.Actor{Identity: fmt.Sprint("p", i), Name: fmt.Sprint("P", i)}
		if _, err := house.Enter(r.room, room.Join{Identity: who.Identity, Name: who.Name, Permission: room.Permission{Publish: true}}, deaf{}); err != nil {
			t.Fatal(err)
		}
		s, err := house.Studio(r.room)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.StageAct(who, stage.Action{Verb: stage.Raise}); err != nil {
			t.Fatal(err)
		}
	}
	s, err := house.Studio(r.room)
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.After(30 * time.Second); ; {
		now := s.Stage()
		for _, who := range now.Seated() {
			people[who.Identity] = true
		}
		if len(people) == 10 && len(now.Seated()) == 0 && now.QueueLength == 0 {
			return
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-deadline:
			t.Fatalf("%d were up; %+v", len(people), now)
		}
	}
}
