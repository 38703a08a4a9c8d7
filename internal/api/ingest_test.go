package api

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/studio"
)

func TestStreamKeysOverREST(t *testing.T) {
	f := serve(t, nil)
	var created struct{ Keys linkKeys }
	f.call("POST", "/api/rooms", `{"name":"tea"}`, &created)
	host := "X-Tutti-Key: " + created.Keys.Host
	publishes := func(key string) bool {
		_, err := f.house.Admit("tea", studio.Credential{Key: key}, studio.ToPublish)
		return err == nil
	}
	for _, c := range []struct{ method, path string }{{"GET", ""}, {"PATCH", ""}, {"POST", "/keys"}, {"DELETE", "/keys/main"}, {"POST", "/keys/main/rotate"}, {"PATCH", "/keys/main"}} {
		for _, key := range []string{"", created.Keys.Guest, created.Keys.Publish} {
			if resp := f.call(c.method, "/api/rooms/tea/ingest"+c.path, "{}", nil, "X-Tutti-Key: "+key); resp.StatusCode != http.StatusUnauthorized && resp.StatusCode != http.StatusForbidden {
				t.Errorf("%s %s with key %q: %s", c.method, c.path, key, resp.Status)
			}
		}
	}
	var key streamKey
	if resp := f.call("POST", "/api/rooms/tea/ingest/keys", `{"name":"Camera 2","backup":true,"allow":["192.0.2.0/24"]}`, &key, host); resp.StatusCode != 201 || !publishes(key.Secret) {
		t.Fatalf("%s %+v", resp.Status, key)
	}
	var all struct {
		Conflict string
		Keys     []streamKey
	}
	f.call("GET", "/api/rooms/tea/ingest", "", &all, host)
	if all.Conflict != "together" || len(all.Keys) != 2 || all.Keys[0].ID != "main" || all.Keys[1].Name != "Camera 2" || all.Keys[1].Secret != "" || all.Keys[1].Hint != key.Secret[len(key.Secret)-4:] {
		t.Errorf("%+v", all)
	}
	var rotated streamKey
	if f.call("POST", "/api/rooms/tea/ingest/keys/"+key.ID+"/rotate", "", &rotated, host); rotated.Secret == key.Secret || publishes(key.Secret) || !publishes(rotated.Secret) {
		t.Errorf("rotated: %+v", rotated)
	}
	var changed streamKey
	if f.call("PATCH", "/api/rooms/tea/ingest/keys/"+key.ID, `{"name":"Two"}`, &changed, host); changed.Name != "Two" || !changed.Backup || changed.Secret != "" {
		t.Errorf("changed: %+v", changed)
	}
	if resp := f.call("DELETE", "/api/rooms/tea/ingest/keys/"+key.ID, "", nil, host); resp.StatusCode != 204 || publishes(rotated.Secret) {
		t.Errorf("revoked: %s", resp.Status)
	}
	// The link's publish key is one of them.
	if !publishes(created.Keys.Publish) {
		t.Error("the main key is not good")
	}
	var keys linkKeys
	f.call("DELETE", "/api/rooms/tea/ingest/keys/main", "", nil, host)
	if f.call("GET", "/api/rooms/tea/keys", "", &keys, host); keys.Publish != "" || publishes(created.Keys.Publish) {
		t.Errorf("without a main key: %+v", keys)
	}
	f.call("POST", "/api/rooms/tea/ingest/keys/main/rotate", "", nil, host)
	if f.call("GET", "/api/rooms/tea/keys", "", &keys, host); keys.Publish == created.Keys.Publish || !publishes(keys.Publish) || publishes(created.Keys.Publish) {
		t.Errorf("with another main key: %+v", keys)
	}
	for body, status := range map[string]int{`{"conflict":"standby","allow":["10.0.0.1"]}`: 200, `{"conflict":"fight"}`: 400, `{"allow":["nowhere"]}`: 400, `{"keys":[]}`: 400} {
		if resp := f.call("PATCH", "/api/rooms/tea/ingest", body, nil, host); resp.StatusCode != status {
			t.Errorf("%s: %s", body, resp.Status)
		}
	}
	for path, schema := range map[string]string{"": "Ingest", "/keys": "StreamKey"} {
		method := map[bool]string{true: "POST", false: "GET"}[path != ""]
		var answer json.RawMessage
		f.call(method, "/api/rooms/tea/ingest"+path, "", &answer, host)
		if err := f.api.description.Check(schema, answer); err != nil {
			t.Errorf("%s: %v\n%s", path, err, answer)
		}
	}
	// Whoever gets the room's name next begins anew.
	f.call("DELETE", "/api/rooms/tea", "", nil, host)
	if f.house.Intake("tea").Conflict != "" || publishes(keys.Publish) {
		t.Error("something is left of the room")
	}
	if testKeys.StreamKey("tea", "", "", "") != testKeys.LinkKey("tea", auth.Publisher, "") {
		t.Error("a room of which nobody said anything has another publish key than its links")
	}
}
