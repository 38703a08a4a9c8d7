package studio

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/room/chat"
	"github.com/tuttilive/tutti/internal/room/stage"
	"github.com/tuttilive/tutti/internal/studio/talk"
)

// slowReviewer allows everything after half a second.
type slowReviewer struct{}

func (slowReviewer) Review(w Written) (string, error) {
	time.Sleep(time.Second / 2)
	return w.Text, nil
}

// TestWhatIsLookedAtIsNotShownOfWhoMayNotWriteAnyMore has a host act while the application looks at a message.
func TestWhatIsLookedAtIsNotShownOfWhoMayNotWriteAnyMore(t *testing.T) {
	for _, c := range []struct {
		verb stage.Verb
		want error
	}{{stage.Silence, stage.ErrSilenced}, {stage.Ban, stage.ErrBanned}, {"", nil}} {
		onStage(t, "show", func(t *testing.T, h *House, s *Studio) {
			h.reviewer = slowReviewer{}
			enter(t, h, "host", asHost)
			eve, err := attend(s, stage.Person{Identity: "eve", Name: "Eve"})
			if err != nil {
				t.Fatal(err)
			}
			l := hear(t, s)
			answered := make(chan error, 1)
			eve.Do(talk.Request{Type: "chat", Text: "something vile"}, func(reply talk.Reply) { answered <- reply.Err })
			synctest.Wait()
			if c.verb != "" {
				act(t, s, "host", stage.Action{Verb: c.verb, Identity: "eve"})
			}
			if err := <-answered; !errors.Is(err, refused(c.want)) {
				t.Errorf("%q meanwhile, and the writer is answered %v", c.verb, err)
			}
			time.Sleep(time.Second)
			if shown := strings.Contains(l.all(), "something vile"); shown != (c.want == nil) || (len(s.Messages(10)) == 1) != shown {
				t.Errorf("%q meanwhile: shown %v, in the history %v", c.verb, shown, s.Messages(10))
			}
		})
	}
}

// busyReviewer has no place for the first message.
type busyReviewer struct{ busy bool }

func (b *busyReviewer) Review(w Written) (string, error) {
	if b.busy = !b.busy; b.busy {
		return "", chat.ErrBusy.After(time.Second)
	}
	return w.Text, nil
}

// TestSlowModeDoesNotCountWhatNobodyCouldLookAt: it is sent again, as its writer is told.
func TestSlowModeDoesNotCountWhatNobodyCouldLookAt(t *testing.T) {
	onStage(t, "show", func(t *testing.T, h *House, s *Studio) {
		h.reviewer = &busyReviewer{}
		enter(t, h, "host", asHost)
		if code := request(t, s, Actor{Identity: "host"}, `{"type":"setSlow","seconds":600}`); code != "" {
			t.Fatal(code)
		}
		eve, err := attend(s, stage.Person{Identity: "eve", Name: "Eve"})
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"busy", "", "slow"} {
			answered := make(chan error, 1)
			eve.Do(talk.Request{Type: "chat", Text: "hello"}, func(r talk.Reply) { answered <- r.Err })
			err := <-answered
			no, _ := errors.AsType[*room.Refusal](err)
			if (err == nil) != (want == "") || no != nil && no.Code != want {
				t.Errorf("answered %v, want %q", err, want)
			}
			time.Sleep(time.Second)
		}
	})
}

// notingReviewer notes where messages come from.
type notingReviewer chan netip.Prefix

func (n notingReviewer) Review(w Written) (string, error) {
	n <- w.Address
	return w.Text, nil
}

func TestWhereParticipantsWriteFromIsKnown(t *testing.T) {
	onStage(t, "show", func(t *testing.T, h *House, s *Studio) {
		from := make(notingReviewer, 1)
		h.reviewer = from
		network := netip.MustParsePrefix("192.0.2.1/32")
		enter(t, h, "host", func(j *room.Join) { j.Network, j.Permission.PublishData = network, true }).Ask([]byte(`{"type":"chat","text":"hi"}`))
		if got := <-from; got != network {
			t.Errorf("from %v", got)
		}
	})
}
