package api

import (
	"encoding/base64"
	"fmt"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/room/stage"
)

// inShow makes the room "show" with somebody in it.
func (f *fixture) inShow(identities ...string) created {
	f.t.Helper()
	var made created
	f.call("POST", "/api/rooms", `{"name":"show","scene":"show"}`, &made)
	for _, identity := range identities {
		if _, err := f.house.Enter("show", room.Join{Identity: identity, Name: identity, Permission: room.Permission{Publish: true, Subscribe: true}}, silent{}); err != nil {
			f.t.Fatal(err)
		}
	}
	return made
}

func bearer(t *testing.T, identity string) string {
	t.Helper()
	token, err := testKeys.Mint(auth.Claims{Identity: identity, Video: auth.Grant{Room: "show", RoomJoin: true}}, time.Hour, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return "Authorization: Bearer " + token
}

func TestAShowIsRunOverHTTP(t *testing.T) {
	f := serve(t, nil)
	host := "X-Tutti-Key: " + f.inShow("ann", "bob").Keys.Host
	var refused struct{ Error struct{ Code string } }
	act := func(verb, body, as string, want int) (s stage.Snapshot) {
		t.Helper()
		refused.Error.Code = ""
		var out any = &s
		if want != 200 {
			out = &refused
		}
		if resp := f.call("POST", "/api/rooms/show/stage/"+verb, body, out, as); resp.StatusCode != want {
			t.Errorf("%s %s: %s %+v", verb, body, resp.Status, refused)
		}
		return s
	}
	if s := act("raise", `{"note":"me"}`, bearer(t, "ann"), 200); s.QueueLength != 1 || s.Queue != nil {
		t.Errorf("who asked is told %+v", s)
	}
	act("admit", `{"identity":"ann"}`, bearer(t, "bob"), 403)
	if act("raise", "", bearer(t, "ann"), 409); refused.Error.Code != "already_asked" {
		t.Errorf("code %s", refused.Error.Code)
	}
	act("raise", `{"identity":"bob"}`, host, 200) // an application in the name of a viewer of its own
	if s := act("admit", `{"identity":"ann","seat":2}`, host, 200); s.Seats[1].Who == nil || s.Seats[1].Who.Identity != "ann" || len(s.Queue) != 1 {
		t.Errorf("%+v", s)
	}
	act("nonsense", "", host, 400)
	act("promote", `{"identity":"bob"}`, host, 200)
	if s := act("muteSeat", `{"identity":"ann"}`, bearer(t, "bob"), 200); !s.Seats[1].Who.Muted {
		t.Errorf("%+v", s.Seats[1])
	}
	var seen stage.Snapshot
	if f.call("GET", "/api/rooms/show/stage", "", &seen); len(seen.Seats) != 8 || len(seen.Cohosts) != 1 {
		t.Errorf("watching: %+v", seen)
	}
	if resp := f.call("POST", "/api/rooms/empty/stage/lock", "", nil, "Authorization: Basic "+base64.StdEncoding.EncodeToString(fmt.Append(nil, testKeys.Key, ":", testKeys.Secret))); resp.StatusCode != 404 {
		t.Errorf("a room that is not open: %s", resp.Status)
	}
}

func TestScenesAreListedAndChosen(t *testing.T) {
	f := serve(t, nil)
	var list struct{ Scenes []struct{ Name string } }
	if f.call("GET", "/api/scenes", "", &list); len(list.Scenes) != 7 {
		t.Errorf("%+v", list)
	}
	var one struct {
		Seats struct{ Count int }
		Grace float64
		Title struct{ ZH string }
	}
	if f.call("GET", "/api/scenes/class", "", &one); one.Seats.Count != 6 || one.Grace != 30 || one.Title.ZH != "课堂" {
		t.Errorf("%+v", one)
	}
	if resp := f.call("GET", "/api/scenes/opera", "", nil); resp.StatusCode != 404 {
		t.Errorf("unknown: %s", resp.Status)
	}
	if resp := f.call("POST", "/api/rooms", `{"name":"opera","scene":"opera"}`, nil); resp.StatusCode != 400 {
		t.Errorf("a room of an unknown scene: %s", resp.Status)
	}
	f.inShow()
	var summary struct{ Scene string }
	if f.call("GET", "/api/rooms/show", "", &summary); summary.Scene != "show" {
		t.Errorf("%+v", summary)
	}
	if f.call("GET", "/api/rooms/nobodys", "", &summary); summary.Scene != "room" {
		t.Errorf("%+v", summary)
	}
}

func TestAContestIsRunOverHTTP(t *testing.T) {
	f := serve(t, nil)
	keys := map[string]string{}
	for _, name := range []string{"red", "blue"} {
		var made created
		f.call("POST", "/api/rooms", `{"name":"`+name+`","scene":"show"}`, &made)
		keys[name] = "X-Tutti-Key: " + made.Keys.Host
		if _, err := f.house.Enter(name, room.Join{Identity: "host", Name: name, Permission: room.Permission{Publish: true, Admin: true}}, silent{}); err != nil {
			t.Fatal(err)
		}
		f.call("POST", "/api/rooms/"+name+"/live", `{"title":"Night of `+name+`"}`, nil, keys[name])
	}
	var view struct {
		State, Result string
		With          struct{ Room, Title, Host string }
		Scores        struct{ Us, Them int }
	}
	if resp := f.call("POST", "/api/rooms/red/pk", `{"room":"blue","duration":60}`, nil, keys["blue"]); resp.StatusCode != 401 {
		t.Errorf("with another room's key: %s", resp.Status)
	}
	if resp := f.call("POST", "/api/rooms/red/pk", `{"room":"blue","duration":60}`, &view, keys["red"]); resp.StatusCode != 200 || view.State != "inviting" {
		t.Errorf("%s %+v", resp.Status, view)
	}
	if f.call("GET", "/api/rooms/blue/pk", "", &view); view.State != "invited" || view.With.Title != "Night of red" || view.With.Host != "red" {
		t.Errorf("%+v", view)
	}
	if f.call("POST", "/api/rooms/blue/pk/accept", "", &view, keys["blue"]); view.State != "running" {
		t.Errorf("%+v", view)
	}
	if resp := f.call("POST", "/api/rooms/blue/pk/score", `{"points":10}`, nil, keys["blue"]); resp.StatusCode != 204 {
		t.Errorf("scoring: %s", resp.Status)
	}
	if resp := f.call("POST", "/api/rooms/red/pk/accept", "", nil, keys["red"]); resp.StatusCode != 409 {
		t.Errorf("accepting again: %s", resp.Status)
	}
	if resp := f.call("DELETE", "/api/rooms/red/pk", "", nil, keys["red"]); resp.StatusCode != 204 {
		t.Errorf("ending: %s", resp.Status)
	}
	if resp := f.call("GET", "/api/rooms/blue/pk", "", nil); resp.StatusCode != 404 {
		t.Errorf("after the end: %s", resp.Status)
	}
}

func TestWhoIsMadeCohostRunsTheShow(t *testing.T) {
	f := serve(t, nil)
	host := "X-Tutti-Key: " + f.inShow("ann", "bob").Keys.Host
	want := func(status int, method, path, as string) {
		t.Helper()
		if resp := f.call(method, "/api/rooms/show"+path, "{}", nil, as); resp.StatusCode != status {
			t.Errorf("%s %s as %s: %s", method, path, as, resp.Status)
		}
	}
	want(403, "POST", "/live", bearer(t, "ann"))
	f.call("POST", "/api/rooms/show/stage/promote", `{"identity":"ann"}`, nil, host)
	want(200, "POST", "/live", bearer(t, "ann"))
	want(200, "PATCH", "/program", bearer(t, "ann"))
	want(403, "PATCH", "/program", bearer(t, "bob"))
	want(403, "GET", "/keys", bearer(t, "ann")) // whoever has the host's link stays host for ever
	f.call("POST", "/api/rooms/show/stage/demote", `{"identity":"ann"}`, nil, host)
	want(403, "DELETE", "/live", bearer(t, "ann"))
	want(200, "DELETE", "/live", host)
}

func TestAClosedDoorKeepsInWhatGoesOn(t *testing.T) {
	f := serve(t, nil)
	var made created
	f.call("POST", "/api/rooms", `{"name":"show","scene":"conference"}`, &made)
	if _, err := f.house.Enter("show", room.Join{Identity: "ann", Name: "ann", Permission: room.Permission{Publish: true, Subscribe: true}}, silent{}); err != nil {
		t.Fatal(err)
	}
	host, guest := "X-Tutti-Key: "+made.Keys.Host, "X-Tutti-Key: "+made.Keys.Guest
	look := func(who string, want int, code string) {
		t.Helper()
		for _, what := range []string{"stage", "chat", "polls", "groups", "board"} {
			var refused struct{ Error struct{ Code string } }
			if resp := f.call("GET", "/api/rooms/show/"+what, "", &refused, who); resp.StatusCode != want || refused.Error.Code != code {
				t.Errorf("%s: %s %q instead of %d %q", what, resp.Status, refused.Error.Code, want, code)
			}
		}
	}
	look(guest, 200, "")
	for verb, code := range map[string]string{"openWaiting": "waiting", "lock": "locked"} {
		if resp := f.call("POST", "/api/rooms/show/stage/"+verb, "", nil, host); resp.StatusCode != 200 {
			t.Fatal(resp.Status)
		}
		look(guest, 403, code)
		look(bearer(t, "bob"), 403, code)
		look(bearer(t, "ann"), 200, "")
		look(host, 200, "")
		f.call("POST", "/api/rooms/show/stage/"+map[string]string{"openWaiting": "endWaiting", "lock": "unlock"}[verb], "", nil, host)
	}
	look(guest, 200, "")
}

// TestTheDoorHoldsForWhatIsAskedOverHTTP: who is banned, or outside a closed door, does nothing in the room with a token of their own. The host
// goes on doing it for them.
func TestTheDoorHoldsForWhatIsAskedOverHTTP(t *testing.T) {
	f := serve(t, nil)
	var made created
	f.call("POST", "/api/rooms", `{"name":"show","scene":"class"}`, &made)
	for _, identity := range []string{"ann", "bob"} {
		if _, err := f.house.Enter("show", room.Join{Identity: identity, Name: identity, Permission: room.Permission{Publish: true, Subscribe: true}}, silent{}); err != nil {
			t.Fatal(err)
		}
	}
	host := "X-Tutti-Key: " + made.Keys.Host
	var poll struct{ ID string }
	f.call("POST", "/api/rooms/show/polls", `{"question":"?","options":["a","b"]}`, &poll, host)
	f.call("POST", "/api/rooms/show/rollcall/call", `{"seconds":300}`, nil, host)
	vote := `{"poll":"` + poll.ID + `","choices":[0]`
	for _, door := range []struct{ shut, open, identity, code string }{
		{"ban", "unban", "bob", "banned"},
		{"lock", "unlock", "eve", "locked"},
		{"openWaiting", "endWaiting", "eve", "waiting"},
	} {
		judged := `{"identity":"` + door.identity + `"}`
		if resp := f.call("POST", "/api/rooms/show/stage/"+door.shut, judged, nil, host); resp.StatusCode != 200 {
			t.Fatal(door.shut, resp.Status)
		}
		for path, body := range map[string]string{
			"votes": vote + "}", "likes": "", "rollcall/answer": "", "songs/request": `{"title":"x"}`, "board/trace": "", "groups/join": `{"group":1}`,
		} {
			if status, code := f.code("POST", "/api/rooms/show/"+path, body, bearer(t, door.identity)); status != 403 || code != door.code {
				t.Errorf("after %s %s is answered with %d %q", door.shut, path, status, code)
			}
		}
		for _, what := range []string{"stage", "chat", "polls", "groups", "board"} {
			if status, code := f.code("GET", "/api/rooms/show/"+what, "", bearer(t, door.identity)); status != 403 || code != door.code {
				t.Errorf("after %s reading %s is answered with %d %q", door.shut, what, status, code)
			}
		}
		for body, who := range map[string]string{vote + "}": bearer(t, "ann"), vote + `,"identity":"` + door.identity + `"}`: host} {
			if resp := f.call("POST", "/api/rooms/show/votes", body, nil, who); resp.StatusCode != 204 {
				t.Errorf("after %s, %s: %s", door.shut, body, resp.Status)
			}
		}
		f.call("POST", "/api/rooms/show/stage/"+door.open, judged, nil, host)
		if resp := f.call("POST", "/api/rooms/show/rollcall/answer", "", nil, bearer(t, door.identity)); resp.StatusCode != 204 {
			t.Errorf("after %s: %s", door.open, resp.Status)
		}
	}
}

// TestTheApplicationJudgesInAGroup, which holds in the whole room.
func TestTheApplicationJudgesInAGroup(t *testing.T) {
	f := serve(t, nil)
	f.call("POST", "/api/rooms", `{"name":"show","scene":"conference"}`, nil)
	may := room.Permission{Publish: true, Subscribe: true}
	if _, err := f.house.Enter("show", room.Join{Identity: "ann", Name: "Ann", Permission: may}, silent{}); err != nil {
		t.Fatal(err)
	}
	operator := "Authorization: Basic " + base64.StdEncoding.EncodeToString(fmt.Append(nil, testKeys.Key, ":", testKeys.Secret))
	var way struct{ Room, Token string }
	for _, step := range []struct{ verb, body string }{
		{"plan", `{"count":1}`}, {"assign", `{"identity":"ann","group":1}`}, {"open", ""}, {"join", `{"identity":"ann","group":1}`},
	} {
		if resp := f.call("POST", "/api/rooms/show/groups/"+step.verb, step.body, &way, operator); resp.StatusCode != 200 {
			t.Fatal(step.verb, resp.Status)
		}
	}
	if _, err := f.house.Enter(way.Room, room.Join{Identity: "ann", Name: "Ann", Permission: may}, silent{}); err != nil {
		t.Fatal(err)
	}
	path := "/api/rooms/" + way.Room + "/stage/"
	if resp := f.call("POST", path+"silence", `{"identity":"ann"}`, nil, "Authorization: Bearer "+way.Token); resp.StatusCode != 403 {
		t.Errorf("with a token for the group: %s", resp.Status)
	}
	var inGroup, inMain stage.Snapshot
	if resp := f.call("POST", path+"silence", `{"identity":"ann"}`, &inGroup, operator); resp.StatusCode != 200 {
		t.Errorf("the application: %s", resp.Status)
	}
	f.call("GET", "/api/rooms/show/stage", "", &inMain, operator)
	for where, s := range map[string]stage.Snapshot{"in the group": inGroup, "in the room": inMain} {
		if len(s.Silenced) != 1 || s.Silenced[0].Identity != "ann" || s.Silenced[0].By != (stage.Person{}) {
			t.Errorf("%s: %+v", where, s.Silenced)
		}
	}
}

// TestWhatIsNotSaidOverHTTP: not by a name with which somebody joins, nor by what is written on the stage or asked for. Whom an application names is its
// own matter.
func TestWhatIsNotSaidOverHTTP(t *testing.T) {
	f := serve(t, nil)
	made := f.inShow("ann", "bob")
	host, guest, ann := "X-Tutti-Key: "+made.Keys.Host, "X-Tutti-Key: "+made.Keys.Guest, bearer(t, "ann")
	operator := "Authorization: Basic " + base64.StdEncoding.EncodeToString(fmt.Append(nil, testKeys.Key, ":", testKeys.Secret))
	for _, c := range []struct {
		path, body, as string
		want           int
	}{
		{"join", `{"name":"A heck of a man"}`, guest, 403},
		{"join", `{"name":"Forbidden"}`, host, 403},
		{"join", `{"name":"Hecktor"}`, guest, 200},
		{"stage/rename", `{"name":"Heck"}`, ann, 403},
		{"stage/rename", `{"identity":"bob","name":"Heck"}`, host, 403},
		{"stage/rename", `{"identity":"bob","name":"Heck"}`, operator, 200},
		{"stage/raise", `{"note":"forbidden"}`, ann, 403},
		{"stage/raise", `{"note":"oh heck"}`, ann, 200},
		{"live", `{"title":"forbidden"}`, host, 403},
		{"polls", `{"question":"Forbidden?","options":["a","b"]}`, host, 403},
		{"polls", `{"question":"Why?","options":["heck","forbidden"]}`, host, 403},
		{"polls", `{"question":"Why?","options":["heck","b"]}`, host, 201},
	} {
		var refused struct{ Error struct{ Code string } }
		resp := f.call("POST", "/api/rooms/show/"+c.path, c.body, &refused, c.as)
		if resp.StatusCode != c.want || (c.want == 403) != (refused.Error.Code == "not_allowed") {
			t.Errorf("%s %s: %s %q", c.path, c.body, resp.Status, refused.Error.Code)
		}
	}
	var titled struct{ Title string }
	if resp := f.call("POST", "/api/rooms", `{"name":"other","title":"What the heck"}`, &titled); resp.StatusCode != 201 || titled.Title != "What the ****" {
		t.Errorf("%s, %q", resp.Status, titled.Title)
	}
	if resp := f.call("POST", "/api/rooms", `{"title":"forbidden"}`, nil); resp.StatusCode != 403 {
		t.Error(resp.Status)
	}
	var now stage.Snapshot
	f.call("GET", "/api/rooms/show/stage", "", &now, host)
	if len(now.Queue) != 1 || now.Queue[0].Note != "oh ****" {
		t.Errorf("%+v", now.Queue)
	}
	var polls struct {
		Polls []struct{ Options []struct{ Text string } }
	}
	f.call("GET", "/api/rooms/show/polls", "", &polls, host)
	if len(polls.Polls) != 1 || polls.Polls[0].Options[0].Text != "****" {
		t.Errorf("%+v", polls)
	}
}

// TestWhoDirectsForTheMomentIsNobodyElseInAGroup: a cohost has the right to direct there, but no more to say in the room than a cohost has, in
// nobody's name but their own, and nothing after they were demoted or banned.
func TestWhoDirectsForTheMomentIsNobodyElseInAGroup(t *testing.T) {
	f := serve(t, nil)
	var made created
	f.call("POST", "/api/rooms", `{"name":"show","scene":"conference"}`, &made)
	host := "X-Tutti-Key: " + made.Keys.Host
	may := room.Permission{Publish: true, Subscribe: true}
	for _, identity := range []string{"host", "ann", "mal"} {
		may.Admin = identity == "host"
		if _, err := f.house.Enter("show", room.Join{Identity: identity, Name: identity, Permission: may}, silent{}); err != nil {
			t.Fatal(err)
		}
	}
	var way struct{ Room, Token string }
	act := func(roomName, what, body, who string, want int) {
		t.Helper()
		if resp := f.call("POST", "/api/rooms/"+roomName+"/"+what, body, nil, who); resp.StatusCode != want {
			t.Errorf("%s %s: %s instead of %d", what, body, resp.Status, want)
		}
	}
	act("show", "stage/promote", `{"identity":"mal"}`, host, 200)
	act("show", "groups/plan", `{"count":1}`, host, 200)
	act("show", "groups/assign", `{"identity":"ann","group":1}`, host, 200)
	act("show", "groups/open", "", host, 200)
	if resp := f.call("POST", "/api/rooms/show/groups/join", `{"group":1}`, &way, bearer(t, "mal")); resp.StatusCode != 200 {
		t.Fatal(resp.Status)
	}
	may.Admin = false
	if _, err := f.house.Enter(way.Room, room.Join{Identity: "ann", Name: "ann", Permission: may}, silent{}); err != nil {
		t.Fatal(err)
	}
	mal := "Authorization: Bearer " + way.Token
	var moved struct{ Token string }
	f.call("POST", "/api/rooms/"+way.Room+"/groups/join", `{"identity":"host","group":1}`, &moved, mal)
	if claims, err := testKeys.Verify(moved.Token); err != nil || claims.Identity != "mal" {
		t.Errorf("who asks for somebody else's way into a group is given that of %q, %v", claims.Identity, err)
	}
	act(way.Room, "groups/message", `{"text":"hello"}`, mal, 200)
	act(way.Room, "stage/ban", `{"identity":"host"}`, mal, 403)
	act(way.Room, "announcement", `{"text":"hello"}`, mal, 204)

	for _, end := range []string{"demote", "ban"} {
		act("show", "stage/"+end, `{"identity":"mal"}`, host, 200)
		act(way.Room, "groups/message", `{"text":"still here"}`, mal, 403)
		act(way.Room, "groups/close", `{"seconds":0}`, mal, 403)
		act(way.Room, "announcement", `{"text":"still here"}`, mal, 403)
		act(way.Room, "stage/lockSeat", `{"seat":1}`, mal, 403)
	}
}
