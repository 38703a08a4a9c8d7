package api

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/room/stage"
	"github.com/tuttilive/tutti/internal/studio"
)

func TestTheDescriptionIsThatOfTheRoutes(t *testing.T) {
	f := serve(t, nil)
	for _, operation := range f.api.description.Operations() {
		if operation == "get /api/rooms/{room}/events" || operation == "get /api/docs" {
			continue // one goes on for ever, the other is no JSON
		}
		method, path, _ := strings.Cut(operation, " ")
		path = strings.NewReplacer("{room}", "nowhere", "{identity}", "nobody", "{verb}", "raise", "{name}", "show", "{id}", "x").Replace(path)
		var refused struct{ Error struct{ Message string } }
		if resp := f.call(strings.ToUpper(method), path, "", &refused); resp.StatusCode == 405 || refused.Error.Message == "there is nothing at this address" && path != "/api/scenes/show" {
			t.Errorf("%s is described and not there: %s", operation, resp.Status)
		}
	}
	for _, route := range f.api.description.Undescribed() {
		t.Logf("listed by its name alone: %s", route)
	}
}

func TestTheDescriptionKnowsAllVerbs(t *testing.T) {
	f := serve(t, nil)
	var d struct {
		Components struct {
			Schemas struct {
				Verb struct{ Enum []stage.Verb }
			}
		}
	}
	f.call("GET", "/api/openapi.json", "", &d)
	if !slices.Equal(d.Components.Schemas.Verb.Enum, stage.Verbs()) {
		t.Errorf("described %v, there are %v", d.Components.Schemas.Verb.Enum, stage.Verbs())
	}
}

func TestAnswersAreAsDescribed(t *testing.T) {
	f := serve(t, nil)
	host := "X-Tutti-Key: " + f.inShow("ann", "bob", "host").Keys.Host
	f.call("POST", "/api/rooms/show/stage/raise", `{"identity":"ann","note":"hello","seat":2}`, nil, host)
	f.call("POST", "/api/rooms/show/stage/admit", `{"identity":"ann"}`, nil, host)
	f.call("POST", "/api/rooms/show/stage/raise", `{"identity":"bob"}`, nil, host)
	f.call("POST", "/api/rooms/show/stage/promote", `{"identity":"host"}`, nil, host)
	f.call("POST", "/api/rooms/show/stage/silence", `{"identity":"bob","for":60}`, nil, host)
	f.call("POST", "/api/rooms/show/stage/reserveSeat", `{"identity":"eve","seat":3}`, nil, host)
	for _, c := range []struct{ method, path, body, schema string }{
		{"POST", "/api/rooms", `{"scene":"class"}`, "CreatedRoom"},
		{"GET", "/api/rooms/show", "", "Room"},
		{"GET", "/api/rooms/show/keys", "", "Keys"},
		{"POST", "/api/rooms/show/join", `{"name":"Ann"}`, "Joined"},
		{"GET", "/api/rooms/show/stage", "", "Stage"},
		{"GET", "/api/rooms/show/pk", "", "Error"},
		{"POST", "/api/rooms/show/live", `{"title":"Friday"}`, "Live"},
		{"GET", "/api/rooms/show/live", "", "Live"},
		{"POST", "/api/rooms/show/chat", `{"text":"hello","danmaku":true,"color":"#ff0000"}`, "Made"},
		{"GET", "/api/rooms/show/chat", "", "Messages"},
		{"POST", "/api/rooms/show/polls", `{"question":"?","options":["a","b"]}`, "Made"},
		{"GET", "/api/rooms/show/polls", "", "Polls"},
		{"GET", "/api/rooms/show/audience", "", "Audience"},
		{"GET", "/api/rooms/show/participants", "", "Participants"},
		{"GET", "/api/rooms/show/participants/ann", "", "ParticipantDetail"},
		{"DELETE", "/api/rooms/show/live", "", "LiveSummary"},
		{"GET", "/api/info", "", "Info"},
		{"GET", "/api/rooms/show/recordings", "", "Recordings"},
		{"GET", "/api/scenes", "", "Scenes"},
		{"GET", "/api/scenes/karaoke", "", "Scene"},
		{"GET", "/api/rooms/show/attendance", "", "Attendance"},
	} {
		var answer json.RawMessage
		f.call(c.method, c.path, c.body, &answer, host)
		if err := f.api.description.Check(c.schema, answer); err != nil {
			t.Errorf("%s %s: %v\n%s", c.method, c.path, err, answer)
		}
	}
}

func TestTheStatusIsAsDescribed(t *testing.T) {
	f := serve(t, nil)
	host := "X-Tutti-Key: " + f.inShow("ann").Keys.Host
	f.call("POST", "/api/rooms/show/live", "", nil, host)
	var answer json.RawMessage
	f.call("GET", "/api/status", "", &answer, "X-Tutti-Key: "+testKeys.Secret)
	if err := f.api.description.Check("Status", answer); err != nil {
		t.Errorf("%v\n%s", err, answer)
	}
}

// TestWhatIsThereOnlyAtTimesIsDescribed, and what can be asked for.
func TestWhatIsThereOnlyAtTimesIsDescribed(t *testing.T) {
	f := serve(t, nil)
	for schema, v := range map[string]any{
		"Play":       studio.Play{ID: "x", Protocol: "flv", Until: time.Now()},
		"RoomStatus": roomStatus{roomPolicy: policyOf("x", room.Policy{Access: room.AccessToken}), ByProtocol: map[string]uint64{"flv": 1}},
	} {
		answer, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.api.description.Check(schema, answer); err != nil {
			t.Errorf("%v\n%s", err, answer)
		}
	}
	var d struct {
		Paths map[string]struct {
			Get struct{ Parameters []struct{ Name string } }
		}
	}
	f.call("GET", "/api/openapi.json", "", &d)
	for path, want := range map[string]string{"chat": "limit", "audience": "after limit", "plays": "limit"} {
		var names []string
		for _, p := range d.Paths["/api/rooms/{room}/"+path].Get.Parameters {
			names = append(names, p.Name)
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%s is asked with %q, described is %q", path, want, got)
		}
	}
}

func TestTheDescriptionCanBeRead(t *testing.T) {
	f := serve(t, nil)
	resp, err := http.Get(f.URL + "/api/docs")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	page, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 200 {
		t.Fatalf("%s, %v", resp.Status, err)
	}
	for _, want := range []string{"/api/rooms/{room}/stage/{verb}", "openapi.json", `&#34;queueLength&#34;: integer`} {
		if !strings.Contains(string(page), want) {
			t.Errorf("the page says nothing of %s", want)
		}
	}
	if strings.Contains(string(page), "<script") {
		t.Error("the page has a script")
	}
}
