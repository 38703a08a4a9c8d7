package studio

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/room/stage"
	"github.com/tuttilive/tutti/internal/room/words"
	"github.com/tuttilive/tutti/internal/studio/talk"
)

// TestWhatIsNotSaid is said in no other way either: masked in a text, and nobody's name.
func TestWhatIsNotSaid(t *testing.T) {
	for _, c := range []struct{ scene, who, request, refused string }{
		{"show", "ann", `{"type":"chat","text":"W"}`, "no"},
		{"show", "ann", `{"type":"gift","gift":"W"}`, "no heck"},
		{"show", "ann", `{"type":"rename","name":"W"}`, "no heck"},
		{"show", "eve", `{"type":"raise","note":"W"}`, "no"},
		{"show", "host", `{"type":"openPoll","question":"W","options":["a","b"]}`, "no"},
		{"show", "host", `{"type":"openPoll","question":"a","options":["b","W"]}`, "no"},
		{"show", "host", `{"type":"announce","text":"W"}`, "no"},
		{"conference", "host", `{"type":"planGroups","names":["a","W"]}`, "no"},
		{"karaoke", "ann", `{"type":"requestSong","title":"W"}`, "no"},
		{"karaoke", "ann", `{"type":"requestSong","title":"a","artist":"W"}`, "no"},
		{"karaoke", "ann", `{"type":"requestSong","title":"a","lyrics":"[00:01.00]W"}`, "no"},
		{"karaoke", "host", `{"type":"listSong","title":"W"}`, "no"},
		{"class", "ann", `{"type":"draw","drawing":{"page":"p1","put":[{"id":"a","v":1,"kind":"text","text":"W","color":"red","size":20}]}}`, "no"},
	} {
		for _, word := range []string{"no", "heck", "hecktor"} {
			onStage(t, c.scene, func(t *testing.T, h *House, s *Studio) {
				var err error
				if h.words, err = words.Read(strings.NewReader("!no\nheck\n")); err != nil {
					t.Fatal(err)
				}
				enter(t, h, "host", asHost)
				enter(t, h, "ann", func(j *room.Join) { j.Name = "Ann" })
				enter(t, h, "eve", nil)
				if s.scene.HasStage() {
					act(t, s, "ann", stage.Action{Verb: stage.Raise})
				}
				if s.Standing("ann").Position > 0 { // else seats may be claimed
					act(t, s, "host", stage.Action{Verb: stage.Admit, Identity: "ann"})
				}
				l := hear(t, s)
				r, err := talk.Decode([]byte(strings.Replace(c.request, "W", "x "+word, 1)))
				if err != nil {
					t.Fatal(err)
				}
				s.Do(Actor{Identity: c.who, Name: c.who}, r, func(reply talk.Reply) { err = reply.Err })
				if want := strings.Contains(" "+c.refused+" ", " "+word+" "); errors.Is(err, words.ErrNotSaid) != want || !want && err != nil {
					t.Errorf("%s: %s: %v", c.request, word, err)
				}
				time.Sleep(time.Second)
				if told := l.all() + fmt.Sprint(s.Groups()); strings.Contains(told, "x no") || word == "heck" && strings.Contains(told, "x heck") {
					t.Errorf("%s: told %s", c.request, told)
				}
			})
		}
	}
}

// TestNamesThatAreNotSaid are nobody's who gives them to themselves, at any door; those of an application are its own matter.
func TestNamesThatAreNotSaid(t *testing.T) {
	onStage(t, "show", func(t *testing.T, h *House, s *Studio) {
		var err error
		if h.words, err = words.Read(strings.NewReader("heck\n")); err != nil {
			t.Fatal(err)
		}
		ann := enter(t, h, "ann", func(j *room.Join) { j.Name, j.Permission.UpdateMetadata = "Heck", true })
		if got := ann.Self().Name; got != "Heck" {
			t.Errorf("with an application's token she is %q", got)
		}
		name, same, other := "What the heck", "Heck", "Ann"
		if err := ann.Update(&name, nil, nil); !errors.Is(err, words.ErrNotSaid) {
			t.Errorf("to another: %v", err)
		}
		if err := errors.Join(ann.Update(&same, nil, map[string]string{"hand": "up"}), ann.Update(&other, nil, nil), s.Update("ann", &name, nil, nil)); err != nil {
			t.Error(err)
		}
		if _, err := h.Introduce("r", Credential{}, ClaimsOf("guest", "r"), name, ""); !errors.Is(err, words.ErrNotSaid) {
			t.Errorf("who comes by a link: %v", err)
		}
	})
}
