package studio

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tuttilive/tutti/internal/room/stage"
	"github.com/tuttilive/tutti/internal/studio/talk"
)

// diary notes what everybody is told, and when.
type diary struct {
	began time.Time
	at    []time.Duration
	text  []string
}

func (d *diary) Batch(b talk.Batch) {
	d.at, d.text = append(d.at, time.Since(d.began)), append(d.text, string(b.All))
}
func (d *diary) End([]byte) {}

// told is when something was told that has some words, -1 for never.
func (d *diary) told(words string) time.Duration {
	i := slices.IndexFunc(d.text, func(s string) bool { return strings.Contains(s, words) })
	if i < 0 {
		return -1
	}
	return d.at[i]
}

// TestWhatIsUrgentDoesNotWait until more has been written, and takes along what was written before it.
func TestWhatIsUrgentDoesNotWait(t *testing.T) {
	onStage(t, "show", func(t *testing.T, h *House, s *Studio) {
		enter(t, h, "host", asHost)
		d := &diary{began: time.Now()}
		if _, err := s.Hear(d); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		at := func(wait time.Duration, do func()) time.Duration {
			time.Sleep(wait)
			do()
			return time.Since(d.began)
		}
		write := func(text string) func() {
			return func() {
				s.Do(Actor{Identity: "host", Admin: true}, talk.Request{Type: "chat", Text: text}, func(r talk.Reply) {
					if r.Err != nil {
						t.Fatal(r.Err)
					}
				})
			}
		}
		first := at(0, write("one"))
		at(30*time.Millisecond, write("two"))
		seat := at(10*time.Millisecond, func() { act(t, s, "host", stage.Action{Verb: stage.LockSeat, Seat: 3}) })
		soon := at(5*time.Millisecond, func() { act(t, s, "host", stage.Action{Verb: stage.LockSeat, Seat: 4}) })
		at(0, write("three"))
		time.Sleep(time.Second)
		synctest.Wait()
		for _, c := range []struct {
			words string
			want  time.Duration
		}{{"one", first}, {"two", seat}, {`{"n":3,"state":"locked"}`, seat}, {`{"n":4,"state":"locked"}`, soon + urgentEvery - 5*time.Millisecond}, {"three", soon + urgentEvery - 5*time.Millisecond}} {
			if got := d.told(c.words); got != c.want {
				t.Errorf("%s: told at %v, want %v", c.words, got, c.want)
			}
		}
	})
}

// TestHurryIsBounded: each time costs a write to everybody, so that what is urgent all the time waits as all does.
func TestHurryIsBounded(t *testing.T) {
	onStage(t, "show", func(t *testing.T, h *House, s *Studio) {
		enter(t, h, "host", asHost)
		d := &diary{began: time.Now()}
		if _, err := s.Hear(d); err != nil {
			t.Fatal(err)
		}
		const seconds = 10
		for i := range seconds * 200 {
			act(t, s, "host", stage.Action{Verb: []stage.Verb{stage.LockSeat, stage.UnlockSeat}[i%2], Seat: 1})
			time.Sleep(5 * time.Millisecond)
		}
		synctest.Wait()
		most := seconds*int(time.Second/tellEvery+time.Second/urgentRate.Every) + urgentRate.Burst + 1
		if n := len(d.at); n > most || n < seconds*int(time.Second/tellEvery) {
			t.Errorf("told %d times in %d s, at most %d", n, seconds, most)
		}
	})
}

// TestRaisedHandsAloneAreNotUrgent: an audience raises as many as it likes.
func TestRaisedHandsAloneAreNotUrgent(t *testing.T) {
	onStage(t, "show", func(t *testing.T, h *House, s *Studio) {
		enter(t, h, "host", asHost)
		if _, err := attend(s, stage.Person{Identity: "bob"}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		d := &diary{began: time.Now()}
		if _, err := s.Hear(d); err != nil {
			t.Fatal(err)
		}
		act(t, s, "bob", stage.Action{Verb: stage.Raise})
		time.Sleep(handsEvery - 10*time.Millisecond)
		s.Do(Actor{Identity: "host", Admin: true}, talk.Request{Type: "chat", Text: "hi"}, func(talk.Reply) {})
		time.Sleep(time.Second)
		synctest.Wait()
		if got, want := d.told(`"queueLength":1`), handsEvery-10*time.Millisecond+tellEvery; got != want {
			t.Errorf("told at %v, want %v", got, want)
		}
	})
}
