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
	"github.com/tuttilive/tutti/internal/rtc"
	"github.com/tuttilive/tutti/internal/sfu"
)

func TestOnlyTheLoudestOfManyMicrophonesAreForwarded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHouse(Options{AwayGrace: testGrace, Loudest: 2, Log: slog.New(slog.DiscardHandler)})
		defer h.Close()
		people := map[string]*Participant{}
		speak := func(p *Participant, source room.Source) {
			pub := room.Publication{SID: room.NewSID("TR_"), Kind: media.Audio, Codec: media.Opus, Source: source}
			if err := p.PublishInbound(pub, &rtc.Inbound{Kind: media.Audio}); err != nil {
				t.Fatal(err)
			}
		}
		levels := map[string]uint8{}
		// listen lets time pass in which everybody is as loud as levels says.
		listen := func(d time.Duration) {
			for range d / (20 * time.Millisecond) {
				time.Sleep(20 * time.Millisecond)
				st, err := h.Studio("r")
				if err != nil {
					t.Fatal(err)
				}
				st.mu.Lock()
				for id := range people {
					level := uint8(70)
					if l, ok := levels[id]; ok {
						level = l
					}
					st.speakers.Hear(id, []sfu.Loudness{{At: media.Now(), Level: level}})
				}
				st.mu.Unlock()
			}
		}
		forwarded := func() (ids []string) {
			st, err := h.Studio("r")
			if err != nil {
				t.Fatal(err)
			}
			st.mu.Lock()
			defer st.mu.Unlock()
			for _, e := range st.tracks {
				if !e.track.Withheld() {
					ids = append(ids, fmt.Sprint(e.identity, " ", e.pub.Source))
				}
			}
			slices.Sort(ids)
			return ids
		}
		want := func(when string, ids ...string) {
			t.Helper()
			if got := forwarded(); !slices.Equal(got, ids) {
				t.Errorf("%s: %v are forwarded, want %v", when, got, ids)
			}
		}
		for _, id := range []string{"a", "b"} {
			people[id] = enter(t, h, id, nil)
			speak(people[id], room.Microphone)
		}
		listen(time.Second)
		want("two of two", "a microphone", "b microphone")
		for _, id := range []string{"c", "d"} {
			people[id] = enter(t, h, id, nil)
			speak(people[id], room.Microphone)
		}
		speak(people["d"], room.ScreenShareAudio)
		levels["c"] = 20
		listen(time.Second)
		if got := forwarded(); len(got) != 3 || !slices.Contains(got, "c microphone") || !slices.Contains(got, "d screen_share_audio") {
			t.Errorf("while c speaks %v are forwarded", got)
		}
		levels = map[string]uint8{"d": 20}
		listen(time.Second)
		want("d after c", "c microphone", "d microphone", "d screen_share_audio")
		for _, id := range []string{"a", "b"} {
			people[id].Leave(room.LeftByItself)
			delete(people, id)
		}
		listen(time.Second)
		want("two of two again", "c microphone", "d microphone", "d screen_share_audio")
		st, err := h.Studio("r")
		if err != nil {
			t.Fatal(err)
		}
		if got := st.Dominant(); got != "d" {
			t.Errorf("dominant is %q", got)
		}
	})
}
