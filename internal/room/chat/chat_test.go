package chat

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/room/refuse"
)

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func draft(who, text string) Draft { return Draft{From: From{Identity: who}, Text: text} }

func TestCleanDrafts(t *testing.T) {
	for _, c := range []struct {
		d    Draft
		want error
	}{
		{draft("a", " x "), nil}, {draft("a", " \u202e "), ErrEmpty}, {draft("a", strings.Repeat("长", MaxRunes)), nil},
		{draft("a", strings.Repeat("长", MaxRunes+1)), ErrTooLong}, {Draft{Text: "x", Color: "#00ffAA"}, nil}, {Draft{Text: "x", Color: "red"}, ErrColor},
		{Draft{Text: "x", Nonce: strings.Repeat("n", 65)}, ErrNonce},
	} {
		if _, err := c.d.Clean(); !errors.Is(err, c.want) {
			t.Errorf("%.20q: %v", c.d.Text, err)
		}
	}
}

func TestHowFastOneMayWrite(t *testing.T) {
	var c Chat
	for i := range perPerson.Burst {
		if err := c.Admit(draft("a", "x"), noon); err != nil {
			t.Fatal(i, err)
		}
	}
	var refused *refuse.Refusal
	if err := c.Admit(draft("a", "x"), noon); !errors.Is(err, ErrTooFast) || !errors.As(err, &refused) || refused.Wait != 2*time.Second {
		t.Errorf("too fast: %v", err)
	}
	if err := c.Admit(draft("b", "x"), noon); err != nil {
		t.Errorf("somebody else: %v", err)
	}
	if err := c.Admit(draft("a", "x"), noon.Add(2*time.Second)); err != nil {
		t.Errorf("after the wait that was told: %v", err)
	}
	if err := c.SetSlow(10 * time.Second); err != nil {
		t.Fatal(err)
	}
	later := noon.Add(2 * time.Second)
	if err := c.Admit(draft("c", "x"), later); err != nil {
		t.Error(err)
	}
	err := c.Admit(draft("c", "x"), later.Add(4*time.Second))
	if !errors.Is(err, ErrSlow) || !strings.Contains(fmt.Sprintf("%+v", err), "slow") {
		t.Errorf("slow mode: %v", err)
	}
	if err := c.Admit(draft("c", "x"), later.Add(10*time.Second)); err != nil {
		t.Errorf("after it: %v", err)
	}
}

func TestARoomIsToldSoMuch(t *testing.T) {
	var c Chat
	shown := func(danmaku bool) int {
		for n := 0; ; n++ {
			d := draft(fmt.Sprint(danmaku, n), "x")
			if d.Danmaku = danmaku; c.Admit(d, noon) != nil {
				return n
			}
		}
	}
	if n := shown(true); n != perRoom.Burst/2 {
		t.Errorf("%d danmaku", n)
	}
	if n := shown(false); n != perRoom.Burst/2 {
		t.Errorf("then %d messages", n)
	}
	d := draft("host", "x")
	if d.Free = true; c.Admit(d, noon) != nil {
		t.Error("hosts are heard all the same")
	}
}

// TestWhoFloodsGetsNowhere: hundreds try fifteen times a second, and take nothing from those who write now and then, but for a moment.
func TestWhoFloodsGetsNowhere(t *testing.T) {
	var c Chat
	flood, heard, refused := 0, 0, 0
	for tick := range 60 * 15 {
		now := noon.Add(time.Duration(tick) * time.Second / 15)
		for k := range 300 {
			if c.Admit(draft(fmt.Sprint("flood ", k), "x"), now) == nil {
				flood++
			}
		}
		if tick > 3*15 && tick%30 == 0 {
			for k := range 20 {
				if c.Admit(draft(fmt.Sprint("guest ", k), "x"), now) == nil {
					heard++
				} else {
					refused++
				}
			}
		}
	}
	if refused > 0 || heard < 500 {
		t.Errorf("guests were refused %d times, and heard %d times", refused, heard)
	}
	if flood > 2*perRoom.Burst {
		t.Errorf("the flood was heard %d times", flood)
	}
	if err := c.Admit(draft("flood 1", "x"), noon.Add(61*time.Second+deterred)); err != nil {
		t.Errorf("after a pause: %v", err)
	}
}

func TestSentAgain(t *testing.T) {
	var c Chat
	d := draft("a", "x")
	d.Nonce = "1"
	c.Post(d, "id", noon)
	if id, ok := c.Sent(d); !ok || id != "id" {
		t.Error("is not known")
	}
	if d.From.Identity = "b"; d.Nonce != "1" {
		t.Fatal()
	}
	if _, ok := c.Sent(d); ok {
		t.Error("somebody else's")
	}
	for i := range 3 * MaxHistory {
		d.Nonce = fmt.Sprint("n", i)
		c.Post(d, fmt.Sprint(i), noon)
	}
	if len(c.nonces) > maxRemembered || len(c.Recent(1000)) != MaxHistory {
		t.Errorf("%d nonces, %d messages are kept", len(c.nonces), len(c.Recent(1000)))
	}
	if err := c.Delete(c.Recent(1)[0].ID); err != nil || c.Delete("nothing") == nil {
		t.Error("deleting")
	}
}

func TestWhatLeftTheHistoryIsTakenAwayToo(t *testing.T) {
	var c Chat
	id := func(i int) string { return fmt.Sprint("m", i) }
	for i := range MaxHistory + MaxPast + 2 {
		c.Post(draft("ann", "hello"), id(i), time.Time{})
	}
	for _, one := range []struct {
		id   string
		want error
	}{
		{id(0), ErrNoMessage}, {id(1), ErrNoMessage}, {"", ErrNoMessage}, // longer ago than is remembered; none
		{id(2), nil}, {id(2), ErrNoMessage}, {id(MaxPast), nil}, {id(MaxPast + 1), nil}, {id(MaxPast + 2), nil}, {id(MaxPast + MaxHistory), nil},
	} {
		if err := c.Delete(one.id); !errors.Is(err, one.want) {
			t.Errorf("taking %q away: %v", one.id, err)
		}
	}
	if n := len(c.Recent(MaxHistory)); n != MaxHistory-2 {
		t.Errorf("%d are left in the history", n)
	}
	for i := range 4 { // two in place of those that were taken away, two for which others leave
		c.Post(draft("ann", "hello"), fmt.Sprint("n", i), time.Time{})
	}
	if err := c.Delete(id(3)); !errors.Is(err, ErrNoMessage) {
		t.Errorf("the oldest makes place: %v", err)
	}
}
