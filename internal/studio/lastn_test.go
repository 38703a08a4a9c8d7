package studio

import (
	"cmp"
	"fmt"
	"log/slog"
	"math/rand/v2"
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

// filmed makes a room of people each of whom has a camera and sees those of all others, of which it gets so many.
func filmed(people, lastN int) (s *Studio, subs []*Subscription) {
	s = &Studio{house: &House{lastN: lastN}, tracks: map[string]*published{}, speakers: sfu.NewSpeakers()}
	var all []*Participant
	for i := range people {
		all = append(all, &Participant{studio: s, identity: fmt.Sprint(i)})
	}
	for i, p := range all {
		entry := &published{
			pub: room.Publication{SID: fmt.Sprintf("TR_%03d", i), Source: room.Camera}, identity: p.identity, subscribers: map[*Subscription]struct{}{},
		}
		s.tracks[entry.pub.SID] = entry
		for k, viewer := range all {
			if k != i {
				subs = append(subs, &Subscription{participant: viewer, trackSID: entry.pub.SID, sender: new(sfu.Sender), tell: func(bool) {}})
				subs[len(subs)-1].counted(true)
			}
		}
	}
	return s, subs
}

// speakUp has somebody, and nobody else, speak for a second from a time on.
func speakUp(s *Studio, who string, from time.Duration) (until time.Duration) {
	until = from + time.Second
	for at := from; at < until; at += 20 * time.Millisecond {
		s.speakers.Hear(who, []sfu.Loudness{{At: at, Level: 20}})
	}
	s.speakers.Look(until)
	return until
}

// TestLastNOfMany chooses at random among those who speak, pin and pause, and compares with what each would get if it were looked at alone.
func TestLastNOfMany(t *testing.T) {
	const people, n = 12, 4
	s, subs := filmed(people, n)
	random := rand.New(rand.NewPCG(1, 2))
	now := time.Second
	for range 300 {
		sub := subs[random.IntN(len(subs))]
		switch random.IntN(4) {
		case 0:
			sub.SetPaused(!sub.wish.paused)
		case 1:
			sub.SetPriority(uint32(random.IntN(2)))
		case 2:
			_, subscribed := s.tracks[sub.trackSID].subscribers[sub]
			sub.counted(!subscribed)
		case 3:
			now = speakUp(s, fmt.Sprint(random.IntN(people)), now)
		}
		alone := map[*Participant][]*Subscription{}
		for _, sub := range subs {
			if _, subscribed := s.tracks[sub.trackSID].subscribers[sub]; subscribed && !sub.wish.paused {
				alone[sub.participant] = append(alone[sub.participant], sub)
			}
		}
		want := map[*Subscription]bool{}
		for _, theirs := range alone {
			slices.SortFunc(theirs, func(a, b *Subscription) int {
				spoke := func(sub *Subscription) time.Duration { return s.speakers.SpokeLast(s.tracks[sub.trackSID].identity) }
				return cmp.Or(
					cmp.Compare(order(b.pinned), order(a.pinned)), cmp.Compare(spoke(b), spoke(a)),
					cmp.Compare(order(a.wish.capped), order(b.wish.capped)), cmp.Compare(a.trackSID, b.trackSID))
			})
			for i, sub := range theirs {
				want[sub] = i >= n
			}
		}
		now += lastNInterval
		s.capPictures(now)
		for _, sub := range subs {
			if capped, counts := want[sub]; counts && capped != sub.wish.capped {
				t.Fatalf("%s of %s is left out: %v", sub.trackSID, sub.participant.identity, sub.wish.capped)
			}
		}
	}
}

// TestLookingForTheLastNAllocatesNothing, and looks at no subscription where nothing has changed: it is done with the room's lock held.
func TestLookingForTheLastNAllocatesNothing(t *testing.T) {
	s, subs := filmed(20, 5)
	now := time.Second
	s.capPictures(now)
	now = speakUp(s, "7", now)
	if allocated := testing.AllocsPerRun(20, func() {
		now += lastNInterval
		s.lastN.due = true
		s.capPictures(now)
	}); allocated > 0 {
		t.Errorf("a look allocates %.0f times", allocated)
	}
	subs[0].wish.capped = !subs[0].wish.capped // as nobody does, so that a look is seen
	was := subs[0].wish.capped
	s.capPictures(now + lastNInterval)
	if subs[0].wish.capped != was {
		t.Error("looked for nothing")
	}
	if subs[0].SetPaused(false); !s.lastN.due {
		t.Error("a wish is not looked at")
	}
}

// BenchmarkLastN is one look, of two a second, with the room's lock held, in a room of 300 who all have a camera.
func BenchmarkLastN(b *testing.B) {
	for name, speaks := range map[string]bool{"nothing changes": false, "another speaks": true} {
		b.Run(name, func(b *testing.B) {
			s, _ := filmed(300, 9)
			now := time.Second
			s.capPictures(now)
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				if speaks {
					b.StopTimer()
					i++
					now = speakUp(s, fmt.Sprint(i%300), now)
					b.StartTimer()
				}
				now += lastNInterval
				s.capPictures(now)
			}
		})
	}
}
