package api

import (
	"encoding/json"
	"testing"

	"github.com/tuttilive/tutti/internal/room"
)

// TestAClassIsHeldOverHTTP: what hosts and students do with the board, roll calls, polls and likes over the audience's channel, an application
// does over HTTP, and people with a token of their own.
func TestAClassIsHeldOverHTTP(t *testing.T) {
	f := serve(t, nil)
	var made created
	f.call("POST", "/api/rooms", `{"name":"show","scene":"class"}`, &made)
	for _, identity := range []string{"ann", "bob"} {
		if _, err := f.house.Enter("show", room.Join{Identity: identity, Name: identity, Permission: room.Permission{Publish: true, Subscribe: true}}, silent{}); err != nil {
			t.Fatal(err)
		}
	}
	host, ann, guest := "X-Tutti-Key: "+made.Keys.Host, bearer(t, "ann"), "X-Tutti-Key: "+made.Keys.Guest
	var poll struct{ ID string }
	f.call("POST", "/api/rooms/show/polls", `{"question":"?","options":["a","b"]}`, &poll, host)
	const stroke = `{"drawing":{"page":"p1","put":[{"id":"a","v":1,"kind":"pen","points":[0,0,5,5],"color":"red","size":4}]}}`
	for _, c := range []struct {
		path, body, as string
		want           int
	}{
		{"board/lead", `{"action":"open"}`, ann, 403},
		{"board/lead", `{"action":"open"}`, host, 204},
		{"board/lead", `{"action":"juggle"}`, host, 400},
		{"board/draw", stroke, ann, 403},
		{"board/draw", stroke, host, 204},
		{"board/trace", `{"trace":{"page":"p1","id":"d","kind":"pen","color":"red","size":4,"points":[1,2]}}`, host, 204},
		{"board/juggle", "", host, 400},
		{"rollcall/call", `{"seconds":30}`, ann, 403},
		{"rollcall/call", `{"seconds":30}`, host, 204},
		{"rollcall/answer", "", ann, 204},
		{"rollcall/answer", "", guest, 401}, // a link does not tell who shows it
		{"rollcall/answer", `{"identity":"bob"}`, host, 204},
		{"rollcall/answer", "", host, 400},
		{"rollcall/end", "", host, 204},
		{"votes", `{"poll":"` + poll.ID + `","choices":[1]}`, ann, 204},
		{"votes", `{"poll":"` + poll.ID + `","choices":[1]}`, guest, 401},
		{"votes", `{"poll":"` + poll.ID + `","choices":[0],"identity":"bob"}`, host, 204},
		{"votes", `{"poll":"` + poll.ID + `","choices":"all"}`, host, 400},
		{"likes", `{"count":3}`, ann, 404}, // a class has none
	} {
		if resp := f.call("POST", "/api/rooms/show/"+c.path, c.body, nil, c.as); resp.StatusCode != c.want {
			t.Errorf("%s %s: %s, not %d", c.path, c.body, resp.Status, c.want)
		}
	}
	var board struct {
		On       bool
		Contents []struct{ Elements []any }
	}
	var roll struct {
		Open   bool
		People []rollPerson
	}
	var polls struct {
		Polls []struct{ Options []struct{ Votes int } }
	}
	for path, c := range map[string]struct {
		schema string
		into   any
	}{"board": {"Board", &board}, "rollcall": {"RollCall", &roll}, "polls": {"Polls", &polls}} {
		var answer json.RawMessage
		f.call("GET", "/api/rooms/show/"+path, "", &answer, host)
		if err := f.api.description.Check(c.schema, answer); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		if err := json.Unmarshal(answer, c.into); err != nil {
			t.Error(err)
		}
	}
	if !board.On || len(board.Contents) != 1 || len(board.Contents[0].Elements) != 1 {
		t.Errorf("%+v", board)
	}
	if roll.Open || len(roll.People) != 2 || roll.People[0].At == nil || roll.People[1].At == nil || roll.People[1].Name != "bob" {
		t.Errorf("%+v", roll)
	}
	if o := polls.Polls[0].Options; o[0].Votes != 1 || o[1].Votes != 1 {
		t.Errorf("%+v", polls)
	}
}
