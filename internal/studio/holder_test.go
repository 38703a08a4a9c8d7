package studio

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/media"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/room/stage"
)

// bring has an encoder come with somebody's token. change may be nil.
func bring(h *House, identity string, change func(*auth.Grant)) (*camera, error) {
	claims := auth.Claims{Identity: identity, Video: auth.Grant{Room: "r", RoomJoin: true}}
	if change != nil {
		change(&claims.Video)
	}
	c := &camera{stop: make(chan struct{})}
	p, err := h.EnterEncoder(Encoder{Room: "r", Claims: claims, owner: "token " + identity}, room.Program{Door: "whip"}, c)
	c.Participant = p
	return c, err
}

func mustBring(t *testing.T, h *House, identity string, change func(*auth.Grant)) *camera {
	t.Helper()
	c, err := bring(h, identity, change)
	if err != nil {
		t.Fatalf("the encoder of %s: %v", identity, err)
	}
	return c
}

func forAll(g *auth.Grant)     { g.RoomAdmin = true }
func forIngests(g *auth.Grant) { g.IngressAdmin = true }

// voice is the sound of an encoder.
func voice(sid string) room.Publication {
	return room.Publication{SID: sid, Kind: media.Audio, Codec: media.Opus, Source: room.Microphone}
}

func TestAnEncoderIsNoWayRoundTheDoor(t *testing.T) {
	onStage(t, "conference", func(t *testing.T, h *House, s *Studio) {
		enter(t, h, "host", asHost)
		enter(t, h, "ann", nil)
		enter(t, h, "eve", nil)
		check := func(when, identity string, change func(*auth.Grant), want error) {
			t.Helper()
			grant := auth.Grant{Room: "r", RoomJoin: true}
			if change != nil {
				change(&grant)
			}
			if err := h.mayIngest("r", room.Policy{}, auth.Claims{Identity: identity, Video: grant}); !errors.Is(err, want) {
				t.Errorf("%s, %s asks: %v", when, identity, err)
			}
			c, err := bring(h, identity, change)
			if !errors.Is(err, want) {
				t.Errorf("%s, %s: %v", when, identity, err)
			}
			if err == nil {
				c.Leave(room.LeftByItself)
			}
		}
		check("open", "bob", nil, nil)
		act(t, s, "host", stage.Action{Verb: stage.OpenWaiting})
		enter(t, h, "cy", nil)
		check("with a waiting room", "bob", nil, stage.ErrWaiting)
		check("before the door", "cy", nil, stage.ErrWaiting)
		check("inside", "ann", nil, nil)
		act(t, s, "host", stage.Action{Verb: stage.EndWaiting})
		act(t, s, "host", stage.Action{Verb: stage.Lock})
		check("locked", "bob", nil, stage.ErrLocked)
		check("locked, inside", "ann", nil, nil)
		check("locked", "obs", forIngests, nil)
		act(t, s, "host", stage.Action{Verb: stage.Ban, Identity: "eve"})
		check("banned", "eve", nil, stage.ErrBanned)
		check("banned", "eve", forAll, stage.ErrBanned)
	})
}

func TestAnEncoderComesBesideItsHolder(t *testing.T) {
	onStage(t, "show", func(t *testing.T, h *House, s *Studio) {
		host := enter(t, h, "host", asHost)
		obs := mustBring(t, h, "host", forAll)
		if host.Self().SID == "" || obs.Self().Identity != "host-2" {
			t.Fatalf("the host is %+v, the encoder %q", host.Self(), obs.Self().Identity)
		}
		publish(t, obs.Participant, "TR_obs")
		if live := s.Info().Live; !live.On || live.By != "host-2" {
			t.Errorf("on the air: %+v", live)
		}
		obs.Leave(room.LeftByItself)
		obs = mustBring(t, h, "host", forAll)
		again := mustBring(t, h, "host", forAll)
		if obs.Self().SID != "" || again.Self().Identity != "host-2" {
			t.Errorf("back as %q while the one before is %+v", again.Self().Identity, obs.Self())
		}
		again.Leave(room.LeftByItself)
		host.Leave(room.LeftByItself)
		time.Sleep(time.Hour)
		synctest.Wait()
		if s.onAir() || s.Stage().Host != nil {
			t.Errorf("all have gone: on the air %v, the host is %+v", s.onAir(), s.Stage().Host)
		}
	})
}

