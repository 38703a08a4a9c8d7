package api

import (
	"encoding/json"
	"slices"
	"testing"
)

func TestTheProgramIsComposedOverHTTP(t *testing.T) {
	f := serve(t, nil)
	keys := f.inShow("ann", "bob").Keys
	host, guest := "X-Tutti-Key: "+keys.Host, "X-Tutti-Key: "+keys.Guest
	program := func(method, body, as string, want int) (raw json.RawMessage) {
		t.Helper()
		if resp := f.call(method, "/api/rooms/show/program", body, &raw, as); resp.StatusCode != want {
			t.Fatalf("%s %s: %s %s", method, body, resp.Status, raw)
		}
		schema := "Program"
		if want != 200 {
			schema = "Error"
		}
		if err := f.api.description.Check(schema, raw); err != nil {
			t.Errorf("%s %s: %v\n%s", method, body, err, raw)
		}
		return raw
	}
	var now struct {
		Mode, Layout, ResolvedLayout, Orientation, Pinned string
		Height, FPS                                       int
		Renditions                                        []int
		InRoom, Names                                     bool
		Places                                            []struct{ W float64 }
		Layouts                                           []string
	}
	read := func(raw json.RawMessage) {
		t.Helper()
		now.Places, now.Renditions = nil, nil
		if err := json.Unmarshal(raw, &now); err != nil {
			t.Fatal(err)
		}
	}
	read(program("GET", "", host, 200))
	if now.Orientation != "portrait" || now.Height != 720 || !slices.Contains(now.Layouts, "speaker") {
		t.Errorf("a show begins with %+v", now)
	}
	read(program("PATCH", `{"layout":"speaker","pinned":"bob","names":false}`, host, 200))
	if now.Layout != "speaker" || now.ResolvedLayout != "speaker" || now.Pinned != "bob" || now.Names || now.Height != 720 {
		t.Errorf("after a change %+v", now)
	}
	read(program("PATCH", `{"layout":"custom","places":[{"x":0,"y":0,"w":0.5,"h":1}],"renditions":[480,240],"inRoom":false}`, host, 200))
	if now.Layout != "custom" || len(now.Places) != 1 || !slices.Equal(now.Renditions, []int{480, 240}) || now.Pinned != "bob" {
		t.Errorf("after another %+v", now)
	}
	for _, bad := range []string{
		`{"layout":"heap"}`, `{"renditions":[720]}`, `{"renditions":[240,480]}`, `{"renditions":[100]}`, `{"renditions":[480,360,240]}`, `{"renditions":[361]}`,
		`{"places":[{"x":0.9,"y":0,"w":0.5,"h":1}]}`, `{"fps":60}`, `{"unknown":1}`, `[]`, `{`,
	} {
		program("PATCH", bad, host, 400)
	}
	program("PATCH", `{"layout":"grid"}`, guest, 403)
	read(program("GET", "", host, 200))
	if now.Layout != "custom" || now.FPS != 30 {
		t.Errorf("what was refused has changed it: %+v", now)
	}
}
