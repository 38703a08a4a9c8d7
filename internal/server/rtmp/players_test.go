package rtmp

import (
	"errors"
	"testing"
)

func TestPlayersOfOneAddressAreBounded(t *testing.T) {
	s := &Server{sessions: map[*session]struct{}{}, perAddress: map[string]int{}, players: map[string]int{}, maxPlayers: 2}
	player := func(host string) *session { return &session{server: s, host: host} }
	a, b, c := player("a"), player("a"), player("a")
	if err := errors.Join(s.watches(a), s.watches(b), s.watches(player("b"))); err != nil {
		t.Fatal(err)
	}
	if err := s.watches(c); !errors.Is(err, errManyPlayers) {
		t.Errorf("the third: %v", err)
	}
	if code, _ := playStatusOf(errManyPlayers); code != playFailed {
		t.Errorf("told %s", code)
	}
	s.end(c) // takes nobody's place
	if err := s.watches(player("a")); !errors.Is(err, errManyPlayers) {
		t.Errorf("after one that never played: %v", err)
	}
	s.end(a)
	if err := s.watches(c); err != nil {
		t.Errorf("after one has gone: %v", err)
	}
	s.end(b)
	s.end(c)
	if len(s.players) != 1 {
		t.Errorf("still counted: %v", s.players)
	}
}
