package studio

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/media/mediatest"
	"github.com/tuttilive/tutti/internal/program"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/room/intake"
	"github.com/tuttilive/tutti/internal/track"
)

// unkept keeps nothing.
type unkept struct{}

func (unkept) Put(string, intake.Settings) error { return nil }
func (unkept) Delete(string) error               { return nil }

// inEncodersHouse runs a test in virtual time in a house with the room "r", whose settings are kept in memory alone.
func inEncodersHouse(t *testing.T, test func(t *testing.T, h *House)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		policy := room.Policy{Access: room.AccessLink, PublicWatch: true, Salt: "s", UsedAt: time.Now().Add(1000 * time.Hour)}
		h := NewHouse(Options{AwayGrace: testGrace, Keys: testKeys, Log: slog.New(slog.DiscardHandler), Rooms: &Policies{
			intakes: &intakes{bucket: unkept{}, byRoom: map[string]intake.Settings{}}, revoked: &revocations{},
			known: map[string]room.Policy{"r": policy}, unknown: map[string]struct{}{},
		}})
		defer h.Close()
		test(t, h)
	})
}

// camera is an encoder in a test. It sends a picture each 100 ms, each tenth a keyframe, of a size by which it is known.
type camera struct {
	*Participant
	track *track.Track

	mu   sync.Mutex
	why  error
	stop chan struct{}
	once sync.Once
}

func (c *camera) RoomEvent(e room.Event) {
	if e, ok := e.(room.ParticipantLeft); ok && c.Participant != nil && e.Participant.SID == c.sid {
		c.end()
	}
}

func (c *camera) Dismiss(why error) {
	c.mu.Lock()
	c.why = why
	c.mu.Unlock()
}

func (c *camera) dismissed() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.why
}

// end stops sending; the connection stays.
func (c *camera) end() { c.once.Do(func() { close(c.stop) }) }

func (c *camera) send(width int) {
	format := mediatest.H264Format(width, 100)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for i := 0; ; i++ {
		at := media.Now()
		if c.track.WriteFrame(&media.Frame{Format: format, Payload: mediatest.H264(i%10 == 0, 200), PTS: at, DTS: at, Keyframe: i%10 == 0}) != nil {
			return
		}
		select {
		case <-tick.C:
		case <-c.track.Done():
			return
		case <-c.stop:
			return
		}
	}
}

// publishAs comes with a stream key and publishes.
func publishAs(t *testing.T, h *House, key intake.Key, from string, width int) (*camera, error) {
	t.Helper()
	secret, err := h.StreamKey("r", key)
	if err != nil {
		t.Fatal(err)
	}
	e, err := h.AdmitEncoder(context.Background(), "r", "rtmp", Credential{Key: secret}.From(from))
	if err != nil {
		return nil, err
	}
	c := &camera{stop: make(chan struct{})}
	p, err := h.EnterEncoder(e, room.Program{Door: "rtmp", SDK: "OBS"}, c)
	if err != nil {
		return nil, err
	}
	c.Participant = p
	if c.track, err = p.PublishFrames(picture(room.NewSID("TR_"))); err != nil {
		t.Fatal(err)
	}
	go c.send(width)
	return c, nil
}

