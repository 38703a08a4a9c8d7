package studio

import (
	"fmt"
	"testing"
)

func TestWhoIsTurnedAwayIsRememberedWithinBounds(t *testing.T) {
	h := &House{}
	h.TurnAway("demo", "rtmp", "unauthorized", "wrong key")
	for range 3 {
		h.TurnAway("demo", "srt", "busy", "another one publishes")
		h.TurnAway("demo", "rtmp", "unauthorized", "wrong key")
	}
	list := h.TurnedAway("demo")
	if len(list) != 2 || list[0].Code != "unauthorized" || list[0].Times != 4 || list[1].Times != 3 {
		t.Errorf("%+v", list)
	}
	for i := range 100 {
		h.TurnAway("demo", "rtmp", "unsupported", fmt.Sprint("codec ", i))
	}
	if list := h.TurnedAway("demo"); len(list) != maxTurnedAway || list[0].Reason != "codec 99" {
		t.Errorf("%+v", list)
	}
	h.TurnAway("../../etc", "rtmp", "bad_name", "no room")
	for i := range 100_000 {
		h.TurnAway(fmt.Sprint("made-up-", i), "rtmp", "unauthorized", "wrong key")
	}
	if n := len(h.turned.byRoom); n != maxTurnedAwayRooms || len(h.turned.order) != n || h.TurnedAway("demo") != nil || h.TurnedAway("made-up-99999") == nil {
		t.Errorf("%d rooms are remembered", n)
	}
	h.turned.forget("made-up-99999")
	if h.TurnedAway("made-up-99999") != nil {
		t.Error("it is not forgotten")
	}
}
