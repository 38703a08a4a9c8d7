package studio

import (
	"errors"
	"log/slog"
	"testing"

	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/store"
)

func TestPoliciesSurviveARestart(t *testing.T) {
	dir := t.TempDir()
	s, err := store.Open(dir, slog.Default())
	if err != nil {
		t.Fatal(err)
	}
	rooms, err := OpenPolicies(s)
	if err != nil {
		t.Fatal(err)
	}
	const name = "合奏-1"
	if _, found, err := rooms.Find(name); found || err != nil {
		t.Fatalf("a room nobody created: found %v, %v", found, err)
	}
	if err := rooms.Create(name, room.Policy{Title: "夜", Access: room.AccessOpen}); err != nil {
		t.Fatal(err)
	}
	if err := rooms.Create(name, room.Policy{}); !errors.Is(err, store.ErrExists) {
		t.Fatalf("creating it again gives %v", err)
	}
	s.Close()

	s, err = store.Open(dir, slog.Default())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if rooms, err = OpenPolicies(s); err != nil {
		t.Fatal(err)
	}
	p, found, err := rooms.Find(name)
	if err != nil || !found || p.Title != "夜" || p.Access != room.AccessOpen {
		t.Fatalf("after a restart: %+v, %v, %v", p, found, err)
	}
}