// TestWhoComesInThePlaceOfSomebodyTakesNoRole: an agent, or who is hidden, under the identity of somebody who sits.
func TestWhoComesInThePlaceOfSomebodyTakesNoRole(t *testing.T) {
	for what, change := range map[string]func(*room.Join){"an agent": asAgent, "hidden": asHidden} {
		onStage(t, "show", func(t *testing.T, h *House, s *Studio) {
			enter(t, h, "host", asHost)
			enter(t, h, "ann", nil)
			letUp(t, s, "ann")
			other := enter(t, h, "ann", change)
			if who := s.Stage().Seats[0].Who; who == nil || who.Connected {
				t.Errorf("%s: on her seat is %+v", what, who)
			}
			other.Leave(room.LeftByItself)
			time.Sleep(time.Minute)
			if st := s.Standing("ann"); st.Seat != 0 {
				t.Errorf("%s: she has gone, and is %+v", what, st)
			}
		})
	}
}

// TestAnEncoderMayDoWhatItsHolderMay on the stage, for as long as they may.
func TestAnEncoderMayDoWhatItsHolderMay(t *testing.T) {
	for what, c := range map[string]struct {
		sound bool // it sends a voice, too
		do    func(t *testing.T, s *Studio)
		want  error
	}{
		"muted, with a voice": {true, func(t *testing.T, s *Studio) { act(t, s, "host", stage.Action{Verb: stage.MuteSeat, Identity: "ann"}) }, room.ErrNotAllowed},
		"muted, without":      {false, func(t *testing.T, s *Studio) { act(t, s, "host", stage.Action{Verb: stage.MuteSeat, Identity: "ann"}) }, nil},
		"steps down":          {true, func(t *testing.T, s *Studio) { act(t, s, "ann", stage.Action{Verb: stage.StepDown}) }, auth.ErrDenied},
		"banned":              {true, func(t *testing.T, s *Studio) { act(t, s, "host", stage.Action{Verb: stage.Ban, Identity: "ann"}) }, stage.ErrBanned},
		"promoted":            {true, func(t *testing.T, s *Studio) { act(t, s, "host", stage.Action{Verb: stage.Promote, Identity: "ann"}) }, nil},
		"silenced":            {true, func(t *testing.T, s *Studio) { act(t, s, "host", stage.Action{Verb: stage.Silence, Identity: "ann"}) }, nil},
	} {
		t.Run(what, func(t *testing.T) {
			onStage(t, "show", func(t *testing.T, h *House, s *Studio) {
				enter(t, h, "host", asHost)
				enter(t, h, "ann", nil)
				if _, err := bring(h, "ann", nil); !errors.Is(err, auth.ErrDenied) {
					t.Errorf("in the audience: %v", err)
				}
				letUp(t, s, "ann")
				e := mustBring(t, h, "ann", nil)
				publish(t, e.Participant, "TR_picture")
				if c.sound {
					if _, err := e.PublishFrames(voice("TR_voice")); err != nil {
						t.Fatal(err)
					}
				}
				screen := room.Publication{SID: "TR_screen", Kind: media.Video, Codec: media.H264, Source: room.ScreenShare}
				if _, err := e.PublishFrames(screen); !errors.Is(err, room.ErrNotAllowed) {
					t.Errorf("a screen of a speaker: %v", err)
				}
				c.do(t, s)
				if err := e.dismissed(); !errors.Is(err, c.want) || (err == nil) != (e.Self().SID != "") {
					t.Errorf("sent away: %v", err)
				}
			})
		})
	}
}

