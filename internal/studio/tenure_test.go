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
