package studio

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/room/stage"
)

// onStage runs a test in virtual time, in the open room "r" of a scene.
func onStage(t *testing.T, scene string, test func(t *testing.T, h *House, s *Studio)) {
	t.Helper()
	inHouse(t, func(t *testing.T, h *House) {
		s, err := h.Open("r", room.Settings{EmptyTimeout: time.Hour, DepartureTimeout: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		s.scene, _ = h.scenes.Find(scene)
		s.stage = stage.New(s.scene.Rules())
		test(t, h, s)
	})
}

func asHost(j *room.Join) { j.Permission.Admin = true }

func act(t *testing.T, s *Studio, by string, a stage.Action) {
	t.Helper()
	if err := s.StageAct(Actor{Identity: by}, a); err != nil {
		t.Fatalf("%s: %+v: %v", by, a, err)
	}
}

// letUp has somebody raise a hand and be admitted.
func letUp(t *testing.T, s *Studio, identity string) {
	t.Helper()
	act(t, s, identity, stage.Action{Verb: stage.Raise})
	act(t, s, "host", stage.Action{Verb: stage.Admit, Identity: identity})
}

func TestWhatOneMayPublishFollowsTheRole(t *testing.T) {
	onStage(t, "show", func(t *testing.T, h *House, s *Studio) {
		host, ann := enter(t, h, "host", asHost), enter(t, h, "ann", nil)
		publish(t, host, "TR_host")
		if _, err := ann.PublishFrames(picture("TR_ann")); !errors.Is(err, room.ErrNotAllowed) {
			t.Fatalf("in the audience: %v", err)
		}
		letUp(t, s, "ann")
		self := ann.Self()
		if self.Attributes[attributeRole] != "speaker" || self.Attributes[attributeSeat] != "1" || self.Permission.MayPublish(room.ScreenShare) {
			t.Errorf("on the stage: %+v", self)
		}
		publish(t, ann, "TR_ann")
		if !s.Stage().Seats[0].Who.Camera {
			t.Error("the stage does not know that the camera is on")
		}
		act(t, s, "host", stage.Action{Verb: stage.Remove, Identity: "ann"})
		self = ann.Self()
		if self.Permission.Publish || len(self.Publications) > 0 || self.Attributes[attributeRole] != "audience" || self.Attributes[attributeSeat] != "" {
			t.Errorf("down again: %+v", self)
		}
		if !self.Permission.Subscribe {
			t.Error("the audience hears nothing")
		}
	})
}

// unheard is the ear of somebody in the audience to whom nobody listens.
type unheard struct{}

func (unheard) Tell([]byte)        {}
func (unheard) Cut([]byte, string) {}
func (unheard) Refresh()           {}

// attend has somebody in the audience of a room.
func attend(s *Studio, who stage.Person) (*Attendee, error) {
	return s.attend(&Attendee{studio: s, ear: unheard{}, name: who.Name, claims: auth.Claims{Identity: who.Identity}})
}

func TestWatchersAreLetUpToo(t *testing.T) {
	onStage(t, "show", func(t *testing.T, h *House, s *Studio) {
		enter(t, h, "host", asHost)
		bob := stage.Person{Identity: "bob", Name: "Bob"}
		watching, err := attend(s, bob)
		if err != nil {
			t.Fatal(err)
		}
		letUp(t, s, "bob")
		p := enter(t, h, "bob", func(j *room.Join) { j.Permission = room.Permission{Subscribe: true} }) // as a watch link has it
		publish(t, p, "TR_bob")
		act(t, s, "bob", stage.Action{Verb: stage.StepDown})
		p.Leave(room.LeftByItself)
		if s.Standing("bob").Role != stage.Audience {
			t.Error("bob is gone")
		}
		watching.Leave()
	})
}

func TestReconnectingKeepsTheSeat(t *testing.T) {
	onStage(t, "show", func(t *testing.T, h *House, s *Studio) {
		enter(t, h, "host", asHost)
		ann := enter(t, h, "ann", nil)
		letUp(t, s, "ann")
		ann.Leave(room.LeftTimeout)
		time.Sleep(29 * time.Second)
		if who := s.Stage().Seats[0].Who; who == nil || who.Connected {
			t.Fatalf("cut off: %+v", who)
		}
		ann = enter(t, h, "ann", nil)
		publish(t, ann, "TR_2")
		time.Sleep(time.Minute)
		if s.Standing("ann").Seat != 1 {
			t.Fatal("who came back lost the seat")
		}
		ann.Leave(room.LeftTimeout)
		time.Sleep(31 * time.Second)
		if s.Standing("ann").Seat != 0 {
			t.Fatal("the seat is kept for ever")
		}
		if p := enter(t, h, "ann", nil); p.Self().Permission.Publish {
			t.Error("a seat that is lost still permits")
		}
	})
}

func TestACohostTakesOverAndWithoutOneTheShowEnds(t *testing.T) {
	onStage(t, "show", func(t *testing.T, h *House, s *Studio) {
		host, ann, bob := enter(t, h, "host", asHost), enter(t, h, "ann", nil), enter(t, h, "bob", nil)
		letUp(t, s, "bob")
		act(t, s, "host", stage.Action{Verb: stage.Promote, Identity: "ann"})
		publish(t, ann, "TR_ann")
		if err := s.GoLive("host", "show"); err != nil {
			t.Fatal(err)
		}
		host.Leave(room.LeftTimeout)
		time.Sleep(31 * time.Second)
		synctest.Wait()
		if s.RoleOf("ann") != stage.Host || !s.onAir() {
			t.Fatalf("ann is %s, on air %v", s.RoleOf("ann"), s.onAir())
		}
		ann.Leave(room.LeftTimeout)
		time.Sleep(29 * time.Second)
		if !s.onAir() {
			t.Fatal("the show ended within the grace")
		}
		time.Sleep(time.Second + testGrace + time.Millisecond)
		synctest.Wait()
		if s.onAir() {
			t.Error("the show goes on without anybody responsible")
		}
		if bob.Self().SID == "" {
			t.Error("the room is closed while somebody is in it")
		}
	})
}

func TestClientsDoNotSetTheServersAttributes(t *testing.T) {
	onStage(t, "show", func(t *testing.T, h *House, s *Studio) {
		ann := enter(t, h, "ann", func(j *room.Join) {
			j.Attributes = map[string]string{attributeRole: "host", "tutti.x": "y", "own": "z"}
		})
		if err := ann.Update(nil, nil, map[string]string{attributeRole: "host", "tutti.x": "y"}); err != nil {
			t.Fatal(err)
		}
		if a := ann.Self().Attributes; a[attributeRole] != "audience" || a["tutti.x"] != "" || a["own"] != "z" {
			t.Errorf("attributes %v", a)
		}
	})
}

func TestWhoIsBannedGoesAndDoesNotComeBack(t *testing.T) {
	onStage(t, "class", func(t *testing.T, h *House, s *Studio) {
		enter(t, h, "host", asHost)
		ann := enter(t, h, "ann", nil)
		letUp(t, s, "ann")
		act(t, s, "host", stage.Action{Verb: stage.Ban, Identity: "ann", For: 60})
		if ann.Self().SID != "" {
			t.Error("still in the room")
		}
		if _, err := h.Enter("r", room.Join{Identity: "ann", Permission: room.Permission{Publish: true}}, &heard{}); !errors.Is(err, stage.ErrBanned) {
			t.Errorf("coming back: %v", err)
		}
		if _, err := attend(s, stage.Person{Identity: "ann"}); !errors.Is(err, stage.ErrBanned) {
			t.Errorf("watching: %v", err)
		}
		time.Sleep(61 * time.Second)
		enter(t, h, "ann", nil)
	})
}

func TestMutingTakesTheMicrophoneAndGivesItBack(t *testing.T) {
	for _, scene := range []string{"show", "conference"} {
		onStage(t, scene, func(t *testing.T, h *House, s *Studio) {
			enter(t, h, "host", asHost)
			ann := enter(t, h, "ann", nil)
			if scene == "show" {
				letUp(t, s, "ann")
			}
			voice := room.Publication{SID: "TR_voice", Kind: 1, Source: room.Microphone}
			publish(t, ann, "TR_picture")
			act(t, s, "host", stage.Action{Verb: stage.MuteSeat, Identity: "ann"})
			if p := ann.Self(); p.Permission.MayPublish(room.Microphone) || p.Permission.MayPublish(room.OtherSource) || len(p.Publications) != 1 {
				t.Errorf("%s, muted: %+v", scene, p)
			}
			if _, err := ann.PublishFrames(voice); !errors.Is(err, room.ErrNotAllowed) {
				t.Errorf("%s: a microphone of who is muted: %v", scene, err)
			}
			act(t, s, "host", stage.Action{Verb: stage.UnmuteSeat, Identity: "ann"})
			if p := ann.Self(); !p.Permission.MayPublish(room.Microphone) {
				t.Errorf("%s, unmuted: %+v", scene, p)
			}
		})
	}
}

func TestWhoWaitsSeesNothingAndIsNotSeen(t *testing.T) {
	onStage(t, "conference", func(t *testing.T, h *House, s *Studio) {
		host := enter(t, h, "host", asHost)
		act(t, s, "host", stage.Action{Verb: stage.OpenWaiting})
		ann := enter(t, h, "ann", nil)
		if p := ann.Self().Permission; p.Subscribe || p.Publish || p.PublishData || !p.Hidden {
			t.Errorf("before the door: %+v", p)
		}
		cy := enter(t, h, "cy", nil)
		publish(t, host, "TR_host")
		if len(host.Others()) != 0 {
			t.Error("who waits is seen")
		}
		aboutHost := func(e room.Event) bool {
			shown, ok := e.(room.ParticipantShown)
			return ok && shown.Participant.Identity == "host"
		}
		for _, p := range []*Participant{ann, cy} {
			if len(p.Others()) != 0 || p.obs.(*heard).any(func(e room.Event) bool {
				switch e := e.(type) {
				case room.ParticipantJoined:
					return e.Participant.SID != p.sid
				case room.PublicationAdded, room.StageChanged, room.ParticipantShown:
					return true
				}
				return false
			}) {
				t.Errorf("who waits knows who is there: %+v", p.obs)
			}
		}
		act(t, s, "host", stage.Action{Verb: stage.EndWaiting})
		act(t, s, "host", stage.Action{Verb: stage.OpenWaiting})
		for _, p := range []*Participant{ann, cy} {
			times := 0
			p.obs.(*heard).any(func(e room.Event) bool {
				if aboutHost(e) {
					times++
				}
				return false
			})
			if times != 1 || len(p.Others()) != 2 {
				t.Errorf("let in, and told %d times of the host, of %d others", times, len(p.Others()))
			}
			if !p.obs.(*heard).any(func(e room.Event) bool {
				shown, ok := e.(room.ParticipantShown)
				return ok && shown.Participant.Identity != "host"
			}) {
				t.Error("not told of who was let in too")
			}
		}
		if p := ann.Self().Permission; !p.Subscribe || !p.Publish || p.Hidden {
			t.Errorf("let in: %+v", p)
		}
		bob := enter(t, h, "bob", nil)
		act(t, s, "host", stage.Action{Verb: stage.Refuse, Identity: "bob"})
		if bob.Self().SID != "" {
			t.Error("who was turned away is still there")
		}
	})
}

func TestANewNameIsKnownEverywhere(t *testing.T) {
	onStage(t, "show", func(t *testing.T, h *House, s *Studio) {
		enter(t, h, "host", asHost)
		ann := enter(t, h, "ann", nil)
		letUp(t, s, "ann")
		name := "Anna"
		if err := ann.Update(&name, nil, nil); err != nil || s.Stage().Seats[0].Who.Name != "Anna" {
			t.Errorf("%v, %+v", err, s.Stage().Seats[0].Who)
		}
		act(t, s, "ann", stage.Action{Verb: stage.Rename, Name: "Annie"})
		if ann.Self().Name != "Annie" {
			t.Errorf("the room knows %q", ann.Self().Name)
		}
	})
}

func TestARoomWithoutASceneIsAsItWas(t *testing.T) {
	inHouse(t, func(t *testing.T, h *House) {
		host, ann := enter(t, h, "host", asHost), enter(t, h, "ann", nil)
		publish(t, ann, "TR_ann")
		if len(host.Self().Attributes) > 0 || len(ann.Self().Attributes) > 0 {
			t.Errorf("attributes: %v", ann.Self().Attributes)
		}
		if s := host.Studio(); s.RoleOf("host") != stage.Host || s.RoleOf("ann") != stage.Speaker {
			t.Errorf("roles %s, %s", s.RoleOf("host"), s.RoleOf("ann"))
		}
	})
}

func TestEverybodyHearsOfTheStage(t *testing.T) {
	onStage(t, "show", func(t *testing.T, h *House, s *Studio) {
		enter(t, h, "host", asHost)
		var ears heard
		if _, err := h.Enter("r", room.Join{Identity: "ann", Permission: room.Permission{Subscribe: true, UpdateMetadata: true}}, &ears); err != nil {
			t.Fatal(err)
		}
		letUp(t, s, "ann")
		if !ears.any(func(e room.Event) bool {
			c, ok := e.(room.StageChanged)
			return ok && c.Stage.Seats[0].Who != nil && c.Happened[len(c.Happened)-1].What == stage.SeatTaken
		}) {
			t.Errorf("heard %+v", ears.events)
		}
	})
}

// shownID names the picture that the program shows, "" for none.
func (s *Studio) shownID() string {
	p, _ := s.air.program.Picture()
	if p == nil {
		return ""
	}
	return p.Info().ID
}

// TestADirectProgramShowsTheHost: whoever was first.
func TestADirectProgramShowsTheHost(t *testing.T) {
	onStage(t, "show", func(t *testing.T, h *House, s *Studio) {
		host, ann := enter(t, h, "host", asHost), enter(t, h, "ann", nil)
		letUp(t, s, "ann")
		publish(t, ann, "TR_ann")
		if err := s.GoLive("host", "show"); err != nil {
			t.Fatal(err)
		}
		if got := s.shownID(); got != "TR_ann" {
			t.Errorf("alone on the stage: %q", got)
		}
		publish(t, host, "TR_host")
		if got := s.shownID(); got != "TR_host" {
			t.Errorf("with the host's picture: %q", got)
		}
	})
}

// TestThePictureOfWhoIsLetUpIsCountedOn for some time, unless it comes or they go down again.
func TestThePictureOfWhoIsLetUpIsCountedOn(t *testing.T) {
	onStage(t, "show", func(t *testing.T, h *House, s *Studio) {
		publish(t, enter(t, h, "host", asHost), "TR_host")
		ann := enter(t, h, "ann", nil)
		awaited := func() (list []string) {
			s.mu.Lock()
			defer s.mu.Unlock()
			for _, source := range s.stageSources() {
				if source.Coming {
					list = append(list, source.ID)
				}
			}
			return list
		}
		check := func(when string, want ...string) {
			t.Helper()
			if got := awaited(); !slices.Equal(got, want) {
				t.Errorf("%s: %v, want %v", when, got, want)
			}
		}
		check("before")
		letUp(t, s, "ann")
		check("let up", "ann")
		if c := s.Composition(); len(c.Sources) != 1 {
			t.Errorf("of whom there is nothing yet can be shown: %+v", c.Sources)
		}
		publish(t, ann, "TR_ann")
		check("seen")
		if err := ann.Unpublish("TR_ann"); err != nil {
			t.Fatal(err)
		}
		check("her camera is off again")
		act(t, s, "ann", stage.Action{Verb: stage.StepDown})
		check("down again")
		letUp(t, s, "ann")
		check("let up again", "ann")
		time.Sleep(risingFor - time.Second)
		check("a little later", "ann")
		time.Sleep(2 * time.Second)
		check("too late")
	})
}
