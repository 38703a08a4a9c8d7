package studio

import (
	"errors"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/auth"
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
