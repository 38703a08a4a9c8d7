package studio

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tuttilive/tutti/internal/codec"
	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/media/mediatest"
	"github.com/tuttilive/tutti/internal/program"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/room/intake"
)

// ingestNews is a witness of who publishes.
type ingestNews struct {
	mu  sync.Mutex
	all []string
}

func (n *ingestNews) RoomEvent(_ func() RoomInfo, e room.Event) {
	if e, ok := e.(room.IngestChanged); ok {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.all = append(n.all, fmt.Sprintf("%s %s>%s %s%s", e.What, e.From, e.To, e.Why, e.Shows))
	}
}

func (n *ingestNews) take() (all []string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	all, n.all = n.all, nil
	return all
}

// TestWhoIsNotLetInTakesNothingOver has an encoder come that is to replace another one, and has too much to say of itself.
func TestWhoIsNotLetInTakesNothingOver(t *testing.T) {
	inEncodersHouse(t, func(t *testing.T, h *House) {
		news := &ingestNews{}
		h.witnesses = append(h.witnesses, news)
		set(t, h, func(s *intake.Settings) { s.Conflict = intake.Replace })
		key := addKey(t, h, intake.KeyChange{})
		mustPublish(t, h, mainKey, "192.0.2.1", 100)
		time.Sleep(5 * time.Second)
		news.take()
		secret, err := h.StreamKey("r", key)
		if err != nil {
			t.Fatal(err)
		}
		e, err := h.AdmitEncoder(context.Background(), "r", "rtmp", Credential{Key: secret}.From("192.0.2.2"))
		if err != nil {
			t.Fatal(err)
		}
		e.Claims.Metadata = strings.Repeat("x", room.MaxMetadataBytes+1)
		if _, err := h.EnterEncoder(e, room.Program{Door: "rtmp"}, &camera{stop: make(chan struct{})}); !errors.Is(err, room.ErrTooLarge) {
			t.Fatalf("let in: %v", err)
		}
		seen := follow(t, h)
		time.Sleep(5 * time.Second)
		if got := news.take(); len(got) != 0 {
			t.Errorf("told %q", got)
		}
		seen.are(t, 100)
	})
}

// slateWidth is by what a slate is known in these tests.
const slateWidth = 640

func paintedBlue(_ context.Context, p *codec.Picture) (*media.Frame, error) {
	return &media.Frame{Format: mediatest.H264Format(slateWidth, p.Height), Payload: mediatest.H264(true, 200), Keyframe: true}, nil
}

// pictures reads a show and tells whose pictures it has, by their width, and whether its times ever go back.
type pictures struct {
	mu     sync.Mutex
	widths []int // each once, in the order in which they came
	wrong  string
}

func follow(t *testing.T, h *House) *pictures {
	t.Helper()
	w, err := h.Watch("r", "flv")
	if err != nil {
		t.Fatal(err)
	}
	r, err := w.Program().Read(program.Demand{Video: []media.Codec{media.H264}})
	if err != nil {
		t.Fatal(err)
	}
	p := &pictures{}
	go func() {
		defer w.Close()
		defer r.Close()
		last := time.Duration(math.MinInt64)
		for {
			f, err := r.Next(context.Background())
			if err != nil {
				if !errors.Is(err, io.EOF) {
					p.note(0, err.Error())
				}
				return
			}
			if f.DTS <= last {
				p.note(0, fmt.Sprintf("%v after %v", f.DTS, last))
			}
			last = f.DTS
			p.note(f.Format.Width, "")
		}
	}()
	return p
}

func (p *pictures) note(width int, wrong string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if wrong != "" {
		p.wrong = wrong
	} else if n := len(p.widths); n == 0 || p.widths[n-1] != width {
		p.widths = append(p.widths, width)
	}
}

func (p *pictures) are(t *testing.T, want ...int) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.wrong != "" || !slices.Equal(p.widths, want) {
		t.Errorf("viewers saw %v, want %v; %s", p.widths, want, p.wrong)
	}
}