func mustPublish(t *testing.T, h *House, key intake.Key, from string, width int) *camera {
	t.Helper()
	c, err := publishAs(t, h, key, from, width)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func set(t *testing.T, h *House, change func(*intake.Settings)) {
	t.Helper()
	if err := h.ChangeIntake("r", func(s *intake.Settings) error { change(s); return nil }); err != nil {
		t.Fatal(err)
	}
}

func addKey(t *testing.T, h *House, c intake.KeyChange) (k intake.Key) {
	t.Helper()
	set(t, h, func(s *intake.Settings) {
		var err error
		if k, err = s.Add(c, time.Now()); err != nil {
			t.Fatal(err)
		}
	})
	return k
}

var mainKey = intake.Key{ID: intake.Main}

func TestARevokedKeyEndsWhatIsPublishedWithIt(t *testing.T) {
	inEncodersHouse(t, func(t *testing.T, h *House) {
		name := "camera 2"
		key := addKey(t, h, intake.KeyChange{Name: &name})
		one, two := mustPublish(t, h, mainKey, "192.0.2.1", 100), mustPublish(t, h, key, "192.0.2.1", 200)
		if self := two.Self(); self.Name != name || self.Kind != room.Ingest || self.Permission.Subscribe || self.Permission.Admin {
			t.Errorf("it is %+v", self)
		}
		set(t, h, func(s *intake.Settings) { _ = s.Revoke(key.ID) })
		if !errors.Is(two.dismissed(), ErrKeyOver) || two.Self().SID != "" {
			t.Errorf("still there: %v", two.dismissed())
		}
		if _, err := publishAs(t, h, key, "192.0.2.1", 200); !errors.Is(err, auth.ErrInvalid) {
			t.Errorf("it comes again: %v", err)
		}
		set(t, h, func(s *intake.Settings) { _, _ = s.Rotate(intake.Main) })
		if !errors.Is(one.dismissed(), ErrKeyOver) {
			t.Error("the old secret is good after rotation")
		}
		rotated, _ := h.Intake("r").Key(intake.Main)
		mustPublish(t, h, rotated, "192.0.2.1", 100)
	})
}

func TestAKeyExpiresForWhoPublishesWithIt(t *testing.T) {
	inEncodersHouse(t, func(t *testing.T, h *House) {
		until := time.Now().Add(time.Minute)
		key := addKey(t, h, intake.KeyChange{ExpiresAt: &until})
		c := mustPublish(t, h, key, "192.0.2.1", 100)
		time.Sleep(time.Minute - time.Second)
		if c.dismissed() != nil {
			t.Fatal("it has ended early")
		}
		time.Sleep(2 * time.Second)
		if !errors.Is(c.dismissed(), ErrKeyOver) {
			t.Errorf("it goes on: %v", c.dismissed())
		}
	})
}

func TestAnExpiryThatIsChangedWhileSomebodyPublishesHolds(t *testing.T) {
	for what, c := range map[string]struct{ first, then time.Duration }{ // 0 is never
		"given later": {0, time.Minute},
		"put off":     {time.Minute, 2 * time.Minute},
		"shortened":   {2 * time.Minute, time.Minute},
		"taken away":  {time.Minute, 0},
	} {
		t.Run(what, func(t *testing.T) {
			inEncodersHouse(t, func(t *testing.T, h *House) {
				change := func(after time.Duration) {
					until := time.Time{}
					if after > 0 {
						until = time.Now().Add(after)
					}
					set(t, h, func(s *intake.Settings) {
						if _, err := s.Change(intake.Main, intake.KeyChange{ExpiresAt: &until}, time.Now()); err != nil {
							t.Fatal(err)
						}
					})
				}
				change(c.first)
				e := mustPublish(t, h, mainKey, "192.0.2.1", 100)
				s := e.Studio()
				change(c.then)
				if c.then == 0 {
					time.Sleep(c.first + time.Second)
					if e.dismissed() != nil {
						t.Errorf("it has ended: %v", e.dismissed())
					}
					return
				}
				time.Sleep(c.then - time.Second)
				if e.dismissed() != nil {
					t.Fatalf("it has ended early: %v", e.dismissed())
				}
				time.Sleep(2 * time.Second)
				if !errors.Is(e.dismissed(), ErrKeyOver) {
					t.Errorf("it goes on: %v", e.dismissed())
				}
				s.mu.Lock()
				defer s.mu.Unlock()
				if s.lineup.expiry != nil {
					t.Error("nobody publishes, and an expiry is waited for")
				}
			})
		})
	}
}

func TestAClosedRoomWaitsForNoExpiry(t *testing.T) {
	inEncodersHouse(t, func(t *testing.T, h *House) {
		until := time.Now().Add(time.Hour)
		s := mustPublish(t, h, addKey(t, h, intake.KeyChange{ExpiresAt: &until}), "192.0.2.1", 100).Studio()
		s.mu.Lock()
		expiry := s.lineup.expiry
		s.mu.Unlock()
		s.Close(room.LeftRoomClosed)
		if expiry == nil || expiry.Stop() {
			t.Error("the timer holds the room")
		}
	})
}

func TestWhatIsRevokedEndsAlsoThoseThatTheApplicationHides(t *testing.T) {
	inEncodersHouse(t, func(t *testing.T, h *House) {
		key := addKey(t, h, intake.KeyChange{})
		c := mustPublish(t, h, key, "192.0.2.1", 100)
		if err := c.Studio().SetPermission(c.identity, room.Permission{Publish: true, Hidden: true}); err != nil {
			t.Fatal(err)
		}
		hidden := ClaimsOf(auth.Publisher, "r") // as a token may say
		hidden.Identity, hidden.Video.Hidden = "hidden", true
		from := Credential{}.From("192.0.2.1").host
		byToken := &camera{stop: make(chan struct{})}
		var err error
		if byToken.Participant, err = h.EnterEncoder(Encoder{Room: "r", Claims: hidden, owner: "token hidden", from: from}, room.Program{Door: "rtmp"}, byToken); err != nil {
			t.Fatal(err)
		}
		if n := len(byToken.Studio().Encoders()); n != 0 {
			t.Errorf("%d of those that are hidden are listed", n)
		}
		set(t, h, func(s *intake.Settings) { _ = s.Revoke(key.ID) })
		if !errors.Is(c.dismissed(), ErrKeyOver) || byToken.dismissed() != nil {
			t.Errorf("its key is revoked: %v, and the other: %v", c.dismissed(), byToken.dismissed())
		}
		set(t, h, func(s *intake.Settings) { s.Allow, _ = intake.Networks([]string{"198.51.100.0/24"}) })
		if !errors.Is(byToken.dismissed(), ErrFrom) {
			t.Errorf("its address is no longer good: %v", byToken.dismissed())
		}
	})
}

// thinks is a gate during whose thoughts something happens.
type thinks func()

func (then thinks) Pass(context.Context, Visit) error { then(); return nil }

func TestWhatChangesWhileTheApplicationIsAskedHolds(t *testing.T) {
	inEncodersHouse(t, func(t *testing.T, h *House) {
		h.gate = thinks(func() {
			set(t, h, func(s *intake.Settings) { s.Allow, _ = intake.Networks([]string{"198.51.100.0/24"}) })
		})
		if _, err := publishAs(t, h, mainKey, "192.0.2.1", 100); !errors.Is(err, ErrFrom) {
			t.Errorf("its address is no longer good: %v", err)
		}
		h.gate = thinks(func() {
			h.rooms.mu.Lock()
			defer h.rooms.mu.Unlock()
			h.rooms.known["r"] = room.Policy{Access: room.AccessLink, Salt: "another"}
		})
		c := Credential{Key: testKeys.LinkKey("r", auth.Host, "s")}.From("198.51.100.1")
		if _, err := h.AdmitEncoder(context.Background(), "r", "rtmp", c); !errors.Is(err, auth.ErrInvalid) {
			t.Errorf("its link is no longer good: %v", err)
		}
	})
}

func TestEncodersPublishFromWhereTheyMay(t *testing.T) {
	inEncodersHouse(t, func(t *testing.T, h *House) {
		c := mustPublish(t, h, mainKey, "192.0.2.1", 100)
		set(t, h, func(s *intake.Settings) { s.Allow, _ = intake.Networks([]string{"198.51.100.0/24"}) })
		if !errors.Is(c.dismissed(), ErrFrom) {
			t.Errorf("who publishes from elsewhere stays: %v", c.dismissed())
		}
		if _, err := publishAs(t, h, mainKey, "192.0.2.1:1935", 100); !errors.Is(err, ErrFrom) {
			t.Errorf("from elsewhere: %v", err)
		}
		mustPublish(t, h, mainKey, "198.51.100.9:1935", 100)
	})
}

// watched reads what viewers see, for as long as its test lasts.
type watched struct {
	mu     sync.Mutex
	widths []int // each as it follows another one
	at     []time.Duration
	gap    time.Duration // the longest between two frames
	key    bool          // every change was at a keyframe
}

func screen(t *testing.T, h *House) *watched {
	t.Helper()
	viewer, err := h.Watch("r", "flv")
	if err != nil {
		t.Fatal(err)
	}
	reader, err := viewer.Program().Read(program.Demand{Video: []media.Codec{media.H264}})
	if err != nil {
		t.Fatal(err)
	}
	w := &watched{key: true}
	go func() {
		last, begun := time.Duration(0), false
		for {
			f, err := reader.Next(context.Background())
			if err != nil {
				if !errors.Is(err, io.EOF) {
					t.Error(err)
				}
				reader.Close()
				viewer.Close()
				return
			}
			w.mu.Lock()
			if begun && f.DTS <= last {
				t.Errorf("time steps back: %v after %v", f.DTS, last)
			}
			if n := len(w.widths); n == 0 || w.widths[n-1] != f.Format.Width {
				w.widths, w.at, w.key = append(w.widths, f.Format.Width), append(w.at, media.Now()), w.key && f.Keyframe
			}
			if begun {
				w.gap = max(w.gap, f.DTS-last)
			}
			last, begun = f.DTS, true
			w.mu.Unlock()
		}
	}()
	return w
}

func (w *watched) expect(t *testing.T, what string, gap time.Duration, widths ...int) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	same := len(w.widths) == len(widths)
	for i := range widths {
		same = same && w.widths[i] == widths[i]
	}
	if !same || !w.key || w.gap > gap {
		t.Errorf("%s: viewers see %v at %v, at keyframes %v, gaps up to %v; want %v", what, w.widths, w.at, w.key, w.gap, widths)
	}
}