func TestAMutedHoldersEncoderIsNotHeard(t *testing.T) {
	onStage(t, "conference", func(t *testing.T, h *House, s *Studio) {
		enter(t, h, "host", asHost)
		enter(t, h, "ann", nil)
		act(t, s, "host", stage.Action{Verb: stage.MuteSeat, Identity: "ann"})
		e := mustBring(t, h, "ann", nil)
		publish(t, e.Participant, "TR_picture")
		if _, err := e.PublishFrames(voice("TR_voice")); !errors.Is(err, room.ErrNotAllowed) {
			t.Errorf("her voice: %v", err)
		}
		act(t, s, "host", stage.Action{Verb: stage.UnmuteSeat, Identity: "ann"})
		if _, err := e.PublishFrames(voice("TR_voice")); err != nil {
			t.Errorf("unmuted: %v", err)
		}
	})
}

// TestWhoseEncoderBeginsAShow: where somebody says who comes in or who is heard, that is for those who direct.
func TestWhoseEncoderBeginsAShow(t *testing.T) {
	for _, c := range []struct {
		scene, who string
		change     func(*auth.Grant)
		want       bool
	}{
		{"show", "ann", nil, false}, {"show", "cohost", nil, true}, {"show", "obs", forIngests, true},
		{"conference", "ann", nil, false}, {"conference", "stranger", nil, false}, {"conference", "host", forAll, true},
		{"room", "stranger", nil, true},
	} {
		onStage(t, c.scene, func(t *testing.T, h *House, s *Studio) {
			host := enter(t, h, "host", asHost)
			for _, identity := range []string{"ann", "cohost"} {
				enter(t, h, identity, nil)
				if c.scene == "show" {
					letUp(t, s, identity)
				}
			}
			act(t, s, "host", stage.Action{Verb: stage.Promote, Identity: "cohost"})
			publish(t, mustBring(t, h, c.who, c.change).Participant, "TR_e")
			if s.onAir() != c.want {
				t.Errorf("%s: with the token of %s the room is on the air: %v", c.scene, c.who, s.onAir())
			}
			if s.onAir() {
				return
			}
			if err := s.GoLive("host", ""); err != nil {
				t.Fatal(err)
			}
			if got := s.shownID(); got != "TR_e" {
				t.Errorf("%s: the host goes live, and instead of what %s sends %q is shown", c.scene, c.who, got)
			}
			publish(t, host, "TR_host")
			if got := s.shownID(); got != "TR_host" {
				t.Errorf("%s: what %s sends goes before the host: %q", c.scene, c.who, got)
			}
			if lent := s.offer(true); len(lent) != 1 || lent[0].pub.SID != "TR_host" {
				t.Errorf("%s: lent with the host is %+v", c.scene, lent)
			}
		})
	}
}

// TestASpeakersEncoderKeepsNoShow that those have left who direct it, or the host's encoder that began it.
func TestASpeakersEncoderKeepsNoShow(t *testing.T) {
	for what, begin := range map[string]func(*testing.T, *House, *Studio) *Participant{
		"the host's": func(t *testing.T, h *House, s *Studio) *Participant {
			host := s.members["host"]
			if err := s.GoLive("host", ""); err != nil {
				t.Fatal(err)
			}
			return host
		},
		"an encoder's": func(t *testing.T, h *House, s *Studio) *Participant {
			obs := mustBring(t, h, "obs", forIngests)
			publish(t, obs.Participant, "TR_obs")
			return obs.Participant
		},
	} {
		onStage(t, "show", func(t *testing.T, h *House, s *Studio) {
			enter(t, h, "host", asHost)
			enter(t, h, "ann", nil)
			letUp(t, s, "ann")
			begun := begin(t, h, s)
			publish(t, mustBring(t, h, "ann", nil).Participant, "TR_ann")
			if !s.onAir() {
				t.Fatalf("%s show has not begun", what)
			}
			begun.Leave(room.LeftByItself)
			time.Sleep(time.Hour)
			synctest.Wait()
			if s.onAir() {
				t.Errorf("%s show goes on", what)
			}
		})
	}
}

