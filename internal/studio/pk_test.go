package studio

import (
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/room/pk"
	"github.com/tuttilive/tutti/internal/room/stage"
	"github.com/tuttilive/tutti/internal/studio/talk"
)

// twoShows are the rooms "red" and "blue", on the air, with a host each who has published.
type twoShows struct {
	h         *House
	red, blue *Studio
	hosts     map[string]*Participant
	ears      map[string]*heard
}

func inTwoShows(t *testing.T, test func(t *testing.T, w *twoShows)) {
	t.Helper()
	inHouse(t, func(t *testing.T, h *House) {
		w := &twoShows{h: h, hosts: map[string]*Participant{}, ears: map[string]*heard{}}
		for name, s := range map[string]**Studio{"red": &w.red, "blue": &w.blue} {
			var err error
			if *s, err = h.Open(name, room.Settings{EmptyTimeout: time.Hour, DepartureTimeout: time.Hour}); err != nil {
				t.Fatal(err)
			}
			(*s).scene, _ = h.scenes.Find("show")
			(*s).stage = stage.New((*s).scene.Rules())
			w.ears[name] = &heard{}
			if w.hosts[name], err = h.Enter(name, room.Join{Identity: name + "-host", Name: name, Permission: room.Permission{Publish: true, Subscribe: true, Admin: true}}, w.ears[name]); err != nil {
				t.Fatal(err)
			}
			publish(t, w.hosts[name], "TR_"+name)
			if err := (*s).GoLive(name+"-host", "the "+name+" show"); err != nil {
				t.Fatal(err)
			}
		}
		test(t, w)
	})
}

func (w *twoShows) begin(t *testing.T) {
	t.Helper()
	if err := errors.Join(w.h.InvitePK("red", "blue", time.Minute), w.h.AcceptPK("blue")); err != nil {
		t.Fatal(err)
	}
}

// lent are the tracks of the other room's host.
func (s *Studio) lentTracks() (all []string) {
	for _, p := range s.Participants() {
		if p.Kind == room.Lent {
			for _, pub := range p.Publications {
				all = append(all, pub.SID)
			}
		}
	}
	return all
}

