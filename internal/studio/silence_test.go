package studio

import (
	"errors"
	"testing"

	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/room/stage"
	"github.com/tuttilive/tutti/internal/studio/talk"
)

// TestWhoIsSilencedHasNoOtherWayToWrite than the chat, and does all else as before.
func TestWhoIsSilencedHasNoOtherWayToWrite(t *testing.T) {
	for _, c := range []struct {
		scene, request string
		refused        error
	}{
		{"show", `{"type":"chat","text":"x"}`, stage.ErrSilenced},
		{"show", `{"type":"gift","gift":"x"}`, stage.ErrSilenced},
		{"show", `{"type":"rename","name":"x"}`, stage.ErrSilenced},
		{"show", `{"type":"like"}`, nil},
		{"karaoke", `{"type":"requestSong","title":"x"}`, stage.ErrSilenced},
		{"class", `{"type":"draw","drawing":{"page":"p1","put":[{"id":"a","v":1,"kind":"text","text":"x","color":"red","size":20}]}}`, stage.ErrSilenced},
		{"class", `{"type":"draw","drawing":{"page":"p1","put":[{"id":"a","v":1,"kind":"pen","points":[0,0,5,5],"color":"red","size":4}]}}`, nil},
		{"class", `{"type":"trace","trace":{"page":"p1","id":"b","kind":"pen","points":[0,0,5,5],"color":"red","size":4}}`, nil},
	} {
		onStage(t, c.scene, func(t *testing.T, h *House, s *Studio) {
			enter(t, h, "host", asHost)
			ann := enter(t, h, "ann", func(j *room.Join) { j.Name, j.Permission.PublishData, j.Permission.UpdateMetadata = "Ann", true, true })
			if act(t, s, "ann", stage.Action{Verb: stage.Raise}); s.Standing("ann").Position > 0 { // else seats may be claimed
				act(t, s, "host", stage.Action{Verb: stage.Admit, Identity: "ann"})
			}
			name, same := "buy this", "Ann"
			if err := ann.Send(room.Data{Payload: []byte("x"), Words: true}); err != nil {
				t.Fatal(err)
			}
			act(t, s, "host", stage.Action{Verb: stage.Silence, Identity: "ann"})
			r, err := talk.Decode([]byte(c.request))
			if err != nil {
				t.Fatal(err)
			}
			s.Do(Actor{Identity: "ann", Name: "Ann"}, r, func(reply talk.Reply) {
				if !errors.Is(reply.Err, c.refused) {
					t.Errorf("%s: %s: %v", c.scene, c.request, reply.Err)
				}
			})
			for what, err := range map[string]error{"words": ann.Send(room.Data{Payload: []byte("x"), Words: true}), "a name": ann.Update(&name, nil, nil)} {
				if !errors.Is(err, room.ErrNotAllowed) {
					t.Errorf("%s: %v", what, err)
				}
			}
			if err := errors.Join(ann.Send(room.Data{Payload: []byte("x")}), ann.Update(&same, &same, map[string]string{"hand": "up"})); err != nil {
				t.Errorf("what is not for reading: %v", err)
			}
			ann.Leave(room.LeftByItself)
			again := enter(t, h, "ann", func(j *room.Join) { j.Name = name })
			watching, err := attend(s, stage.Person{Identity: "ann", Name: name})
			if err != nil {
				t.Fatal(err)
			}
			if again.Self().Name != "Ann" || watching.person().Name != "Ann" {
				t.Errorf("back as %q and %q", again.Self().Name, watching.person().Name)
			}
		})
	}
}

// TestTheApplicationRenamesWhoIsSilenced, whose name may be why they are.
func TestTheApplicationRenamesWhoIsSilenced(t *testing.T) {
	onStage(t, "show", func(t *testing.T, h *House, s *Studio) {
		enter(t, h, "host", asHost)
		ann := enter(t, h, "ann", func(j *room.Join) { j.Name = "buy this" })
		act(t, s, "host", stage.Action{Verb: stage.Silence, Identity: "ann"})
		name := "Ann"
		if err := s.Update("ann", &name, nil, nil); err != nil {
			t.Fatal(err)
		}
		ann.Leave(room.LeftByItself)
		again := enter(t, h, "ann", func(j *room.Join) { j.Name = "buy this" })
		if got := again.Self().Name; got != name || s.Stage().Silenced[0].Name != name {
			t.Errorf("back as %q, silenced as %q", got, s.Stage().Silenced[0].Name)
		}
	})
}

// TestGiftsAreForThoseWhoAreHere: what was given to each is kept for some, which nobody fills with names that they made up.
func TestGiftsAreForThoseWhoAreHere(t *testing.T) {
	onStage(t, "show", func(t *testing.T, h *House, s *Studio) {
		enter(t, h, "host", asHost)
		enter(t, h, "ann", nil)
		for to, want := range map[string]error{"host": nil, "": nil, "nobody": stage.ErrNoPerson} {
			s.Do(Actor{Identity: "ann"}, talk.Request{Type: "gift", Gift: "rose", To: to}, func(r talk.Reply) {
				if !errors.Is(r.Err, want) {
					t.Errorf("to %q: %v", to, r.Err)
				}
			})
		}
	})
}