func TestFromThePrimaryToTheBackupToTheSlateAndBack(t *testing.T) {
	inEncodersHouse(t, func(t *testing.T, h *House) {
		news := &ingestNews{}
		h.witnesses, h.still = append(h.witnesses, news), paintedBlue
		backup := true
		key := addKey(t, h, intake.KeyChange{Backup: &backup})
		set(t, h, func(s *intake.Settings) { s.Conflict, s.Absence, s.Wait = intake.Standby, intake.Slate, time.Minute })
		is := func(want ...string) {
			t.Helper()
			if got := news.take(); !slices.Equal(got, want) {
				t.Errorf("told %q, want %q", got, want)
			}
		}
		primary := mustPublish(t, h, mainKey, "192.0.2.1", 100)
		time.Sleep(7 * time.Second)
		spare := mustPublish(t, h, key, "192.0.2.2", 200)
		seen := follow(t, h)
		time.Sleep(7 * time.Second)
		is()
		primary.end() // its connection stays
		time.Sleep(5 * time.Second)
		seen.are(t, 100, 200)
		is("takeover encoder-main>encoder-" + key.ID + " silent")
		primary.Leave(room.LeftByItself)
		time.Sleep(7 * time.Second)
		is()
		spare.Leave(room.LeftByItself)
		time.Sleep(3 * time.Second)
		seen.are(t, 100, 200, slateWidth)
		is("lost encoder-" + key.ID + "> slate")
		s, err := h.Studio("r")
		if err != nil {
			t.Fatal(err)
		}
		if st, err := s.LiveStatus(); err != nil || len(st.Warnings) == 0 || st.Warnings[0].Code != warnNoPublisher {
			t.Errorf("the host is told %+v, %v", st.Warnings, err)
		}
		time.Sleep(50 * time.Second)
		spare = mustPublish(t, h, key, "192.0.2.2", 200)
		time.Sleep(3 * time.Second)
		seen.are(t, 100, 200, slateWidth, 200)
		is("back >encoder-" + key.ID + " ")
		time.Sleep(10 * time.Second)
		mustPublish(t, h, mainKey, "192.0.2.1", 100)
		time.Sleep(7 * time.Second) // whether it stays is seen first
		seen.are(t, 100, 200, slateWidth, 200, 100)
		is("takeover encoder-" + key.ID + ">encoder-main backup")
	})
}

func TestASlateThatCannotBeMadeIsTriedAgain(t *testing.T) {
	inEncodersHouse(t, func(t *testing.T, h *House) {
		tries := 0
		h.still = func(ctx context.Context, p *codec.Picture) (*media.Frame, error) {
			if tries++; tries < 3 {
				return nil, errors.New("no worker is free")
			}
			return paintedBlue(ctx, p)
		}
		set(t, h, func(s *intake.Settings) { s.Absence, s.Wait = intake.Slate, time.Minute })
		one := mustPublish(t, h, mainKey, "192.0.2.1", 100)
		time.Sleep(5 * time.Second)
		seen := follow(t, h)
		time.Sleep(5 * time.Second)
		one.Leave(room.LeftByItself)
		warned := func() bool {
			t.Helper()
			s, err := h.Studio("r")
			if err != nil {
				t.Fatal(err)
			}
			st, err := s.LiveStatus()
			if err != nil {
				t.Fatal(err)
			}
			return slices.ContainsFunc(st.Warnings, func(w program.Warning) bool {
				if strings.Contains(w.Text, "no worker is free") {
					t.Errorf("all are told %q", w.Text)
				}
				return w.Code == warnSlate
			})
		}
		time.Sleep(2 * time.Second)
		if seen.are(t, 100); !warned() {
			t.Error("the host is not told that there is no slate")
		}
		time.Sleep(2 * slateAgain)
		if seen.are(t, 100, slateWidth); warned() {
			t.Error("the host is told that there is no slate, which there is")
		}
	})
}

