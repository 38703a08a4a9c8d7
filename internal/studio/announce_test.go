package studio

import (
	"strings"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/studio/talk"
)

// TestMetaIsOnlyWhatCanBeTold: a moment that no JSON can say, and text that is none, reach nobody.
func TestMetaIsOnlyWhatCanBeTold(t *testing.T) {
	onStage(t, "show", func(t *testing.T, h *House, s *Studio) {
		enter(t, h, "host", asHost)
		l := hear(t, s)
		for what, want := range map[string]string{
			`{"type":"meta","data":1,"at":"9999-12-31T23:59:59-23:59"}`:     "malformed",
			`{"type":"meta","data":1,"at":"0000-01-01T00:00:00+23:59"}`:     "malformed",
			`{"type":"meta","data":1,"at":"tomorrow"}`:                      "malformed",
			`{"type":"meta","data":"now","at":"2026-11-30T20:00:00+08:00"}`: "",
		} {
			if code := request(t, s, Actor{Identity: "host"}, what); code != want {
				t.Errorf("%q: %q instead of %q", what, code, want)
			}
		}
		s.mu.Lock()
		if got := s.meta(Actor{}, talk.Request{Data: []byte("\"\xff\"")}); got.Err != errMeta { // over HTTP nobody has looked at it before
			t.Errorf("what is no text: %v", got.Err)
		}
		s.mu.Unlock()
		time.Sleep(time.Second)
		if told := l.all(); strings.Count(told, `"type":"meta"`) != 1 || !strings.Contains(told, `"at":"2026-11-30T12:00:00Z","data":"now"`) {
			t.Errorf("told %s", told)
		}
	})
}
