package scenes

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/tuttilive/tutti/internal/room/stage"
)

func TestTheBuiltInOnes(t *testing.T) {
	set := Builtin()
	for _, name := range []string{"", "room", "show", "class", "conference", "karaoke", "match", "team"} {
		s, ok := set.Find(name)
		if !ok {
			t.Fatalf("no scene %q", name)
		}
		if r := s.Rules(); r.Grace <= 0 || r.Invitation <= 0 || r.Seats != s.Seats.Count {
			t.Errorf("%s: %+v", name, r)
		}
		for _, role := range []stage.Role{stage.Host, stage.Cohost, stage.Speaker, stage.Audience} {
			if s.Roles[role].ZH == "" {
				t.Errorf("%s has no name for a %s", s.Name, role)
			}
		}
	}
	all := set.All()
	if len(all) != 7 || all[6].Name != Default {
		t.Errorf("%d scenes, last %s", len(all), all[len(all)-1].Name)
	}
}

const minimal = `
name: quiz
title: {en: Quiz, zh: 答题}
summary: {en: A quiz., zh: 答题。}
arrivals: audience
seats: {count: 2, request: true, invite: false, claim: false}
publish: {host: [camera], cohost: [camera], speaker: [microphone]}
orientation: portrait
layout: grid
audio: speech
features: {chat: true}
`

func TestScenesOfAnOperator(t *testing.T) {
	dir := fstest.MapFS{"quiz.yaml": {Data: []byte(minimal)}, "notes.txt": {Data: []byte("not a scene")}}
	set, err := Builtin().With(dir)
	if err != nil {
		t.Fatal(err)
	}
	if s, ok := set.Find("quiz"); !ok || s.Seats.Count != 2 || !s.HasStage() || !s.Has("chat") || s.Has("pk") {
		t.Errorf("%+v", s)
	}
	if _, ok := Builtin().Find("quiz"); ok {
		t.Error("the set it was made of has changed")
	}
	dir["again.yml"] = &fstest.MapFile{Data: []byte(minimal)}
	if _, err := Builtin().With(dir); err == nil || !strings.Contains(err.Error(), "quiz.yaml: name: quiz is that of again.yml") {
		t.Errorf("two files, one name: %v", err)
	}
	delete(dir, "again.yml")
	for _, behind := range []string{"---", "---\n", "---\n# nothing\n---\n", "...\n"} {
		dir["quiz.yaml"].Data = []byte(minimal + behind)
		if _, err := Builtin().With(dir); err != nil {
			t.Errorf("%q behind the scene: %v", behind, err)
		}
	}
	for _, behind := range []string{"---\n" + minimal, "---\n---\n" + minimal, "---\n0\n", "---\n~\n", "---\n[]\n", "---\n{"} {
		dir["quiz.yaml"].Data = []byte(minimal + behind)
		if _, err := Builtin().With(dir); err == nil || !strings.Contains(err.Error(), "a file has one") {
			t.Errorf("%q behind the scene: %v", behind, err)
		}
	}
	dir["quiz.yaml"].Data = []byte(strings.Replace(minimal, "quiz", "Quiz!", 1))
	if _, err := Builtin().With(dir); err == nil || !strings.Contains(err.Error(), "quiz.yaml: name:") {
		t.Errorf("got %v", err)
	}
}

func TestWhatIsWrongWithAScene(t *testing.T) {
	for what, c := range map[string][2]string{
		"arrivals: ":             {"arrivals: audience", "arrivals: host"},
		"orientation: ":          {"portrait", "diagonal"},
		"layout: ":               {"grid", "heap"},
		"audio: ":                {"speech", "noise"},
		"seats: count":           {"count: 2", "count: 25"},
		"is never heard":         {"count: 2", "count: 0"},
		"publish: \"radio\"":     {"host: [camera]", "host: [radio]"},
		"publish: says nothing":  {"speaker: [microphone]", "speaker: []"},
		"features: \"teleport\"": {"chat: true", "teleport: true"},
		"missing in one":         {"zh: 答题}", "zh: ''}"},
		"grace: ":                {"audio: speech", "audio: speech\ngrace: 0s"},
		"not found in type":      {"audio: speech", "audio: speech\nseat: 1"},
	} {
		_, err := Parse([]byte(strings.Replace(minimal, c[0], c[1], 1)))
		if err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: got %v", what, err)
		}
	}
	if _, err := Parse([]byte(minimal + strings.Repeat("#", maxFile))); err == nil {
		t.Error("a huge file was taken")
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(minimal))
	f.Add([]byte("name: [a"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if s, err := Parse(raw); err == nil {
			stage.New(s.Rules())
		}
	})
}