func TestWhatBecomesOfAShowWithoutItsPublisher(t *testing.T) {
	for name, c := range map[string]struct {
		absence intake.Absence
		wait    time.Duration
		silent  bool // it stays connected
		shows   string
		widths  []int
		lasts   time.Duration
	}{
		"as the server has it":      {"", 0, false, "hold", []int{100}, testGrace},
		"held for a minute":         {intake.Hold, time.Minute, false, "hold", []int{100}, time.Minute},
		"a slate for a minute":      {intake.Slate, time.Minute, false, "slate", []int{100, slateWidth}, time.Minute},
		"it ends":                   {intake.End, time.Minute, false, "", []int{100}, 0},
		"a slate over a silent one": {intake.Slate, time.Minute, true, "slate", []int{100, slateWidth}, time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			inEncodersHouse(t, func(t *testing.T, h *House) {
				news := &ingestNews{}
				h.witnesses, h.still = append(h.witnesses, news), paintedBlue
				set(t, h, func(s *intake.Settings) { s.Absence, s.Wait = c.absence, c.wait })
				one := mustPublish(t, h, mainKey, "192.0.2.1", 100)
				time.Sleep(5 * time.Second)
				seen := follow(t, h)
				time.Sleep(5 * time.Second)
				if c.silent {
					one.end()
					time.Sleep(intake.DeadAfter)
				} else {
					one.Leave(room.LeftByItself)
				}
				live := func() bool { return h.Live("r").On }
				if c.lasts > 0 {
					time.Sleep(min(c.lasts-time.Second, 20*time.Second))
					seen.are(t, c.widths...)
					time.Sleep(c.lasts - time.Second - min(c.lasts-time.Second, 20*time.Second))
					if !live() {
						t.Error("the show has ended early")
					}
				}
				if time.Sleep(2 * time.Second); live() != c.silent {
					t.Errorf("live is %v", live())
				}
				var want []string
				if c.shows != "" {
					want = []string{"lost encoder-main> " + c.shows}
				}
				if got := news.take(); !slices.Equal(got, want) {
					t.Errorf("told %q, want %q", got, want)
				}
			})
		})
	}
}

func TestAWaitThatIsChangedWhileARoomWaitsHolds(t *testing.T) {
	inEncodersHouse(t, func(t *testing.T, h *House) {
		mustPublish(t, h, mainKey, "192.0.2.1", 100).Leave(room.LeftByItself)
		set(t, h, func(s *intake.Settings) { s.Wait = time.Hour })
		time.Sleep(time.Hour - time.Second)
		if !h.Live("r").On {
			t.Error("the show has ended early")
		}
		set(t, h, func(s *intake.Settings) { s.Wait = 0 })
		if time.Sleep(testGrace + time.Second); h.Live("r").On {
			t.Error("the show goes on")
		}
	})
}

// TestAShowThatEndsWithItsEncoderGoesOnWithTheNext has an encoder sent away for another one, in a room whose shows end with their encoders.
func TestAShowThatEndsWithItsEncoderGoesOnWithTheNext(t *testing.T) {
	for what, c := range map[string]struct {
		conflict intake.Conflict
		dead     bool
	}{
		"replaced":                    {intake.Replace, false},
		"replaced after it fell mute": {intake.Replace, true},
		"refused unless it is dead":   {intake.Refuse, true},
	} {
		t.Run(what, func(t *testing.T) {
			inEncodersHouse(t, func(t *testing.T, h *House) {
				news := &ingestNews{}
				h.witnesses = append(h.witnesses, news)
				set(t, h, func(s *intake.Settings) { s.Absence, s.Conflict = intake.End, c.conflict })
				key := addKey(t, h, intake.KeyChange{})
				one := mustPublish(t, h, mainKey, "192.0.2.1", 100)
				time.Sleep(5 * time.Second)
				seen, since := follow(t, h), h.Live("r").Since
				time.Sleep(5 * time.Second)
				if c.dead {
					one.end()
					time.Sleep(intake.DeadAfter + 100*time.Millisecond)
				}
				news.take()
				two := mustPublish(t, h, key, "192.0.2.2", 200)
				time.Sleep(5 * time.Second)
				if live := h.Live("r"); !live.On || !live.Since.Equal(since) {
					t.Errorf("the show of %v has become %+v", since, live)
				}
				seen.are(t, 100, 200)
				if got, want := news.take(), "takeover encoder-main>encoder-"+key.ID+" replaced"; len(got) == 0 || got[0] != want {
					t.Errorf("told %q, want %q first", got, want)
				}
				two.Leave(room.LeftByItself)
				time.Sleep(time.Second)
				if h.Live("r").On {
					t.Error("it goes on without any")
				}
			})
		})
	}
}
