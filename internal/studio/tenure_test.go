package studio

import (
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/codec"
	"github.com/tuttilive/tutti/internal/room"
)

// TestTokensOfTheServerAreForOneRoom has a name change hands: whoever was let in before, also somebody whose token is made only then, is nobody.
func TestTokensOfTheServerAreForOneRoom(t *testing.T) {
	h := newHouse(t, false)
	if err := h.Policies().Create("r", room.Policy{Access: room.AccessLink, Salt: "s"}); err != nil {
		t.Fatal(err)
	}
	claims, err := h.Admit("r", Credential{Key: testKeys.LinkKey("r", auth.Host, "s")}, ToJoin)
	if err != nil {
		t.Fatal(err)
	}
	p, err := h.Enter("r", room.Join{Identity: claims.Identity, Permission: Permission(claims.Video)}, &heard{})
	if err != nil {
		t.Fatal(err)
	}
	comesBackWith, _ := p.Refreshed(claims)
	token := func(what string, make func() (string, error)) string {
		t.Helper()
		token, err := make()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		return token
	}
	made := map[string]string{
		"joining":     token("joining", func() (string, error) { return h.Ticket(claims) }),
		"staying":     token("staying", func() (string, error) { return h.TicketToStay(claims) }),
		"refreshed":   token("refreshed", func() (string, error) { return h.Keys().Mint(comesBackWith, time.Hour, time.Now()) }),
		"an operator": token("an operator", func() (string, error) { return h.Ticket(ClaimsOf(auth.Host, "r")) }),
	}
	for what, token := range made {
		if _, err := h.Admit("r", Credential{Token: token}, ToDirect); err != nil {
			t.Errorf("%s, the token: %v", what, err)
		}
	}
	h.annexes.add("group-x", annex{main: "r", n: 1})
	p.studio.mu.Lock()
	moved, err := p.studio.annexToken("group-x", comesBackWith)
	p.studio.mu.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	inGroup, err := h.Admit("group-x", Credential{Token: moved}, ToJoin)
	if err != nil {
		t.Errorf("the token for a group: %v", err)
	}
	if _, err := h.Admit("group-x", Credential{Token: token("refreshed in a group", func() (string, error) { return h.Keys().Mint(inGroup, time.Hour, time.Now()) })}, ToJoin); err != nil {
		t.Errorf("refreshed in a group: %v", err)
	}

	if err := h.Delete("r"); err != nil {
		t.Fatal(err)
	}
	made["made later"] = token("made later", func() (string, error) { return h.TicketToStay(claims) })
	if err := h.Policies().Create("r", room.Policy{Access: room.AccessLink, Salt: "another"}); err != nil {
		t.Fatal(err)
	}
	for what, token := range made {
		if _, err := h.Admit("r", Credential{Token: token}, ToJoin); !errors.Is(err, auth.ErrRevoked) {
			t.Errorf("%s, the token of before: %v", what, err)
		}
	}
}