func TestABackupTakesOverAndGivesBack(t *testing.T) {
	inEncodersHouse(t, func(t *testing.T, h *House) {
		yes := true
		backup := addKey(t, h, intake.KeyChange{Backup: &yes})
		set(t, h, func(s *intake.Settings) { s.Conflict = intake.Standby })
		main := mustPublish(t, h, mainKey, "192.0.2.1", 100)
		second := mustPublish(t, h, backup, "192.0.2.2", 200)
		w := screen(t, h)
		s := main.Studio()
		time.Sleep(10 * time.Second)
		w.expect(t, "at first", time.Second, 100)
		if e := s.Encoders(); len(e) != 2 || !e[0].Shown || e[1].Shown || !e[1].Backup || e[1].KeyID != backup.ID {
			t.Errorf("encoders %+v", e)
		}
		if st, err := s.LiveStatus(); err != nil || len(st.Sources) != 1 {
			t.Errorf("who waits is a source: %+v, %v", st.Sources, err)
		}

		main.Leave(room.LeftByItself)
		time.Sleep(10 * time.Second)
		w.expect(t, "the main one has gone", time.Second, 100, 200)

		main = mustPublish(t, h, mainKey, "192.0.2.1", 100)
		time.Sleep(10 * time.Second)
		w.expect(t, "it is back", time.Second, 100, 200, 100)
		if second.dismissed() != nil || second.Self().SID == "" {
			t.Error("the backup was sent away")
		}

		main.end() // its network is gone, and nobody has noticed
		time.Sleep(10 * time.Second)
		w.expect(t, "the main one is silent", intake.DeadAfter+2*time.Second, 100, 200, 100, 200)
		second.Leave(room.LeftByItself)
		time.Sleep(testGrace - time.Second)
		if !s.onAir() {
			t.Error("nobody is waited for")
		}
	})
}

