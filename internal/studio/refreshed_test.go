package studio

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/room/stage"
	"github.com/tuttilive/tutti/internal/studio/talk"
)

// refreshed is what somebody comes with who was let in with a token that says nothing but the identity and the room, and got another meanwhile.
func refreshed(t *testing.T, p *Participant) auth.Claims {
	t.Helper()
	claims, ok := p.Refreshed(auth.Claims{Identity: p.identity, Video: auth.Grant{Room: p.studio.name, RoomJoin: true}})
	if !ok {
		t.Fatalf("%s has no token to come back with", p.identity)
	}
	return claims
}

// comesBack has somebody join with such claims.
func comesBack(h *House, c auth.Claims) (*Participant, error) {
	return h.Enter(c.Video.Room, room.Join{Identity: c.Identity, Name: c.Name, Attributes: c.Attributes, Permission: Permission(c.Video)}, &heard{})
}

func TestWhoWaitsComesBackToTheDoor(t *testing.T) {
	onStage(t, "conference", func(t *testing.T, h *House, s *Studio) {
		enter(t, h, "host", asHost)
		act(t, s, "host", stage.Action{Verb: stage.OpenWaiting})
		ann := enter(t, h, "ann", nil)
		claims := refreshed(t, ann)
		ann.Leave(room.LeftTimeout)
		ann, err := comesBack(h, claims)
		if err != nil {
			t.Fatal(err)
		}
		if !s.Standing("ann").Waits || len(ann.Others()) != 0 {
			t.Errorf("she is %+v and knows of %v", s.Standing("ann"), ann.Others())
		}
		act(t, s, "host", stage.Action{Verb: stage.Admit, Identity: "ann"})
		if p := ann.Self().Permission; p.Hidden || !p.Publish || !p.Subscribe {
			t.Errorf("let in: %+v", p)
		}
		act(t, s, "host", stage.Action{Verb: stage.EndWaiting})
		act(t, s, "host", stage.Action{Verb: stage.Lock})
		act(t, s, "host", stage.Action{Verb: stage.Ban, Identity: "ann"})
		if _, err := comesBack(h, claims); !errors.Is(err, stage.ErrBanned) {
			t.Errorf("banned: %v", err)
		}
	})
}

func TestWhoIsMutedAndComesBackGetsTheMicrophoneBack(t *testing.T) {
	onStage(t, "conference", func(t *testing.T, h *House, s *Studio) {
		enter(t, h, "host", asHost)
		ann := enter(t, h, "ann", nil)
		act(t, s, "host", stage.Action{Verb: stage.MuteSeat, Identity: "ann"})
		claims := refreshed(t, ann)
		ann.Leave(room.LeftTimeout)
		ann, err := comesBack(h, claims)
		if err != nil {
			t.Fatal(err)
		}
		if p := ann.Self().Permission; p.MayPublish(room.Microphone) {
			t.Errorf("back, and muted no more: %+v", p)
		}
		act(t, s, "host", stage.Action{Verb: stage.UnmuteSeat, Identity: "ann"})
		if p := ann.Self().Permission; !p.MayPublish(room.Microphone) {
			t.Errorf("unmuted: %+v", p)
		}
	})
}

func TestOneComesBackIntoAGroup(t *testing.T) {
	onStage(t, "conference", func(t *testing.T, h *House, s *Studio) {
		enter(t, h, "host", asHost)
		enter(t, h, "ann", nil)
		host := Actor{Identity: "host"}
		for _, r := range []string{
			`{"type":"planGroups","count":1}`, `{"type":"assignGroup","identity":"ann","group":1}`, `{"type":"openGroups"}`,
		} {
			if code := request(t, s, host, r); code != "" {
				t.Fatalf("%s: %s", r, code)
			}
		}
		ann, moved := toGroup(t, h, s, "ann", 1)
		token, err := h.keys.Mint(refreshed(t, ann), time.Hour, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := admitted(h, talk.Moved{Room: moved.Room, Token: token}); err != nil {
			t.Errorf("with a refreshed token: %v", err)
		}
		synctest.Wait()
	})
}

// TestWhatAnApplicationHasChangedIsRefreshed: name, metadata, attributes and permission, but nothing that the stage makes of them.
func TestWhatAnApplicationHasChangedIsRefreshed(t *testing.T) {
	onStage(t, "show", func(t *testing.T, h *House, s *Studio) {
		enter(t, h, "host", asHost)
		ann := enter(t, h, "ann", nil)
		name, metadata := "Ann", "m"
		if err := s.Update("ann", &name, &metadata, map[string]string{"own": "a"}); err != nil {
			t.Fatal(err)
		}
		given := room.Permission{Publish: true, Sources: []room.Source{room.Camera, room.ScreenShare}, Subscribe: true}
		if err := s.SetPermission("ann", given); err != nil {
			t.Fatal(err)
		}
		c := refreshed(t, ann)
		if c.Name != name || c.Metadata != metadata || !reflect.DeepEqual(c.Attributes, map[string]string{"own": "a"}) {
			t.Errorf("claims %+v", c)
		}
		if got := Permission(c.Video); !reflect.DeepEqual(got, given) || strings.Join(c.Video.CanPublishSources, " ") != "camera screen_share" {
			t.Errorf("token for %+v", got)
		}
		ann.Leave(room.LeftByItself)
		if _, ok := ann.Refreshed(auth.Claims{}); ok {
			t.Error("a token for somebody who has left")
		}
	})
}
