package sfu

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// frameLetters write a level: each is 2 dB quieter than the one before. '.' is a frame without a packet.
const frameLetters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// trace is the levels of several people, a letter for each 20 ms.
type trace map[string]string

// readTrace reads a trace of testdata/levels. They were made of recorded or synthetic speech, noise and bursts of it, mixed as
// their first lines say, by measuring 20 ms at a time.
func readTrace(t *testing.T, name string) trace {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "levels", name+".txt"))
	if err != nil {
		t.Fatal(err)
	}
	tr := trace{}
	for line := range strings.Lines(string(text)) {
		if id, levels, ok := strings.Cut(strings.TrimSpace(line), " "); ok && id != "#" {
			tr[id] = levels
		}
	}
	return tr
}

// play hears a trace, looks ten times a second, and calls f after each look.
func (tr trace) play(s *Speakers, f func(now time.Duration, changed bool)) {
	begin := time.Duration(0)
	tr.playFrom(s, &begin, f)
}

// playFrom plays from a moment on, and leaves where it ended.
func (tr trace) playFrom(s *Speakers, begin *time.Duration, f func(now time.Duration, changed bool)) {
	for i := 0; ; i++ {
		now := *begin + time.Duration(i)*frameTime
		over := true
		for _, id := range slices.Sorted(maps.Keys(tr)) {
			if levels := tr[id]; i < len(levels) {
				over = false
				if c := levels[i]; c != '.' {
					s.Hear(id, []Loudness{{At: now, Level: uint8(2 * strings.IndexByte(frameLetters, c))}})
				}
			}
		}
		if over {
			*begin = now
			return
		}
		if i%5 == 4 {
			changed := s.Look(now)
			f(now, changed)
		}
	}
}

// dominants writes down who became dominant when, in tenths of a second.
func (tr trace) dominants() string {
	var told []string
	s := NewSpeakers()
	tr.play(s, func(now time.Duration, changed bool) {
		if changed {
			told = append(told, fmt.Sprintf("%.1f:%s", now.Seconds(), s.Dominant()))
		}
	})
	return strings.Join(told, " ")
}

// shares is how much of the time each is told to speak.
func (tr trace) shares() map[string]float64 {
	s := NewSpeakers()
	on, looks := map[string]float64{}, 0.0
	tr.play(s, func(now time.Duration, _ bool) {
		looks++
		s.Changes(now)
		for _, a := range s.Active() {
			on[a.ID]++
		}
	})
	for id := range on {
		on[id] /= looks
	}
	return on
}

func TestDominantSpeaker(t *testing.T) {
	for name, want := range map[string]string{
		"monologue":   "1.6:a",
		"alternating": "1.3:a 10.6:b 18.7:a", // speech begins at 0.5, 9.8 and 17.4 s
		"disturbed":   "1.3:a",
		"slam":        "",
		"backchannel": "1.3:a",
		"together":    "1.3:a 3.1:b 4.0:a 4.9:b", // b goes on in a's pause, a in b's, and b when a has done
		"dtx":         "1.6:a",
		"soft":        "1.9:a",
		"recorded":    "1.9:a 11.8:b 22.3:c 24.4:a", // they begin at 1.1, 11.1, 21.2 and 23.7 s
	} {
		t.Run(name, func(t *testing.T) {
			if got := readTrace(t, name).dominants(); got != want {
				t.Errorf("became dominant: %q, want %q", got, want)
			}
		})
	}
}

func TestWhoSpeaks(t *testing.T) {
	tests := []struct {
		trace, id   string
		least, most float64 // share of the time
	}{
		{"monologue", "a", 0.7, 0.85},
		{"monologue", "b", 0, 0},
		{"monologue", "c", 0, 0}, // a fan
		{"alternating", "a", 0.5, 0.6},
		{"alternating", "b", 0.3, 0.4},
		{"disturbed", "a", 0.8, 0.9},
		{"disturbed", "b", 0, 0.1}, // a cough
		{"disturbed", "c", 0, 0.1}, // a door
		{"dtx", "a", 0.6, 0.8},
		{"dtx", "b", 0, 0},
		{"soft", "a", 0.7, 0.85},
		{"soft", "b", 0, 0},           // a fan
		{"recorded", "a", 0.45, 0.55}, // for 16 of 31.5 s
		{"recorded", "b", 0.25, 0.35}, // for 9.6
		{"recorded", "c", 0.05, 0.1},  // for 2.3
	}
	for _, tt := range tests {
		if got := readTrace(t, tt.trace).shares()[tt.id]; got < tt.least || got > tt.most {
			t.Errorf("%s: %s speaks for %.2f of the time, want %.2f to %.2f", tt.trace, tt.id, got, tt.least, tt.most)
		}
	}
}

// steady is a level, in dB below full scale, for a time.
func steady(level int, d time.Duration) string {
	return strings.Repeat(string(frameLetters[level/2]), int(d/frameTime))
}

// changes writes down the lists of changes by the tenths of a second at which they come.
func (tr trace) changes() string {
	var told []string
	s := NewSpeakers()
	tr.play(s, func(now time.Duration, _ bool) {
		if changes := s.Changes(now); len(changes) > 0 {
			list := fmt.Sprintf("%.1f:", now.Seconds())
			for _, c := range changes {
				list += c.ID + map[bool]string{true: "+", false: "-"}[c.Level > 0]
			}
			told = append(told, list)
		}
	})
	return strings.Join(told, " ")
}

