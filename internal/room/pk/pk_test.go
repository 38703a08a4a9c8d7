package pk

import (
	"errors"
	"math"
	"testing"
	"time"
)

var noon = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

func invite(t *testing.T) *Contest {
	t.Helper()
	c, err := Invite("a", "b", time.Minute, noon)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestAContest(t *testing.T) {
	c := invite(t)
	if a, b := c.ViewOf("a"), c.ViewOf("b"); a.State != Inviting || b.State != Invited || a.With.Room != "b" || b.With.Room != "a" || c.Together() {
		t.Fatalf("invited: %+v, %+v", a, b)
	}
	if err := c.Accept("a", noon); !errors.Is(err, ErrState) {
		t.Errorf("who invited accepts: %v", err)
	}
	if c.Score("a", 5, noon) {
		t.Error("points before the start")
	}
	if err := c.Accept("b", noon); err != nil || !c.Together() {
		t.Fatal(err)
	}
	c.Score("a", 5, noon)
	c.Score("b", 3, noon)
	if c.Score("other", 5, noon) || c.Score("a", -5, noon) || c.Expire(noon.Add(59*time.Second)) {
		t.Error("what must not count did")
	}
	if c.Score("b", 100, noon.Add(time.Minute)) {
		t.Error("points after the time")
	}
	if !c.Expire(noon.Add(time.Minute)) || !c.Together() {
		t.Error("they part with the time")
	}
	if a, b := c.ViewOf("a"), c.ViewOf("b"); a.State != Over || a.Result != Won || b.Result != Lost || a.Scores != (Scores{5, 3}) || b.Scores != (Scores{3, 5}) {
		t.Errorf("over: %+v, %+v", a, b)
	}
	if !c.Expire(noon.Add(time.Minute+Aftermath)) || !c.Done() || c.ViewOf("a").Result != Won {
		t.Errorf("ended: %+v", c.ViewOf("a"))
	}
	if c.Expire(noon.Add(time.Hour)) || !errors.Is(c.End("a"), ErrState) {
		t.Error("it ends twice")
	}
}

func TestEndingBefore(t *testing.T) {
	for what, c := range map[string]struct {
		before func(*Contest) error
		by     string
		result Result
	}{
		"withdrawn":  {func(*Contest) error { return nil }, "a", CalledOff},
		"declined":   {func(*Contest) error { return nil }, "b", CalledOff},
		"called off": {func(c *Contest) error { return c.Accept("b", noon) }, "b", CalledOff},
	} {
		x := invite(t)
		if err := errors.Join(c.before(x), x.End(c.by)); err != nil || !x.Done() || x.Together() {
			t.Errorf("%s: %v", what, err)
		}
		if v := x.ViewOf("a"); v.Result != c.result || v.EndedBy != c.by {
			t.Errorf("%s: %+v", what, v)
		}
	}
	x := invite(t)
	if err := errors.Join(x.Accept("b", noon)); err != nil {
		t.Fatal(err)
	}
	x.Expire(noon.Add(time.Minute))
	if err := x.End("a"); err != nil || x.ViewOf("b").Result != Draw || x.ViewOf("b").EndedBy != "" {
		t.Errorf("after the time the result stands: %+v, %v", x.ViewOf("b"), err)
	}
}

func TestInvitationsAreNotForEver(t *testing.T) {
	c := invite(t)
	if err := c.Accept("b", noon.Add(Invitation)); !errors.Is(err, ErrState) {
		t.Errorf("too late: %v", err)
	}
	if !c.Expire(noon.Add(Invitation)) || !c.Done() {
		t.Error("still open")
	}
}

func TestBounds(t *testing.T) {
	if _, err := Invite("a", "a", 0, noon); !errors.Is(err, ErrSelf) {
		t.Errorf("with itself: %v", err)
	}
	for _, d := range []time.Duration{-1, time.Second, 2 * time.Hour} {
		if _, err := Invite("a", "b", d, noon); !errors.Is(err, ErrDuration) {
			t.Errorf("%v: %v", d, err)
		}
	}
	c := invite(t)
	if err := c.Accept("b", noon); err != nil {
		t.Fatal(err)
	}
	c.Score("a", math.MaxInt64, noon)
	c.Score("a", math.MaxInt64, noon)
	if got := c.ViewOf("a").Scores.Us; got != MaxScore {
		t.Errorf("score %d", got)
	}
}

func TestWhoWasAskedIsForgotten(t *testing.T) {
	var a Asked
	now := noon
	for i := range 3 * maxAsked {
		c, err := Invite("a", string(rune('b'+i)), time.Minute, now)
		if err != nil {
			t.Fatal(err)
		}
		a.Note(c, now) // it has not ended
		if err := c.End("a"); err != nil {
			t.Fatal(err)
		}
		a.Note(c, now)
		if a.Free("a", c.Opponent("a"), now) || !a.Free(c.Opponent("a"), "a", now) || !a.Free("a", c.Opponent("a"), now.Add(Invitation)) {
			t.Fatal("not the one who asked waits until its invitation would be over")
		}
		now = now.Add(time.Second)
	}
	if len(a.until) > maxAsked {
		t.Errorf("%d are remembered", len(a.until))
	}
}