// TestWhoIsRemovedTakesTheirEncoderAlong: it is theirs, whatever its token says.
func TestWhoIsRemovedTakesTheirEncoderAlong(t *testing.T) {
	for _, change := range []func(*auth.Grant){nil, forAll} {
		onStage(t, "conference", func(t *testing.T, h *House, s *Studio) {
			enter(t, h, "host", asHost)
			enter(t, h, "ann", nil)
			e, other := mustBring(t, h, "ann", change), mustBring(t, h, "bob", nil)
			if err := s.Remove("ann"); err != nil {
				t.Fatal(err)
			}
			if e.Self().SID != "" || other.Self().SID == "" {
				t.Errorf("her encoder is %+v, somebody else's %+v", e.Self(), other.Self())
			}
		})
	}
}

// TestAnEncoderTakesNobodysPlace while they are not in the room with the page, but come back to it.
func TestAnEncoderTakesNobodysPlace(t *testing.T) {
	for what, away := range map[string]func(t *testing.T, h *House, s *Studio, ann *Participant){
		"in the audience": func(t *testing.T, _ *House, s *Studio, ann *Participant) {
			if _, err := attend(s, stage.Person{Identity: "ann"}); err != nil {
				t.Fatal(err)
			}
			ann.Leave(room.LeftByItself)
		},
		"in a group": func(t *testing.T, h *House, s *Studio, ann *Participant) {
			openFor(t, s, "ann")
			toGroup(t, h, s, "ann", 1)
			ann.Leave(room.LeftByItself)
		},
		"on the way to a group": func(t *testing.T, _ *House, s *Studio, ann *Participant) {
			openFor(t, s, "ann")
			ann.Leave(room.LeftByItself)
		},
		"with an office": func(t *testing.T, _ *House, s *Studio, ann *Participant) {
			act(t, s, "host", stage.Action{Verb: stage.Promote, Identity: "ann"})
			ann.Leave(room.LeftTimeout)
		},
	} {
		onStage(t, "conference", func(t *testing.T, h *House, s *Studio) {
			enter(t, h, "host", asHost)
			away(t, h, s, enter(t, h, "ann", nil))
			synctest.Wait()
			if e := mustBring(t, h, "ann", nil); e.Self().Identity != "ann-2" {
				t.Errorf("%s, and her encoder is %q", what, e.Self().Identity)
			}
		})
	}
}

// openFor opens two groups, and somebody is told to go into the first.
func openFor(t *testing.T, s *Studio, identity string) {
	t.Helper()
	for _, r := range []string{`{"type":"planGroups","count":2}`, `{"type":"assignGroup","identity":"` + identity + `","group":1}`, `{"type":"openGroups"}`} {
		if code := request(t, s, Actor{Identity: "host"}, r); code != "" {
			t.Fatal(r, code)
		}
	}
}

// lobby hears what somebody in the audience is told.
type lobby struct {
	unheard
	told []string
}

func (l *lobby) Tell(frame []byte) { l.told = append(l.told, string(frame)) }

