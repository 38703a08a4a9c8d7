package studio

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/room"
)

// visits is a gate that lets everybody in.
type visits []Visit

func (a *visits) Pass(_ context.Context, v Visit) error { *a = append(*a, v); return nil }

// fetched is a fetcher that has something for the room "r", and counts how often it is wanted.
type fetched struct{ times atomic.Int32 }

func (e *fetched) Fetches(roomName string) bool { return roomName == "r" }

func (e *fetched) Fetch(roomName string) bool {
	if roomName == "r" {
		e.times.Add(1)
	}
	return roomName == "r"
}

func TestNobodyIsAskedAboutRoomsWithNothingToPlay(t *testing.T) {
	inEncodersHouse(t, func(t *testing.T, h *House) {
		var gate visits
		h.gate = &gate
		play := func() error {
			_, err := h.AdmitPlayer(context.Background(), "r", "hls", Credential{})
			return err
		}
		if err := play(); !errors.Is(err, ErrNotLive) || len(gate) != 0 {
			t.Errorf("%v, asked %+v", err, gate)
		}
		h.fetcher = &fetched{}
		if err := play(); err != nil || len(gate) != 1 {
			t.Errorf("what can be fetched: %v, asked %+v", err, gate)
		}
		h.fetcher = nil
		mustPublish(t, h, mainKey, "192.0.2.1", 100)
		gate = nil
		if err := play(); err != nil || len(gate) != 1 {
			t.Errorf("what is live: %v, asked %+v", err, gate)
		}
	})
}

func TestRecordingsAreAskedAboutWhileNothingIsLive(t *testing.T) {
	inEncodersHouse(t, func(t *testing.T, h *House) {
		var gate visits
		h.gate = &gate
		if _, err := h.AdmitReplay(t.Context(), "r", Credential{Key: testKeys.LinkKey("r", auth.Watcher, "s")}); err != nil || len(gate) != 1 || gate[0].Protocol != "recording" || gate[0].Action != Playing {
			t.Errorf("a watcher: %v, asked %+v", err, gate)
		}
		if _, err := h.AdmitReplay(t.Context(), "r", Credential{Key: testKeys.LinkKey("r", auth.Host, "s")}); err != nil || len(gate) != 1 {
			t.Errorf("a host: %v, asked %+v", err, gate)
		}
	})
}

func TestWhatDoesNotDecideMakesNoOtherVisitor(t *testing.T) {
	inEncodersHouse(t, func(t *testing.T, h *House) {
		var gate visits
		h.gate, h.fetcher = &gate, &fetched{}
		pass := testKeys.Pass("r", "s", time.Now().Add(time.Hour))
		key := testKeys.LinkKey("r", auth.Watcher, "s")
		token, err := testKeys.Mint(auth.Claims{Identity: "ann", Video: auth.Grant{Room: "r", RoomJoin: true}}, time.Hour, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		for what, c := range map[string]struct {
			shown    [2]Credential
			identity string
		}{
			"a pass":  {[2]Credential{{Pass: pass}, {Pass: pass, Key: "1", Token: token}}, ""},
			"a token": {[2]Credential{{Token: token}, {Token: token, Key: "1"}}, "ann"},
			"a key":   {[2]Credential{{Key: key}, {Key: key}}, ""},
		} {
			gate = nil
			for _, shown := range c.shown {
				if _, err := h.AdmitPlayer(context.Background(), "r", "hls", shown); err != nil {
					t.Fatalf("%s: %v", what, err)
				}
			}
			if len(gate) != 2 || gate[0] != gate[1] || gate[0].Shown == "" || gate[0].Identity != c.identity {
				t.Errorf("%s: asked about %+v", what, gate)
			}
		}
	})
}

func TestWhoComesAfterASourceWasLeftHasItFetched(t *testing.T) {
	inEncodersHouse(t, func(t *testing.T, h *House) {
		var fetcher fetched
		h.fetcher = &fetcher
		watch := func() {
			w, err := h.Watch("r", "flv")
			if err != nil {
				t.Fatal(err)
			}
			w.Close()
		}
		c := mustPublish(t, h, mainKey, "192.0.2.1", 100)
		if watch(); fetcher.times.Load() != 0 {
			t.Error("what another encoder sends is fetched")
		}
		c.Leave(room.LeftByItself)
		if watch(); fetcher.times.Load() != 1 {
			t.Error("who comes before the show has ended watches nothing")
		}
	})
}
