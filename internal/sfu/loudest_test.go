package sfu

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/media"
)

// chosen writes down, by the tenths of a second at which it changes, whose sound of a trace is let through.
func (tr trace) chosen(n int) string {
	var told []string
	s, l := NewSpeakers(), new(Loudest)
	tr.play(s, func(now time.Duration, _ bool) {
		if !l.Choose(s, n, now) {
			return
		}
		var ids []string
		for id := range tr {
			if l.Heard(id) {
				ids = append(ids, id)
			}
		}
		slices.Sort(ids)
		told = append(told, fmt.Sprintf("%.1f:%s", now.Seconds(), strings.Join(ids, "")))
	})
	return strings.Join(told, " ")
}

func TestLoudest(t *testing.T) {
	const quiet = 70
	s := func(levels ...int) (levelsOf string) { // a second each
		for _, level := range levels {
			levelsOf += steady(level, time.Second)
		}
		return levelsOf
	}
	tests := map[string]struct {
		n     int
		trace trace
		want  string
	}{
		"those who speak, and who spoke last":           {2, trace{"a": s(20, quiet, quiet, quiet, quiet), "b": s(quiet, 20, quiet, quiet, quiet), "c": s(quiet, quiet, quiet, 20, quiet)}, "0.1:ab 3.1:bc"},
		"more speak than there is room for: the louder": {2, trace{"a": s(24, 24), "b": s(10, 10), "c": s(14, 14)}, "0.1:bc"},
		"about as loud changes nothing":                 {1, trace{"a": s(20, 20, 20), "b": s(quiet, 18, 18)}, "0.1:a"},
		"much louder does":                              {1, trace{"a": s(24, 24, 24), "b": s(quiet, 12, 12)}, "0.1:a 1.1:b"},
		"nobody is left out where there is room":        {5, trace{"a": s(20, quiet), "b": s(quiet, 20)}, "0.1:ab"},
		"a pause keeps the place":                       {1, trace{"a": s(20, quiet, 20), "b": s(quiet, quiet, quiet)}, "0.1:a"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := tt.trace.chosen(tt.n); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

func TestWhoTakesTurnsIsLetThrough(t *testing.T) {
	// The other microphone hears the same voice, so who is closer must be clearly louder first.
	if got := readTrace(t, "alternating").chosen(1); !strings.HasSuffix(got, "a 10.6:b 17.5:a") {
		t.Errorf("%q; speech begins at 0.5, 9.8 and 17.4 s", got)
	}
}

func TestWithheldTrack(t *testing.T) {
	inWorld(t, func(w *world) {
		tr := w.track(media.Opus)
		src := w.source(tr, "", 100, 0)
		s := w.sender(tr, media.Opus)
		speak := func(n int) {
			for range n {
				w.pass(20 * ms)
				src.write(src.frame(false, 1)...)
			}
		}
		speak(10)
		before := w.sent[s.out]
		tr.SetWithheld(true)
		speak(100)
		if got := len(w.sent[s.out]) - len(before); got > 0 {
			t.Fatalf("%d packets are sent of a track that is withheld", got)
		}
		late := w.sender(tr, media.Opus)
		speak(5)
		w.mu.Lock()
		if len(w.queue) > 0 {
			t.Errorf("%d pieces of work for a track that is withheld", len(w.queue))
		}
		w.mu.Unlock()
		tr.SetWithheld(false)
		speak(10)
		sent := w.sent[s.out]
		if got := len(sent) - len(before); got != 10 {
			t.Fatalf("%d packets of 10 are sent after that", got)
		}
		for i := 1; i < len(sent); i++ {
			if sent[i].Seq != sent[i-1].Seq+1 {
				t.Fatalf("packet %d follows %d", sent[i].Seq, sent[i-1].Seq)
			}
		}
		last, next := before[len(before)-1], sent[len(before)]
		if passed := next.Timestamp - last.Timestamp; passed != 106*960 {
			t.Errorf("timestamps go on by %d ticks, want %d", passed, 106*960)
		}
		if got := len(w.sent[late.out]); got != 10 {
			t.Errorf("who came meanwhile gets %d packets of 10", got)
		}
	})
}
