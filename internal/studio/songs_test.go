package studio

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/room/stage"
)

func TestSongsOfAKaraokeRoom(t *testing.T) {
	onStage(t, "karaoke", func(t *testing.T, h *House, s *Studio) {
		enter(t, h, "host", asHost)
		enter(t, h, "ann", nil)
		enter(t, h, "bob", nil)
		act(t, s, "ann", stage.Action{Verb: stage.Raise})
		l := hear(t, s)
		host, ann, bob := Actor{Identity: "host"}, Actor{Identity: "ann", Name: "Ann"}, Actor{Identity: "bob"}
		for _, c := range []struct {
			who           Actor
			request, code string
		}{
			{bob, `{"type":"requestSong","title":"From the audience"}`, "not_seated"},
			{ann, `{"type":"requestSong","title":""}`, "bad_request"},
			{ann, `{"type":"requestSong","title":"Moon","lyrics":"[00:01]line one"}`, ""},
			{ann, `{"type":"requestSong","title":"Sun"}`, ""},
			{host, `{"type":"playSong","song":"s1","position":0}`, "forbidden"},
			{ann, `{"type":"playSong","song":"s2","position":0}`, "wrong_state"},
			{ann, `{"type":"playSong","song":"s1","position":0}`, ""},
			{ann, `{"type":"listSong","title":"Listed","url":"/songs/x.mp3"}`, "forbidden"},
			{host, `{"type":"listSong","title":"Listed","url":"https://elsewhere.example/x.mp3"}`, "bad_request"},
			{host, `{"type":"listSong","title":"Listed","url":"/songs/x.mp3"}`, ""},
			{bob, `{"type":"removeSong","song":"s1"}`, "forbidden"},
		} {
			if code := request(t, s, c.who, c.request); code != c.code {
				t.Errorf("%s: %s: %q instead of %q", c.who.Identity, c.request, code, c.code)
			}
		}
		time.Sleep(time.Second)
		told := l.all()
		for _, want := range []string{`"type":"lyrics","song":"s1","lines":[{"at":1,"text":"line one"}]`, `"type":"songs"`, `"began":"`} {
			if !strings.Contains(told, want) {
				t.Errorf("%s is not in %s", want, told)
			}
		}
		// Who leaves the stage takes their songs along.
		act(t, s, "ann", stage.Action{Verb: stage.StepDown})
		if v, _ := s.Songs(); v.Now != nil || len(v.Queue) > 0 || len(v.List) != 1 {
			t.Errorf("%+v", v)
		}
	})
}

func TestAccompanimentIsMusicInTheMix(t *testing.T) {
	onStage(t, "karaoke", func(t *testing.T, h *House, s *Studio) {
		host := enter(t, h, "host", asHost)
		for _, pub := range []room.Publication{
			{SID: "TR_voice", Kind: media.Audio, Codec: media.Opus, Source: room.Microphone},
			{SID: "TR_music", Kind: media.Audio, Codec: media.Opus, Source: room.ScreenShareAudio},
		} {
			if _, err := host.PublishFrames(pub); err != nil {
				t.Fatal(err)
			}
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		list := s.stageSources()
		if len(list) != 2 || list[0].Music || !list[1].Music || list[1].Identity != "host" {
			t.Errorf("%+v", list)
		}
	})
}

func TestSongsOutliveARestart(t *testing.T) {
	overRestarts(t, func(t *testing.T, kept *keptRooms, next func() *House) {
		h := next()
		s, err := h.Open("r", room.Settings{})
		if err != nil {
			t.Fatal(err)
		}
		s.scene, _ = h.scenes.Find("karaoke")
		enter(t, h, "host", asHost)
		host := Actor{Identity: "host", Name: "Host"}
		for _, r := range []string{
			`{"type":"listSong","title":"Listed","url":"/songs/x.mp3","lyrics":"[00:01]line one"}`,
			`{"type":"requestSong","listed":"l1"}`, `{"type":"requestSong","title":"Sun"}`, `{"type":"playSong","song":"s2","position":3}`,
		} {
			if code := request(t, s, host, r); code != "" {
				t.Fatalf("%s: %s", r, code)
			}
		}
		before, lines := s.Songs()
		h = next()
		if s, err = h.Studio("r"); err != nil {
			t.Fatal(err)
		}
		s.mu.Lock()
		s.scene, _ = h.scenes.Find("karaoke")
		s.recall(kept.Left()["r"])
		s.mu.Unlock()
		after, linesAfter := s.Songs()
		if !reflect.DeepEqual(before.Queue, after.Queue) || !reflect.DeepEqual(before.List, after.List) || !reflect.DeepEqual(lines, linesAfter) ||
			after.Now == nil || after.Now.ID != "s2" || !after.Now.Began.Equal(before.Now.Began) || len(lines) != 1 {
			t.Errorf("before %+v, after %+v", before, after)
		}
	})
}
