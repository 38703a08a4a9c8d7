package applause

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func TestLikesAreCounted(t *testing.T) {
	var a Applause
	if n := a.Like("a", 1000, noon); n != likesPerPerson.Burst || a.Likes() != n {
		t.Errorf("%d are counted", n)
	}
	if n := a.Like("a", 5, noon); n != 0 {
		t.Errorf("then %d", n)
	}
	if n := a.Like("a", 1000, noon.Add(time.Second)); n != 20 {
		t.Errorf("a second later %d", n)
	}
}

func TestGifts(t *testing.T) {
	var a Applause
	give := func(who string, g Gift) error { return a.Give(who, g, noon) }
	if err := errors.Join(give("", Gift{Name: "rose", Count: 2, Value: 5, To: "ann"}), give("bob", Gift{Name: "rose", Count: 1})); err != nil {
		t.Fatal(err)
	}
	if a.Given("rose") != 3 || a.To()["ann"] != (Total{2, 10}) || a.Gifts()["rose"] != 3 {
		t.Errorf("%v, %v", a.Gifts(), a.To())
	}
	for _, g := range []Gift{{}, {Name: "x"}, {Name: "x", Count: MaxCount + 1}, {Name: "x", Count: 1, Value: -1}, {Name: "a\nb", Count: 1}} {
		if err := give("", g); !errors.Is(err, ErrGift) {
			t.Errorf("%+v: %v", g, err)
		}
	}
	for i := range 2 * MaxKinds {
		_ = give("", Gift{Name: fmt.Sprint(i), Count: 1, To: fmt.Sprint(i)})
	}
	if len(a.Gifts()) != MaxKinds || len(a.To()) > MaxKinds {
		t.Errorf("%d kinds to %d people", len(a.Gifts()), len(a.To()))
	}
	a = Applause{}
	for i := range 2 * MaxKinds { // however many join in
		_ = give(fmt.Sprint(i), Gift{Name: fmt.Sprint(i), Count: 1, To: fmt.Sprint(i)})
	}
	if err := give("", Gift{Name: "rose", Count: 1, To: "ann"}); err != nil || a.To()["ann"].Count != 1 {
		t.Errorf("the application's gift, after all that was given for nothing: %v", err)
	}
	for range 1000 {
		_ = give("", Gift{Name: "rose", Count: MaxCount, Value: MaxValue, To: "ann"})
	}
	if got := a.To()["ann"].Value; got != MaxTotal {
		t.Errorf("a total of %d", got)
	}
	for range giftsPerPerson.Burst {
		_ = give("eve", Gift{Name: "rose", Count: 1})
	}
	if err := give("eve", Gift{Name: "rose", Count: 1}); !errors.Is(err, ErrTooFast) {
		t.Errorf("too fast: %v", err)
	}
}
