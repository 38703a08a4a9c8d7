package poll

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func TestVoting(t *testing.T) {
	var p Polls
	if _, err := p.Open("1", "Tea?", []string{"yes", "no", "later"}, false, noon); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		who     string
		choices []int
		want    error
	}{{"a", []int{0}, nil}, {"b", []int{1}, nil}, {"a", []int{1}, nil}, {"c", []int{0, 1}, ErrChoices}, {"c", []int{3}, ErrChoices}, {"c", []int{-1}, ErrChoices}, {"c", nil, ErrChoices}} {
		if _, err := p.Vote(c.who, "1", c.choices); !errors.Is(err, c.want) {
			t.Errorf("%v: %v", c, err)
		}
	}
	got, err := p.Close("1")
	if err != nil || got.Voters != 2 || got.Options[0].Votes != 0 || got.Options[1].Votes != 2 || got.Open {
		t.Errorf("%+v, %v", got, err)
	}
	if votes := p.find("1").votes; votes != nil || p.All()[0].Voters != 2 {
		t.Errorf("a closed poll keeps %v, %+v", votes, p.All())
	}
	if _, err := p.Vote("d", "1", []int{0}); !errors.Is(err, ErrClosed) {
		t.Errorf("closed: %v", err)
	}
	if _, err := p.Vote("d", "2", []int{0}); !errors.Is(err, ErrNoPoll) {
		t.Errorf("none: %v", err)
	}
}

func TestPollsAreBounded(t *testing.T) {
	var p Polls
	two := []string{"a", "b"}
	for i := range 4 * MaxKept {
		if _, err := p.Open(fmt.Sprint(i), "?", two, true, noon); err != nil {
			t.Fatal(err)
		}
		if _, err := p.Close(fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(p.All()); n != MaxKept {
		t.Errorf("%d are kept", n)
	}
	for i := range MaxOpen {
		if _, err := p.Open(fmt.Sprint("o", i), "?", two, true, noon); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := p.Open("more", "?", two, true, noon); !errors.Is(err, ErrMany) {
		t.Errorf("open: %v", err)
	}
	for _, options := range [][]string{nil, {"a"}, {"a", " a "}, {"a", ""}} {
		if _, err := (&Polls{}).Open("x", "?", options, false, noon); !errors.Is(err, ErrOptions) {
			t.Errorf("%q: %v", options, err)
		}
	}
}