// TestAnEncoderUnderTheSameIdentityIsNotThePerson: it came before they did.
func TestAnEncoderUnderTheSameIdentityIsNotThePerson(t *testing.T) {
	onStage(t, "show", func(t *testing.T, h *House, s *Studio) {
		enter(t, h, "host", asHost)
		if e := mustBring(t, h, "ann", forIngests); e.Self().Identity != "ann" {
			t.Fatalf("her encoder is %q", e.Self().Identity)
		}
		if _, err := attend(s, stage.Person{Identity: "first"}); err != nil { // of who comes next is not told at once
			t.Fatal(err)
		}
		time.Sleep(time.Millisecond)
		l := &lobby{}
		a, err := s.attend(&Attendee{studio: s, ear: l, name: "Ann", claims: auth.Claims{Identity: "ann", Expires: time.Now().Add(time.Hour)}})
		if err != nil {
			t.Fatal(err)
		}
		s.mu.Lock()
		if len(s.crowd.joined) != 1 {
			t.Errorf("of her is told %v", s.crowd.joined)
		}
		s.mu.Unlock()
		letUp(t, s, "ann")
		l.told = nil
		a.Welcomed()
		if len(l.told) != 1 {
			t.Errorf("she sits, and her page hears %q", l.told)
		}
	})
	onStage(t, "conference", func(t *testing.T, h *House, s *Studio) {
		enter(t, h, "host", asHost)
		mustBring(t, h, "ann", nil)
		openFor(t, s, "ann")
		_, moved := toGroup(t, h, s, "ann", 1)
		claims, err := admitted(h, moved)
		if perm := Permission(claims.Video); err != nil || !perm.Subscribe || perm.Publish { // of herself nothing is known
			t.Errorf("in the group she may %+v, %v", perm, err)
		}
	})
}

// TestOfWhoIsRemovedTheEncoderGoes also while they are in the room with nothing else.
func TestOfWhoIsRemovedTheEncoderGoes(t *testing.T) {
	for what, group := range map[string]bool{"away": false, "in a group": true} {
		onStage(t, "conference", func(t *testing.T, h *House, s *Studio) {
			enter(t, h, "host", asHost)
			ann := enter(t, h, "ann", nil)
			e := mustBring(t, h, "ann", nil)
			if group {
				openFor(t, s, "ann")
				toGroup(t, h, s, "ann", 1)
			}
			ann.Leave(room.LeftByItself)
			if err := h.Remove("r", "ann"); err != nil || e.Self().SID != "" {
				t.Errorf("%s: %v, and her encoder is %+v", what, err, e.Self())
			}
		})
	}
	onStage(t, "show", func(t *testing.T, h *House, s *Studio) {
		enter(t, h, "host", asHost)
		ann := enter(t, h, "ann", nil)
		letUp(t, s, "ann")
		mustBring(t, h, "ann", nil)
		ann.Leave(room.LeftTimeout)
		if err := h.Remove("r", "ann"); err != nil || s.Standing("ann").Seat != 0 {
			t.Errorf("%v, and she is %+v", err, s.Standing("ann"))
		}
		if _, err := bring(h, "ann", nil); !errors.Is(err, auth.ErrDenied) {
			t.Errorf("her encoder comes back: %v", err)
		}
	})
}

func TestARevokedTokenEndsWhatIsPublishedWithIt(t *testing.T) {
	h, now := newHouse(t, true), time.Now()
	come := func(identity string, made time.Time) (*camera, error) {
		c := &camera{stop: make(chan struct{})}
		claims := auth.Claims{Identity: identity, Made: made, Video: auth.Grant{Room: "r", RoomJoin: true}}
		p, err := h.EnterEncoder(Encoder{Room: "r", Claims: claims, owner: "token " + identity}, room.Program{Door: "whip"}, c)
		c.Participant = p
		return c, err
	}
	old, errOld := come("ann", now.Add(-time.Hour))
	other, errOther := come("bob", now.Add(-time.Hour))
	if errOld != nil || errOther != nil {
		t.Fatal(errOld, errOther)
	}
	if cut, err := h.Revoke("r", "ann", now); err != nil || !cut || !errors.Is(old.dismissed(), auth.ErrRevoked) || other.dismissed() != nil {
		t.Errorf("cut %v, %v; hers %v, another's %v", cut, err, old.dismissed(), other.dismissed())
	}
	if _, err := come("ann", now.Add(-time.Hour)); !errors.Is(err, auth.ErrRevoked) { // it was admitted just before
		t.Errorf("comes with a token that was revoked: %v", err)
	}
	fresh, err := come("ann", now.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if cut, err := h.Revoke("r", "ann", now); err != nil || cut || fresh.dismissed() != nil {
		t.Errorf("with a newer token: cut %v, %v, %v", cut, err, fresh.dismissed())
	}
}
