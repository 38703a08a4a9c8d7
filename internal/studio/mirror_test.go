package studio

import (
	"strings"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/room"
)

// hearing is an observer that passes messages on.
type hearing chan string

func (h hearing) RoomEvent(e room.Event) {
	if d, ok := e.(room.DataReceived); ok {
		h <- string(d.Data.Payload)
	}
}

// await gives the first message that has all of some words.
func (h hearing) await(t *testing.T, words ...string) string {
	t.Helper()
	for {
		select {
		case m := <-h:
			fits := true
			for _, w := range words {
				fits = fits && strings.Contains(m, w)
			}
			if fits {
				return m
			}
		case <-time.After(time.Minute):
			t.Fatalf("nobody says %q", words)
		}
	}
}

func TestParticipantsSpeakTheAudiencesVocabulary(t *testing.T) {
	h := newHouse(t, false)
	h.Mirror(func(events []byte) (room.Data, error) { return room.Data{Reliable: true, Payload: events}, nil })
	a, b := make(hearing, 100), make(hearing, 100)
	data := room.Permission{Publish: true, PublishData: true}
	ada, err := h.Enter("r", room.Join{Identity: "ada", Name: "Ada", Permission: data}, a)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Enter("r", room.Join{Identity: "bob", Name: "Bob", Permission: data}, b); err != nil {
		t.Fatal(err)
	}
	ada.Ask([]byte(`{"type":"hello"}`))
	a.await(t, `[{"type":"welcome","you":{"identity":"ada","name":"Ada","role":"speaker"}`)
	ada.Ask([]byte(`{"type":"chat","id":3,"text":"hi"}`))
	a.await(t, `{"type":"ok","id":3,"message":"`)
	if m := b.await(t, `"type":"chat"`, `"text":"hi"`); strings.Contains(m, `"ok"`) {
		t.Errorf("Bob hears Ada's answer: %s", m)
	}
	ada.Ask([]byte(`{"type":"announce","id":4,"text":"x"}`))
	a.await(t, `"code":"forbidden"`)
	ada.Ask([]byte(`nonsense`))
	a.await(t, `"code":"malformed"`)
}