func TestSpeakerChanges(t *testing.T) {
	const quiet = 70
	tests := map[string]struct {
		trace trace
		want  string
	}{
		"speaks and stops":                               {trace{"a": steady(quiet, time.Second) + steady(20, time.Second) + steady(quiet, 2*time.Second)}, "1.4:a+ 2.8:a-"},
		"a click is nobody's speech":                     {trace{"a": steady(quiet, time.Second) + steady(10, 200*ms) + steady(quiet, 2*time.Second)}, ""},
		"a breath between words is no end":               {trace{"a": steady(20, time.Second) + steady(quiet, 400*ms) + steady(20, time.Second)}, "0.4:a+"},
		"two, the louder first":                          {trace{"a": steady(26, time.Second), "b": steady(14, time.Second)}, "0.4:b+a+"},
		"changes come at most every 400 ms":              {trace{"a": steady(20, 2*time.Second), "b": steady(quiet, 200*ms) + steady(20, 1800*ms)}, "0.4:a+ 0.8:b+"},
		"who is heard in another's microphone is silent": {trace{"a": steady(20, 2*time.Second), "b": steady(40, 2*time.Second)}, "0.4:a+"},
		"packets that stop are silence":                  {trace{"a": steady(20, time.Second) + strings.Repeat(".", 100)}, "0.4:a+ 1.9:a-"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := tt.trace.changes(); got != tt.want {
				t.Errorf("told %q, want %q", got, tt.want)
			}
		})
	}
}

// A client that claims to be loud in each packet of the levels that it sends is no speaker for long, and takes no place of those who
// speak; neither is one that makes up some noise about it.
func TestLoudnessThatNeverVariesIsNoSpeech(t *testing.T) {
	for name, lie := range map[string]string{
		"the loudest level": "00000000", "a loud level": "66666666", "a loud level with a little noise": "01101001",
	} {
		t.Run(name, func(t *testing.T) {
			tr := readTrace(t, "alternating")
			honest := tr.shares()
			tr["liar"] = strings.Repeat(lie, len(tr["a"])/len(lie))
			shares := tr.shares()
			if got := shares["liar"]; got > 0.2 { // the first three seconds of 25
				t.Errorf("the liar speaks for %.2f of the time", got)
			}
			for _, id := range []string{"a", "b"} {
				if shares[id] < honest[id]-0.2 {
					t.Errorf("%s speaks for %.2f of the time, %.2f without the liar", id, shares[id], honest[id])
				}
			}
			s, l := NewSpeakers(), Loudest{}
			tr.play(s, func(now time.Duration, _ bool) { l.Choose(s, 1, now) })
			if s.Dominant() == "liar" || l.Heard("liar") {
				t.Error("the liar is dominant or keeps its place among the loudest")
			}
		})
	}
}

func TestSpeakersRankWithHysteresis(t *testing.T) {
	s := NewSpeakers()
	now := time.Duration(0)
	first := func(a, b int) string {
		trace{"a": steady(a, time.Second), "b": steady(b, time.Second)}.playFrom(s, &now, func(now time.Duration, _ bool) { s.Changes(now) })
		return s.Active()[0].ID
	}
	if got := first(10, 14); got != "a" {
		t.Fatalf("first is %s", got)
	}
	if got := first(12, 10); got != "a" {
		t.Fatalf("overtaken by a little")
	}
	if got := first(16, 4); got != "b" {
		t.Fatalf("not overtaken by much")
	}
	s.Remove("b")
	if active := s.Active(); len(active) != 1 || active[0].ID != "a" {
		t.Fatalf("after one is gone: %v", active)
	}
	if changes := s.Changes(10 * time.Second); len(changes) != 0 {
		t.Fatalf("a change is told of one who is gone: %v", changes)
	}
}

func TestRemovingTheDominantSpeaker(t *testing.T) {
	s := NewSpeakers()
	trace{"a": steady(20, 2*time.Second)}.play(s, func(time.Duration, bool) {})
	if got := s.Dominant(); got != "a" {
		t.Fatalf("dominant is %q", got)
	}
	s.Remove("a")
	if got := s.Dominant(); got != "" {
		t.Fatalf("dominant is %q", got)
	}
}

func TestPacketsInBurstsAreNoMoreThanThey(t *testing.T) {
	var v voice
	// Ten at a time every 200 ms, as a bad network delivers them.
	for i := range 100 {
		v.hear(Loudness{At: time.Duration(i/10) * 200 * ms, Level: 20})
	}
	v.advance(2 * time.Second)
	if got := v.active(v.frame, framesKept); got < framesKept-holdFrames {
		t.Errorf("%d frames of %d are a voice", got, framesKept)
	}
	if ahead := v.frame - int64(2*time.Second/frameTime); ahead > 0 {
		t.Errorf("%d frames ahead", ahead)
	}
}

func BenchmarkSpeakers300(b *testing.B) {
	s := NewSpeakers()
	now := time.Duration(0)
	for b.Loop() { // a tenth of a second
		for i := range 300 {
			id := fmt.Sprint(i) // as the studio has them
			var l [5]Loudness
			for k := range l {
				l[k] = Loudness{At: now + time.Duration(k)*frameTime, Level: uint8(20 + i%60)}
			}
			s.Hear(id, l[:])
		}
		now += 100 * ms
		s.Look(now)
		s.Changes(now)
	}
}
