package ingest

import (
	"log/slog"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/media/mediatest"
	"github.com/tuttilive/tutti/internal/studio"
)

// warned is a participant whose warnings are written down.
type warned struct {
	Participant
	codes []string
}

func (w *warned) Update(_, _ *string, attributes map[string]string) error {
	for name := range attributes {
		w.codes = append(w.codes, name[len(studio.WarningAttribute):])
	}
	return nil
}

func TestKeyframesThatLieFarApart(t *testing.T) {
	for name, c := range map[string]struct {
		jump time.Duration // at the 30th picture
		gop  int
		want bool
	}{
		"each second":                    {0, 25, false},
		"each 5 s":                       {0, 125, true},
		"each second, and the time goes": {10 * time.Second, 25, false},
	} {
		t.Run(name, func(t *testing.T) {
			var w warned
			p := New(&w, "", nil, slog.New(slog.DiscardHandler))
			at := time.Second
			for i := range 250 {
				f := mediatest.Frame(mediatest.H264Format(640, 360), i%c.gop == 0, at, mediatest.H264(i%c.gop == 0, 20))
				if i == 30 {
					f.DTS, f.PTS, f.Discontinuity = f.DTS+c.jump, f.PTS+c.jump, c.jump > 0
					at += c.jump
				}
				p.inspect(f)
				at += 40 * time.Millisecond
			}
			if got := len(w.codes) == 1 && w.codes[0] == warnKeyframes; got != c.want || len(w.codes) > 1 {
				t.Errorf("warned of %q", w.codes)
			}
		})
	}
}
