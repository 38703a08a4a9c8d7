package studio

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/store"
)

func TestRevocations(t *testing.T) {
	dir := t.TempDir()
	open := func() (*store.Store, *revocations) {
		s, err := store.Open(dir, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		r, err := openRevocations(s)
		if err != nil {
			t.Fatal(err)
		}
		return s, r
	}
	s, r := open()
	at := time.Unix(1_800_000_000, 0)
	revoke := func(identity string, before time.Time) {
		t.Helper()
		if err := r.add("hall", identity, before); err != nil {
			t.Fatal(err)
		}
	}
	revoke("anna", at)
	revoke("anna", at.Add(-time.Hour)) // takes nothing back
	s.Close()
	s, r = open()
	defer s.Close()
	for _, tt := range []struct {
		room, identity string
		made           time.Time
		want           bool
	}{
		{"hall", "anna", at.Add(-time.Second), true}, {"hall", "anna", at, false}, {"hall", "anna", time.Time{}, true},
		{"hall", "bob", at.Add(-time.Hour), false}, {"other", "anna", at.Add(-time.Hour), false},
	} {
		if got := r.covers(tt.room, tt.identity, tt.made); got != tt.want {
			t.Errorf("%+v: got %v", tt, got)
		}
	}
	for i := range maxRevokedInRoom {
		revoke(fmt.Sprint(i), at.Add(time.Minute))
	}
	if n := len(r.byRoom["hall"]); n != maxRevokedInRoom || r.covers("hall", "anna", time.Time{}) {
		t.Errorf("%d identities are kept, and the oldest too", n)
	}
}
