package studio

import (
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/sfu"
)

func TestLastN(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHouse(Options{AwayGrace: testGrace, LastN: 2, Log: slog.New(slog.DiscardHandler)})
		defer h.Close()
		viewer := enter(t, h, "viewer", nil)
		st := viewer.studio
		subs := map[string]*Subscription{}
		told := map[string]bool{}
		subscribe := func(name string, source room.Source) {
			p := enter(t, h, name, nil)
			pub := picture("TR_" + name)
			pub.Source = source
			if _, err := p.PublishFrames(pub); err != nil {
				t.Fatal(err)
			}
			sub := &Subscription{participant: viewer, trackSID: pub.SID, sender: new(sfu.Sender), tell: func(capped bool) { told[name] = capped }}
			sub.counted(true)
			subs[name] = sub
		}
		// speak has somebody, or nobody, speak for two seconds.
		speak := func(who string) {
			for range 100 {
				time.Sleep(20 * time.Millisecond)
				st.mu.Lock()
				if who != "" {
					st.speakers.Hear(who, []sfu.Loudness{{At: media.Now(), Level: 20}})
				}
				st.mu.Unlock()
			}
		}
		want := func(when string, names ...string) {
			t.Helper()
			st.mu.Lock()
			defer st.mu.Unlock()
			var shown []string
			for name, sub := range subs {
				if !sub.wish.capped && !sub.wish.paused {
					shown = append(shown, name)
				}
				if told[name] != sub.wish.capped {
					t.Errorf("%s: of %s is told %v", when, name, told[name])
				}
			}
			if slices.Sort(shown); !slices.Equal(shown, names) {
				t.Errorf("%s: %v are shown, want %v", when, shown, names)
			}
		}
		for i := range 4 {
			subscribe(fmt.Sprint("p", i), room.Camera)
		}
		subscribe("screen", room.ScreenShare)
		speak("")
		want("nobody has spoken", "p0", "p1", "screen")
		speak("p3")
		want("after p3", "p0", "p3", "screen")
		speak("p2")
		want("after p2", "p2", "p3", "screen")
		subs["p1"].SetPriority(1)
		speak("")
		want("with p1 pinned", "p1", "p2", "screen")
		subs["p2"].SetPaused(true)
		speak("")
		want("with p2 paused by the client", "p1", "p3", "screen")
		subs["p2"].SetPaused(false)
		subs["p1"].SetPriority(0)
		speak("")
		want("as before", "p2", "p3", "screen")
	})
}