// TestWhoIsInsideStaysWhereARoomIsCreatedAroundThem has somebody come with a token of an application into a room that is created only then, and come
// back with what the server gave them in its place: for as long as the room lasts.
func TestWhoIsInsideStaysWhereARoomIsCreatedAroundThem(t *testing.T) {
	h := newHouse(t, false)
	mint := func(c auth.Claims) string {
		t.Helper()
		token, err := h.Keys().Mint(c, time.Hour, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	claims, err := h.Admit("r", Credential{Token: mint(auth.Claims{Identity: "ann", Video: auth.Grant{Room: "r", RoomJoin: true}})}, ToJoin)
	if err != nil {
		t.Fatal(err)
	}
	p, err := h.Enter("r", room.Join{Identity: "ann", Permission: Permission(claims.Video)}, &heard{})
	if err != nil {
		t.Fatal(err)
	}
	before, _ := p.Refreshed(claims)
	if err := h.Policies().Create("r", room.Policy{Access: room.AccessLink, Salt: "s"}); err != nil {
		t.Fatal(err)
	}
	after, _ := p.Refreshed(claims)
	for _, c := range []auth.Claims{before, after} {
		if _, err := h.Admit("r", Credential{Token: mint(c)}, ToJoin); err != nil {
			t.Error(err)
		}
	}
	p.Studio().Close(room.LeftRoomClosed)
	if _, err := h.Enter("r", room.Join{Identity: "bob"}, &heard{}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Admit("r", Credential{Token: mint(before)}, ToJoin); !errors.Is(err, auth.ErrRevoked) {
		t.Errorf("in the next room of the name: %v", err)
	}
}

// TestWhoIsNotInsideIsNobodyInTheRoomThatIsCreated, nor who has left it for long, though it still runs as it did before; and what somebody is given who
// stays is for no longer than that.
func TestWhoIsNotInsideIsNobodyInTheRoomThatIsCreated(t *testing.T) {
	h := newHouse(t, false)
	ticket := func(identity string) string {
		t.Helper()
		claims := ClaimsOf(auth.Host, "r")
		claims.Identity = identity
		token, err := h.Ticket(claims)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	old := map[string]string{}
	for _, identity := range []string{"inside", "watching", "sending", "outside"} {
		old[identity] = ticket(identity)
	}
	p, err := h.Enter("r", room.Join{Identity: "inside"}, &heard{})
	if err != nil {
		t.Fatal(err)
	}
	s := p.Studio()
	if _, err := h.Attend("r", Attendance{Credential: Credential{Token: old["watching"]}, Ear: unheard{}}); err != nil {
		t.Fatal(err)
	}
	e, err := h.AdmitEncoder(t.Context(), "r", "whip", Credential{Token: old["sending"]})
	if err == nil {
		_, err = h.EnterEncoder(e, room.Program{Door: "whip"}, &camera{stop: make(chan struct{})})
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Policies().Create("r", room.Policy{Access: room.AccessToken, Salt: "s"}); err != nil {
		t.Fatal(err)
	}
	for identity, token := range old {
		claims, err := h.Admit("r", Credential{Token: token}, ToDirect)
		if inside := identity != "outside"; (err == nil) != inside {
			t.Errorf("%s: %v", identity, err)
		}
		if err != nil {
			continue
		}
		if old[identity], err = h.Ticket(claims); err != nil {
			t.Fatal(err)
		}
	}
	admitted := func() error {
		_, err := h.Admit("r", Credential{Token: old["inside"]}, ToDirect)
		return err
	}
	p.Leave(room.LeftByItself)
	if err := admitted(); err != nil {
		t.Errorf("who has just left: %v", err)
	}
	s.mu.Lock()
	s.insiders["inside"] = time.Now().Add(-stayGrace)
	s.mu.Unlock()
	if err := admitted(); !errors.Is(err, auth.ErrRevoked) {
		t.Errorf("who has left for long: %v", err)
	}
	s.Close(room.LeftRoomClosed)
	for identity, token := range old {
		if _, err := h.Admit("r", Credential{Token: token}, ToDirect); !errors.Is(err, auth.ErrRevoked) {
			t.Errorf("%s, when it is over: %v", identity, err)
		}
	}
}

// TestWhoIsInsideStaysOverARestart of the server.
func TestWhoIsInsideStaysOverARestart(t *testing.T) {
	policies := newHouse(t, false).Policies()
	kept := &keptRooms{rooms: map[string]Left{}, images: map[string][]byte{}}
	open := func() *House {
		h := NewHouse(Options{Keys: testKeys, Rooms: policies, Running: kept, Workers: codec.FindWorkers("off"), Log: slog.New(slog.DiscardHandler)})
		t.Cleanup(h.Close)
		return h
	}
	h := open()
	tokens := map[string]string{}
	for _, identity := range []string{"inside", "outside"} {
		var err error
		if tokens[identity], err = h.Ticket(auth.Claims{Identity: identity, Video: auth.Grant{Room: "r", RoomJoin: true}}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := h.Enter("r", room.Join{Identity: "inside"}, &heard{}); err != nil {
		t.Fatal(err)
	}
	if err := policies.Create("r", room.Policy{Access: room.AccessLink, Salt: "s"}); err != nil {
		t.Fatal(err)
	}
	h.Close()
	h = open()
	for identity, token := range tokens {
		if _, err := h.Admit("r", Credential{Token: token}, ToJoin); (err == nil) != (identity == "inside") {
			t.Errorf("%s: %v", identity, err)
		}
	}
}

// TestWhoIsAwayForLongIsNotKeptForARestart, though nothing else happens in the room, nor who did not come back after the last one.
func TestWhoIsAwayForLongIsNotKeptForARestart(t *testing.T) {
	overRestarts(t, func(t *testing.T, kept *keptRooms, next func() *House) {
		enter := func(h *House, identity string) *Participant {
			t.Helper()
			p, err := h.Enter("r", room.Join{Identity: identity}, &heard{})
			if err != nil {
				t.Fatal(err)
			}
			return p
		}
		h := next()
		enter(h, "ann")
		bob := enter(h, "bob")
		enter(h, "cy")
		h.handedOver("r")
		bob.Leave(room.LeftByItself)
		time.Sleep(stayGrace + 2*keepEvery)
		if got := fmt.Sprint(kept.Left()["r"].Insiders); got != "[ann cy]" {
			t.Errorf("%s are kept", got)
		}
		h = next()
		enter(h, "ann")
		time.Sleep(stayGrace + 2*keepEvery)
		if got := fmt.Sprint(kept.Left()["r"].Insiders); got != "[ann]" {
			t.Errorf("%s are kept", got)
		}
	})
}

// TestTokensForGroupsReadNothing: they are made with the main room's lock held.
func TestTokensForGroupsReadNothing(t *testing.T) {
	h := newHouse(t, false)
	p, err := h.Enter("r", room.Join{Identity: "ann"}, &heard{})
	if err != nil {
		t.Fatal(err)
	}
	h.annexes.add("group-x", annex{main: "r", n: 1})
	s := p.Studio()
	s.mu.Lock()
	_, err = s.annexToken("group-x", auth.Claims{Identity: "ann"})
	s.mu.Unlock()
	if _, looked := h.rooms.unknown["group-x"]; err != nil || looked {
		t.Errorf("looked into the store: %v; %v", looked, err)
	}
}
