package api

import (
	"encoding/base64"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/room"
)

// TestStrangersTakeNoNameThatIsInUse has them create rooms of names that an application or an operator uses without having created a room:
// whoever creates a room is its host.
func TestStrangersTakeNoNameThatIsInUse(t *testing.T) {
	f := serve(t, nil)
	kept := map[string]bool{"kept-elsewhere": true}
	f.house.Policies().OnClaim(func(name string) bool { return kept[name] })
	operator := "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(testKeys.Key+":"+testKeys.Secret))
	if _, err := f.house.Enter("standup", room.Join{Identity: "boss", Name: "Boss", Permission: room.Permission{Publish: true, Admin: true}}, silent{}); err != nil {
		t.Fatal(err)
	}
	if r := f.call("POST", "/api/rooms/stream/ingest/keys", `{"name":"obs"}`, nil, operator); r.StatusCode != 201 {
		t.Fatalf("a stream key: %s", r.Status)
	}
	for _, name := range []string{"standup", "stream", "interrupted", "kept-elsewhere"} {
		if status, code := f.code("POST", "/api/rooms", `{"name":"`+name+`"}`); status != 409 || code != "exists" {
			t.Errorf("a stranger who creates %s is answered %d %s", name, status, code)
		}
	}
	if status, _ := f.code("POST", "/api/rooms", `{"name":"another"}`); status != 201 {
		t.Errorf("a name that nobody uses: %d", status)
	}
	application, err := testKeys.Mint(auth.Claims{Identity: "app", Video: auth.Grant{RoomCreate: true}}, time.Hour, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for name, header := range map[string]string{"standup": "Authorization: Bearer " + application, "stream": operator} {
		if status, code := f.code("POST", "/api/rooms", `{"name":"`+name+`"}`, header); status != 201 {
			t.Errorf("who may create rooms anyhow and creates %s is answered %d %s", name, status, code)
		}
	}
}