// TestEncodersThatComeAtOnce has many come at the same moment: one is shown, four wait, the others are refused.
func TestEncodersThatComeAtOnce(t *testing.T) {
	inEncodersHouse(t, func(t *testing.T, h *House) {
		set(t, h, func(s *intake.Settings) { s.Conflict = intake.Standby })
		var keys []intake.Key
		for range 12 {
			keys = append(keys, addKey(t, h, intake.KeyChange{}))
		}
		var all sync.WaitGroup
		var let, refused atomic.Int32
		for i, key := range keys {
			all.Go(func() {
				switch _, err := publishAs(t, h, key, fmt.Sprintf("192.0.2.%d", i+1), 100+i); {
				case err == nil:
					let.Add(1)
				case errors.Is(err, intake.ErrPublished):
					refused.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		all.Wait()
		s, err := h.Studio("r")
		if err != nil {
			t.Fatal(err)
		}
		shown := 0
		for _, e := range s.Encoders() {
			if e.Shown {
				shown++
			}
		}
		if let.Load() != 5 || refused.Load() != 7 || shown != 1 {
			t.Errorf("%d are let in and %d refused, %d are shown", let.Load(), refused.Load(), shown)
		}
	})
}

// TestAPrimaryThatComesAndGoes does not make the picture jump: the backup is shown until the primary stays.
func TestAPrimaryThatComesAndGoes(t *testing.T) {
	inEncodersHouse(t, func(t *testing.T, h *House) {
		yes := true
		backup := addKey(t, h, intake.KeyChange{Backup: &yes})
		set(t, h, func(s *intake.Settings) { s.Conflict = intake.Standby })
		main := mustPublish(t, h, mainKey, "192.0.2.1", 100)
		mustPublish(t, h, backup, "192.0.2.2", 200)
		w := screen(t, h)
		time.Sleep(10 * time.Second)
		main.Leave(room.LeftByItself)
		for range 8 {
			time.Sleep(2 * time.Second)
			main = mustPublish(t, h, mainKey, "192.0.2.1", 100)
			time.Sleep(2 * time.Second)
			main.Leave(room.LeftByItself)
		}
		w.expect(t, "it comes and goes", time.Second, 100, 200)
		mustPublish(t, h, mainKey, "192.0.2.1", 100)
		time.Sleep(10 * time.Second)
		w.expect(t, "it stays", time.Second, 100, 200, 100)
	})
}

func TestAnEncoderReplacesAnotherOrIsRefused(t *testing.T) {
	inEncodersHouse(t, func(t *testing.T, h *House) {
		key := addKey(t, h, intake.KeyChange{})
		set(t, h, func(s *intake.Settings) { s.Conflict = intake.Refuse })
		one := mustPublish(t, h, mainKey, "192.0.2.1", 100)
		w := screen(t, h)
		if _, err := publishAs(t, h, key, "192.0.2.2", 200); !errors.Is(err, intake.ErrPublished) {
			t.Errorf("a second one: %v", err)
		}
		if len(one.Studio().Participants()) != 1 {
			t.Error("who was refused is in the room")
		}
		set(t, h, func(s *intake.Settings) { s.Conflict = intake.Replace })
		time.Sleep(2 * time.Second)
		mustPublish(t, h, key, "192.0.2.2", 200)
		if one.Self().SID != "" {
			t.Error("the first one stays")
		}
		time.Sleep(2 * time.Second)
		w.expect(t, "one replaced the other", time.Second, 100, 200)
	})
}

func TestWhoWaitsIsShownWhereAllAre(t *testing.T) {
	inEncodersHouse(t, func(t *testing.T, h *House) {
		key := addKey(t, h, intake.KeyChange{})
		set(t, h, func(s *intake.Settings) { s.Conflict = intake.Standby })
		mustPublish(t, h, mainKey, "192.0.2.1", 100)
		two := mustPublish(t, h, key, "192.0.2.2", 200)
		if !two.Self().Permission.Hidden {
			t.Fatal("it does not wait")
		}
		set(t, h, func(s *intake.Settings) { s.Conflict = intake.Together })
		if st, _ := two.Studio().LiveStatus(); two.Self().Permission.Hidden || len(st.Sources) != 2 {
			t.Errorf("it waits still: %+v", st.Sources)
		}
		// What the application hides stays hidden.
		if err := two.Studio().SetPermission(two.identity, room.Permission{Publish: true, Hidden: true}); err != nil {
			t.Fatal(err)
		}
		mustPublish(t, h, mainKey, "192.0.2.1", 100)
		if !two.Self().Permission.Hidden {
			t.Error("what was hidden is shown")
		}
	})
}