func TestTwoRoomsContend(t *testing.T) {
	inTwoShows(t, func(t *testing.T, w *twoShows) {
		if err := w.h.InvitePK("red", "blue", time.Minute); err != nil {
			t.Fatal(err)
		}
		if v, _ := w.h.PK("blue"); v.State != pk.Invited || v.With != (pk.Opponent{Room: "red", Title: "the red show", Host: "red"}) {
			t.Errorf("blue sees %+v", v)
		}
		if err := w.h.AcceptPK("blue"); err != nil {
			t.Fatal(err)
		}
		if got := w.red.lentTracks(); len(got) != 1 || got[0] != "TR_blue" {
			t.Fatalf("in red there is %v", got)
		}
		st, err := w.blue.LiveStatus()
		if err != nil || len(st.Sources) != 2 {
			t.Fatalf("on the air in blue: %+v, %v", st.Sources, err)
		}
		w.h.ScorePK("red", 5)
		w.h.ScorePK("red", 2)
		w.h.ScorePK("blue", 3)
		w.h.ScorePK("green", 3)
		time.Sleep(scoresEvery + time.Millisecond)
		if v, _ := w.h.PK("blue"); v.Scores != (pk.Scores{Us: 3, Them: 7}) {
			t.Errorf("scores %+v", v)
		}
		// The host's other picture, and muting, are followed.
		if err := w.hosts["red"].Unpublish("TR_red"); err != nil {
			t.Fatal(err)
		}
		publish(t, w.hosts["red"], "TR_red2")
		if err := w.hosts["red"].SetMuted("TR_red2", true); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if got := w.blue.lentTracks(); len(got) != 1 || got[0] != "TR_red2" {
			t.Errorf("in blue there is %v", got)
		}
		if p, err := w.blue.Participant("pk:red"); err != nil || !p.Publications[0].Muted || p.Attributes[attributeRole] != "pk" {
			t.Errorf("%+v, %v", p, err)
		}
		if err := w.blue.Mute("pk:red", "TR_red2", true); !errors.Is(err, room.ErrNotAllowed) {
			t.Errorf("blue mutes red: %v", err)
		}
		time.Sleep(time.Minute)
		if v, _ := w.h.PK("red"); v.State != pk.Over || v.Result != pk.Won || len(w.red.lentTracks()) != 1 {
			t.Errorf("over: %+v", v)
		}
		time.Sleep(pk.Aftermath)
		synctest.Wait()
		if _, ok := w.h.PK("red"); ok || len(w.red.lentTracks())+len(w.blue.lentTracks()) != 0 {
			t.Error("they are still together")
		}
		if self := w.hosts["red"].Self(); len(self.Publications) != 1 || !w.red.onAir() {
			t.Errorf("red's own track or show is gone: %+v", self)
		}
		if track := w.red.tracks["TR_red2"]; track == nil {
			t.Error("the track was closed by who borrowed it")
		} else if isClosed(track.track.Done()) {
			t.Error("the track has ended")
		}
		if len(w.h.arena.contests) != 0 {
			t.Error("contests are left")
		}
	})
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func TestAContestEndsCleanlyWhenARoomDoes(t *testing.T) {
	for what, leave := range map[string]func(w *twoShows){
		"the other room closes":    func(w *twoShows) { w.blue.Close(room.LeftRoomDeleted) },
		"the other show ends":      func(w *twoShows) { _, _ = w.blue.EndLive() },
		"the other host goes":      func(w *twoShows) { w.hosts["blue"].Leave(room.LeftTimeout); time.Sleep(31 * time.Second) },
		"the other host calls off": func(w *twoShows) { _ = w.h.EndPK("blue") },
		"the own host calls off":   func(w *twoShows) { _ = w.h.EndPK("red") },
	} {
		inTwoShows(t, func(t *testing.T, w *twoShows) {
			w.begin(t)
			leave(w)
			synctest.Wait()
			if _, ok := w.h.PK("red"); ok || len(w.red.lentTracks()) != 0 || len(w.blue.lentTracks()) != 0 {
				t.Errorf("%s: still together", what)
			}
			if !w.red.onAir() || len(w.hosts["red"].Self().Publications) != 1 {
				t.Errorf("%s: red is hurt", what)
			}
			if !w.ears["red"].any(func(e room.Event) bool {
				c, ok := e.(room.PKChanged)
				return ok && c.PK.State == pk.Ended && c.PK.Result == pk.CalledOff
			}) {
				t.Errorf("%s: nobody is told", what)
			}
			if err := w.h.EndPK("red"); !errors.Is(err, ErrPKNone) {
				t.Errorf("%s: %v", what, err)
			}
		})
	}
}

func TestInvitationsToAContest(t *testing.T) {
	inTwoShows(t, func(t *testing.T, w *twoShows) {
		if err := w.h.InvitePK("red", "green", 0); !errors.Is(err, ErrNotLive) {
			t.Errorf("a room that is not there: %v", err)
		}
		if err := errors.Join(w.h.InvitePK("red", "blue", 0)); err != nil {
			t.Fatal(err)
		}
		if err := w.h.InvitePK("red", "blue", 0); !errors.Is(err, ErrPKBusy) {
			t.Errorf("twice: %v", err)
		}
		time.Sleep(pk.Invitation)
		synctest.Wait()
		if _, ok := w.h.PK("blue"); ok {
			t.Error("the invitation has no end")
		}
		if err := errors.Join(w.h.InvitePK("red", "blue", 0), w.h.InvitePK("blue", "red", 0)); err != nil {
			t.Errorf("both invite: %v", err)
		}
		if v, _ := w.h.PK("red"); v.State != pk.Running {
			t.Errorf("both want it: %+v", v)
		}
		if err := w.h.EndPK("red"); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(w.h.InvitePK("red", "blue", 0), w.h.EndPK("red")); err != nil {
			t.Errorf("once more after a contest that began: %v", err)
		}
		if err := w.h.InvitePK("red", "blue", 0); !errors.Is(err, ErrPKAsked) {
			t.Errorf("again at once after it withdrew: %v", err)
		}
		if err := errors.Join(w.h.InvitePK("blue", "red", 0), w.h.EndPK("red")); err != nil {
			t.Errorf("the other way round: %v", err)
		}
		time.Sleep(pk.Invitation - time.Second)
		if err := w.h.InvitePK("blue", "red", 0); !errors.Is(err, ErrPKAsked) {
			t.Errorf("again soon after it was declined: %v", err)
		}
		time.Sleep(time.Second)
		if err := errors.Join(w.h.InvitePK("blue", "red", 0), w.h.EndPK("red")); err != nil {
			t.Errorf("later: %v", err)
		}
		w.blue.scene, _ = w.h.scenes.Find("class")
		if err := w.h.InvitePK("red", "blue", 0); !errors.Is(err, stage.ErrOff) {
			t.Errorf("a scene without: %v", err)
		}
	})
}

// TestAnInvitationKeepsNobodyFromInviting has a room that was invited invite a third one.
func TestAnInvitationKeepsNobodyFromInviting(t *testing.T) {
	inTwoShows(t, func(t *testing.T, w *twoShows) {
		green, err := w.h.Open("green", room.Settings{EmptyTimeout: time.Hour, DepartureTimeout: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		green.scene, _ = w.h.scenes.Find("show")
		green.stage = stage.New(green.scene.Rules())
		host, err := w.h.Enter("green", room.Join{Identity: "green-host", Permission: room.Permission{Publish: true, Admin: true}}, &heard{})
		if err != nil {
			t.Fatal(err)
		}
		publish(t, host, "TR_green")
		if err := green.GoLive("green-host", ""); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(w.h.InvitePK("red", "blue", 0), w.h.InvitePK("blue", "green", 0)); err != nil {
			t.Fatal(err)
		}
		if _, ok := w.h.PK("red"); ok {
			t.Error("the first invitation is not declined")
		}
		if v, _ := w.h.PK("blue"); v.With.Room != "green" || v.State != pk.Inviting {
			t.Errorf("who invited has %+v", v)
		}
		if err := w.h.InvitePK("red", "blue", 0); !errors.Is(err, ErrPKBusy) {
			t.Errorf("who invites is invited: %v", err)
		}
	})
}

// TestTheAudienceContends: hosts by the audience's channel, viewers by likes and gifts.
func TestTheAudienceContends(t *testing.T) {
	inTwoShows(t, func(t *testing.T, w *twoShows) {
		do := func(s *Studio, by Actor, r talk.Request) (err error) {
			s.Do(by, r, func(a talk.Reply) { err = a.Err })
			return err
		}
		redHost, blueHost, viewer := Actor{Identity: "red-host"}, Actor{Identity: "blue-host"}, Actor{Identity: "ann"}
		if err := do(w.red, viewer, talk.Request{Type: "inviteRoom", Room: "blue"}); !errors.Is(err, ErrNotHost) {
			t.Errorf("a viewer invites: %v", err)
		}
		if err := do(w.red, redHost, talk.Request{Type: "inviteRoom", Room: "blue", Duration: 60}); err != nil {
			t.Fatal(err)
		}
		if err := do(w.blue, blueHost, talk.Request{Type: "acceptRoom"}); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(do(w.red, viewer, talk.Request{Type: "like", Count: 5}), do(w.blue, viewer, talk.Request{Type: "gift", Gift: "rose", Count: 2})); err != nil {
			t.Fatal(err)
		}
		time.Sleep(scoresEvery + time.Millisecond)
		if v, _ := w.h.PK("red"); v.Scores != (pk.Scores{Us: 5, Them: 2 * freePoints}) {
			t.Errorf("scores %+v", v.Scores)
		}
		if err := do(w.blue, blueHost, talk.Request{Type: "endPK"}); err != nil {
			t.Fatal(err)
		}
		if err := do(w.blue, blueHost, talk.Request{Type: "endPK"}); err == nil || err.Error() != ErrPKNone.Error() {
			t.Errorf("ending twice: %v", err)
		}
	})
}

// TestAContestEndsWithTheServer: whether it stops or crashes, both rooms hear of the end once, with the points, and their shows go on.
func TestAContestEndsWithTheServer(t *testing.T) {
	for what, crash := range map[string]bool{"it stops": false, "it crashes": true} {
		policy := room.DefaultPolicy()
		policy.Scene, policy.UsedAt = "show", time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC) // no use need be noted
		names := []string{"red", "blue"}
		synctest.Test(t, func(t *testing.T) {
			rooms, shows := &keptRooms{rooms: map[string]Left{}}, &keptShows{shows: map[string]Show{}}
			told := &contestEnds{of: map[string][]pk.View{}}
			open := func() *House {
				return NewHouse(Options{
					Rooms:   &Policies{known: map[string]room.Policy{"red": policy, "blue": policy}, unknown: map[string]struct{}{}},
					Running: rooms, Shows: shows, ReturnGrace: testReturn, Witnesses: []Witness{told}, Log: slog.New(slog.DiscardHandler),
				})
			}
			goLive := func(h *House) {
				for _, name := range names {
					p, err := h.Enter(name, room.Join{Identity: name + "-host", Name: name, Permission: room.Permission{Publish: true, Subscribe: true, Admin: true}}, &heard{})
					if err != nil {
						t.Fatal(err)
					}
					publish(t, p, "TR_"+name)
				}
			}
			h := open()
			goLive(h)
			for _, name := range names {
				if s, err := h.Studio(name); err != nil || s.GoLive(name+"-host", name) != nil {
					t.Fatal(err)
				}
			}
			if err := errors.Join(h.InvitePK("red", "blue", time.Minute), h.AcceptPK("blue")); err != nil {
				t.Fatal(err)
			}
			h.ScorePK("red", 7)
			time.Sleep(keepEvery + scoresEvery + time.Millisecond)
			if crash {
				rooms, shows = &keptRooms{rooms: rooms.Left()}, &keptShows{shows: shows.Interrupted()}
				of := told.of
				h.Close() // of which nobody hears or keeps anything
				told.of = map[string][]pk.View{}
				if len(of["red"])+len(of["blue"]) != 2 {
					t.Errorf("%s: %v", what, of)
				}
			} else {
				h.Close()
			}
			h = open()
			defer h.Close()
			for i, scores := range []pk.Scores{{Us: 7}, {Them: 7}} {
				ends := told.of[names[i]]
				if len(ends) != 1 || ends[0].Result != pk.CalledOff || ends[0].EndedBy != "" || ends[0].Scores != scores {
					t.Errorf("%s: %s is told %+v", what, names[i], ends)
				}
				if r := rooms.Left()[names[i]]; r.Contest != nil {
					t.Errorf("%s: %s still has a contest kept: %+v", what, names[i], r.Contest)
				}
			}
			goLive(h)
			synctest.Wait()
			for _, name := range names {
				s, err := h.Studio(name)
				if err != nil {
					t.Fatal(err)
				}
				if _, ok := h.PK(name); ok || len(s.lentTracks()) != 0 || !s.onAir() {
					t.Errorf("%s: %s contends or is off the air", what, name)
				}
			}
			if err := errors.Join(h.InvitePK("blue", "red", time.Minute), h.AcceptPK("red")); err != nil {
				t.Errorf("%s: they cannot begin anew: %v", what, err)
			}
		})
	}
}

// TestPointsAreNotToldAfterTheEnd: a timer that has run out waits for the arena's lock while the house closes.
func TestPointsAreNotToldAfterTheEnd(t *testing.T) {
	inTwoShows(t, func(t *testing.T, w *twoShows) {
		w.begin(t)
		w.h.ScorePK("red", 7)
		w.h.arena.close()
		w.h.arena.count()
		if v, ok := w.h.PK("red"); !ok || v.Scores != (pk.Scores{}) {
			t.Errorf("told is %+v, %v", v, ok)
		}
	})
}

// contestEnds keeps what is told of ends of contests, by room.
type contestEnds struct {
	sync.Mutex
	of map[string][]pk.View
}

func (c *contestEnds) RoomEvent(in func() RoomInfo, e room.Event) {
	if e, ok := e.(room.PKChanged); ok && e.PK.State == pk.Ended {
		c.Lock()
		defer c.Unlock()
		name := in().Name
		c.of[name] = append(c.of[name], e.PK)
	}
}

// TestARoomDiesWhileContestsBegin: at any moment of a contest's beginning a room may end; nothing of it stays in the other.
func TestARoomDiesWhileContestsBegin(t *testing.T) {
	for _, dies := range []string{"red", "blue"} {
		inTwoShows(t, func(t *testing.T, w *twoShows) {
			lives := map[string]string{"red": "blue", "blue": "red"}[dies]
			if err := w.h.InvitePK("red", "blue", 0); err != nil {
				t.Fatal(err)
			}
			studios := map[string]*Studio{"red": w.red, "blue": w.blue}
			for _, do := range []func(){
				func() { _ = w.h.AcceptPK("blue") },
				func() { studios[dies].Close(room.LeftRoomDeleted) },
				func() { _ = w.h.InvitePK("blue", "red", 0) },
				func() { _ = w.h.InvitePK(lives, dies, 0) },
			} {
				go do()
			}
			synctest.Wait()
			if v, ok := w.h.PK(lives); ok {
				t.Errorf("%s is left in a contest with %s, which is gone: %+v", lives, dies, v)
			}
			if n := len(studios[lives].lentTracks()); n > 0 || !studios[lives].onAir() {
				t.Errorf("%s has %d tracks that were lent, on the air: %v", lives, n, studios[lives].onAir())
			}
			if err := w.h.InvitePK(lives, dies, 0); !errors.Is(err, ErrNotLive) {
				t.Errorf("%s may not begin anew: %v", lives, err)
			}
		})
	}
}

// TestWhoContendsKnowsOfARecording: a host who is shown in the other room is recorded there.
func TestWhoContendsKnowsOfARecording(t *testing.T) {
	inTwoShows(t, func(t *testing.T, w *twoShows) {
		told := func(what string, recorded bool) {
			t.Helper()
			synctest.Wait()
			for name, want := range map[string]bool{"red": recorded, "blue": false} {
				if v, _ := w.h.PK(name); v.With.Recorded != want {
					t.Errorf("%s: %s is told %+v", what, name, v.With)
				}
			}
		}
		if err := errors.Join(w.blue.SetRecorded(true, ""), w.h.InvitePK("red", "blue", time.Minute)); err != nil {
			t.Fatal(err)
		}
		told("invited", true)
		if err := errors.Join(w.h.AcceptPK("blue"), w.blue.SetRecorded(false, "")); err != nil {
			t.Fatal(err)
		}
		told("it has ended", false)
		if err := w.blue.SetRecorded(true, ""); err != nil {
			t.Fatal(err)
		}
		told("it has begun", true)
		begun := 0
		w.ears["red"].any(func(e room.Event) bool {
			if c, ok := e.(room.PKChanged); ok && c.PK.State == pk.Running && !c.GoesOn {
				begun++
			}
			return false
		})
		if begun != 1 {
			t.Errorf("the contest begins %d times", begun)
		}
	})
}
