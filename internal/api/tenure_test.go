package api

import (
	"net/http"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/auth"
)

// TestWhoWasLetInBeforeIsNobodyInTheNextRoomOfTheName has a stranger make a room, join it as its host, and delete it; others make one of that name.
func TestWhoWasLetInBeforeIsNobodyInTheNextRoomOfTheName(t *testing.T) {
	f := serve(t, nil)
	operator := "X-Tutti-Key: " + testKeys.Secret
	join := func(header string) string {
		t.Helper()
		var joined struct{ Token string }
		if r := f.call("POST", "/api/rooms/board-meeting/join", `{"name":"x"}`, &joined, header); r.StatusCode != http.StatusOK {
			t.Fatal(r.Status)
		}
		return "Authorization: Bearer " + joined.Token
	}
	application, err := testKeys.Mint(auth.Claims{Identity: "app", Video: auth.Grant{Room: "board-meeting", RoomJoin: true, RoomAdmin: true}}, time.Hour, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	var made created
	f.call("POST", "/api/rooms", `{"name":"board-meeting"}`, &made)
	host := "X-Tutti-Key: " + made.Keys.Host
	before := map[string]string{"a host": join(host), "an operator's": join(operator), "by an application's": join("Authorization: Bearer " + application)}
	before["by such a token"] = join(before["a host"])
	for who, token := range before {
		if status, _ := f.code("GET", "/api/rooms/board-meeting/ingest", "", token); status != http.StatusOK {
			t.Errorf("the token of %s directs the room that it is for: %d", who, status)
		}
	}
	f.call("DELETE", "/api/rooms/board-meeting", "", nil, host)
	if r := f.call("POST", "/api/rooms", `{"name":"board-meeting","publicWatch":false}`, &made, operator); r.StatusCode != http.StatusCreated {
		t.Fatal(r.Status)
	}
	before["the host's key"] = host
	for who, old := range before {
		if status, code := f.code("GET", "/api/rooms/board-meeting/ingest", "", old); status != http.StatusUnauthorized || code != "unauthorized" {
			t.Errorf("%s of before directs: %d %s", who, status, code)
		}
		if status, _ := f.code("POST", "/api/rooms/board-meeting/join", `{"name":"x"}`, old); status != http.StatusUnauthorized {
			t.Errorf("%s of before joins: %d", who, status)
		}
	}
	if status, _ := f.code("GET", "/api/rooms/board-meeting/ingest", "", "Authorization: Bearer "+application); status != http.StatusOK {
		t.Errorf("an application's token is for the name: %d", status)
	}
}
