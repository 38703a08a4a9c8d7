package studio

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/room/breakout"
	"github.com/tuttilive/tutti/internal/room/stage"
	"github.com/tuttilive/tutti/internal/studio/talk"
)

// toGroup has somebody ask for the way into a group, and go there.
func toGroup(t *testing.T, h *House, s *Studio, identity string, n int) (*Participant, talk.Moved) {
	t.Helper()
	var moved talk.Moved
	raw, _ := json.Marshal(map[string]any{"type": "joinGroup", "group": n})
	r, _ := talk.Decode(raw)
	s.Do(Actor{Identity: identity}, r, func(reply talk.Reply) {
		if reply.Err != nil {
			t.Fatalf("%s into group %d: %v", identity, n, reply.Err)
		}
		if err := json.Unmarshal(reply.Data, &moved); err != nil {
			t.Fatal(err)
		}
	})
	claims, err := admitted(h, moved)
	if err != nil {
		t.Fatalf("%s with the token for group %d: %v", identity, n, err)
	}
	p, err := h.Enter(moved.Room, room.Join{Identity: claims.Identity, Name: claims.Name, Permission: Permission(claims.Video)}, &heard{})
	if err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
	return p, moved
}

// admitted is what becomes of a token at a group's door; policies, which a bubble of virtual time has none of, say nothing of it.
func admitted(h *House, moved talk.Moved) (auth.Claims, error) {
	claims, err := h.keys.Verify(moved.Token)
	if err != nil {
		return claims, err
	}
	return h.inAnnex(claims)
}

func TestOnlyTokensOpenAGroup(t *testing.T) {
	h := newHouse(t, true)
	h.annexes.add("group-x", annex{main: "r", n: 1})
	for what, c := range map[string]struct {
		Credential
		attributes map[string]string
		want       error
	}{
		"nothing":                 {want: auth.ErrMissing},
		"the key of a link":       {Credential: Credential{Key: testKeys.LinkKey("group-x", auth.Host, "")}, want: auth.ErrMissing},
		"a token of other making": {attributes: map[string]string{}, want: auth.ErrRevoked},
		"of another main room":    {attributes: map[string]string{attributeMain: "s"}, want: auth.ErrRevoked},
		"its own":                 {attributes: map[string]string{attributeMain: "r"}},
	} {
		if c.attributes != nil {
			token, err := testKeys.Mint(auth.Claims{Identity: "ann", Attributes: c.attributes, Video: auth.Grant{Room: "group-x", RoomJoin: true}}, time.Hour, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			c.Credential.Token = token
		}
		if _, err := h.Admit("group-x", c.Credential, ToWatch); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", what, err)
		}
		if _, err := h.Admit("group-x", c.Credential, ToPublish); err == nil {
			t.Errorf("%s lets an encoder in", what)
		}
		if what != "its own" {
			continue
		}
		claims, err := h.Verify(c.Token)
		if err != nil || h.Holds(claims) != nil {
			t.Fatalf("%v, %v", err, h.Holds(claims))
		}
		h.annexes.remove("group-x")
		if err := h.Holds(claims); !errors.Is(err, auth.ErrRevoked) {
			t.Errorf("whoever is in goes on when the group is over: %v", err)
		}
		h.annexes.add("group-x", annex{main: "r", n: 1})
		if _, err := h.Revoke("r", "ann", time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		if _, err := h.Admit("group-x", c.Credential, ToWatch); !errors.Is(err, auth.ErrRevoked) {
			t.Errorf("after it was revoked for the main room: %v", err)
		}
	}
}

func member(v breakout.View, n int, identity string) (m breakout.Member, ok bool) {
	for _, m := range v.Groups[n-1].People {
		if m.Identity == identity {
			return m, true
		}
	}
	return m, false
}

func TestGroupsOfAConference(t *testing.T) {
	onStage(t, "conference", func(t *testing.T, h *House, s *Studio) {
		enter(t, h, "host", asHost)
		l := hear(t, s)
		people := map[string]*Participant{}
		for _, id := range []string{"ann", "bob", "cy"} {
			people[id] = enter(t, h, id, nil)
		}
		host, ann := Actor{Identity: "host"}, Actor{Identity: "ann"}
		for _, c := range []struct {
			who           Actor
			request, code string
		}{
			{ann, `{"type":"planGroups","count":2}`, "forbidden"},
			{host, `{"type":"openGroups"}`, "no_groups"},
			{host, `{"type":"planGroups","count":99}`, "bad_request"},
			{host, `{"type":"planGroups","count":2,"random":true,"late":true}`, ""},
			{host, `{"type":"assignGroup","identity":"ann","group":1}`, ""},
			{host, `{"type":"assignGroup","identity":"bob","group":2}`, ""},
			{host, `{"type":"assignGroup","identity":"nobody","group":2}`, "not_found"},
			{ann, `{"type":"joinGroup","group":1}`, "no_groups"},
			{host, `{"type":"openGroups","seconds":3600}`, ""},
			{ann, `{"type":"joinGroup","group":2}`, "forbidden"},
			{host, `{"type":"openSide"}`, "off"},
		} {
			if code := request(t, s, c.who, c.request); code != c.code {
				t.Errorf("%s: %s: %q instead of %q", c.who.Identity, c.request, code, c.code)
			}
		}
		time.Sleep(time.Second)
		if told := l.all(); strings.Contains(told, "planned") || !strings.Contains(told, `"type":"groups","state":"open"`) {
			t.Errorf("all were told %s", told)
		}

		inGroup, moved := toGroup(t, h, s, "ann", 1)
		people["ann"].Leave(room.LeftByItself)
		synctest.Wait()
		if m, ok := member(s.Groups(), 1, "ann"); !ok || !m.Here {
			t.Errorf("Ann is not in her group: %+v", s.Groups())
		}
		group, err := h.Studio(moved.Room)
		if err != nil {
			t.Fatal(err)
		}
		if group.Scene().Has("waitingRoom") || group.Scene().HasStage() || group.Scene().Name != "conference" {
			t.Errorf("the group's scene is %+v", group.Scene())
		}
		if err := group.GoLive("ann", ""); err == nil {
			t.Error("a group goes on the air")
		}
		inside := hear(t, group)

		// The host visits, and stays the host of all meanwhile.
		visiting, _ := toGroup(t, h, s, "host", 1)
		s.mu.Lock()
		inMain := s.members["host"]
		s.mu.Unlock()
		inMain.Leave(room.LeftByItself)
		time.Sleep(2 * time.Minute)
		if s.Stage().Host == nil || s.Stage().Host.Identity != "host" {
			t.Error("who visits a group is not the host any more")
		}
		if code := request(t, group, host, `{"type":"messageGroups","text":"five minutes"}`); code != "" {
			t.Errorf("a message from a group: %s", code)
		}
		if code := request(t, group, ann, `{"type":"closeGroups","seconds":0}`); code != "forbidden" {
			t.Errorf("Ann ends the groups: %q", code)
		}
		time.Sleep(time.Second)
		if !strings.Contains(inside.all(), "five minutes") || !strings.Contains(l.all(), "five minutes") {
			t.Errorf("in the group: %s", inside.all())
		}

		// Who comes late goes into the smaller group.
		enter(t, h, "dee", nil)
		if to := groupOf(s, "dee"); to == 0 {
			t.Error("who came late belongs to no group")
		}

		if code := request(t, group, host, `{"type":"closeGroups","seconds":30}`); code != "" {
			t.Fatal(code)
		}
		time.Sleep(31 * time.Second)
		if !strings.Contains(inside.all(), `{"type":"moved","room":"r"}`) {
			t.Errorf("nobody was told to go back: %s", inside.all())
		}
		if _, err := admitted(h, moved); !errors.Is(err, auth.ErrRevoked) {
			t.Errorf("into a group that is over: %v", err)
		}
		time.Sleep(wayBack)
		if _, err := h.Studio(moved.Room); !errors.Is(err, ErrNoRoom) {
			t.Error("the group's room is still there")
		}
		if v := s.Groups(); v.State != "" {
			t.Errorf("%+v", v)
		}
		_, _ = inGroup, visiting
	})
}

func groupOf(s *Studio, identity string) int {
	for _, g := range s.Groups().Groups {
		for _, p := range g.People {
			if p.Identity == identity && !p.Visits {
				return g.N
			}
		}
	}
	return 0
}

// TestTheDoorOfAConferenceWithGroups has the waiting room open: who was in is not before the door when they come back from a group, and
// who is banned meanwhile is in none.
func TestTheDoorOfAConferenceWithGroups(t *testing.T) {
	onStage(t, "conference", func(t *testing.T, h *House, s *Studio) {
		enter(t, h, "host", asHost)
		people := map[string]*Participant{}
		for _, id := range []string{"ann", "eve"} {
			people[id] = enter(t, h, id, nil)
		}
		host := Actor{Identity: "host"}
		for _, r := range []string{
			`{"type":"openWaiting"}`, `{"type":"planGroups","count":1}`, `{"type":"assignGroup","identity":"ann","group":1}`,
			`{"type":"assignGroup","identity":"eve","group":1}`, `{"type":"openGroups"}`,
		} {
			if code := request(t, s, host, r); code != "" {
				t.Fatal(r, code)
			}
		}
		annInGroup, _ := toGroup(t, h, s, "ann", 1)
		people["ann"].Leave(room.LeftByItself)
		_, token := toGroup(t, h, s, "eve", 1)
		people["eve"].Leave(room.LeftByItself)
		synctest.Wait()
		if n := s.Stage().WaitingLength; n != 0 {
			t.Errorf("%d wait, who are in groups", n)
		}

		if code := request(t, s, host, `{"type":"ban","identity":"eve"}`); code != "" {
			t.Fatal(code)
		}
		synctest.Wait()
		group, err := h.Studio(token.Room)
		if err != nil {
			t.Fatal(err)
		}
		here := func(identity string) bool {
			return slices.ContainsFunc(group.Participants(), func(p room.Participant) bool { return p.Identity == identity })
		}
		if here("eve") || !here("ann") {
			t.Errorf("after the ban there are %+v", group.Participants())
		}
		if code := request(t, s, Actor{Identity: "eve"}, `{"type":"joinGroup","group":1}`); code != "banned" {
			t.Errorf("who is banned gets a token: %q", code)
		}
		if _, err := h.Enter(token.Room, room.Join{Identity: "eve", Permission: room.Permission{Publish: true}}, &heard{}); !errors.Is(err, stage.ErrBanned) {
			t.Errorf("who is banned comes back with an older token: %v", err)
		}

		annInGroup.Leave(room.LeftByItself)
		enter(t, h, "ann", nil)
		synctest.Wait()
		if n := s.Stage().WaitingLength; n != 0 {
			t.Errorf("%d wait who came back from a group", n)
		}
		for _, text := range []string{"", " "} {
			if code := request(t, s, host, `{"type":"messageGroups","text":"`+text+`"}`); code != "" {
				t.Errorf("taking a message away: %q", code)
			}
		}
	})
}

// TestWhatHoldsAgainstSomebodyHoldsInGroups that are open, that open later, and from wherever it is decided.
func TestWhatHoldsAgainstSomebodyHoldsInGroups(t *testing.T) {
	onStage(t, "conference", func(t *testing.T, h *House, s *Studio) {
		inMain := map[string]*Participant{"host": enter(t, h, "host", asHost), "bob": enter(t, h, "bob", asHost)}
		for _, id := range []string{"ann", "cy"} {
			inMain[id] = enter(t, h, id, nil)
		}
		do := func(at *Studio, who, what, code string) {
			t.Helper()
			if got := request(t, at, Actor{Identity: who}, what); got != code {
				t.Errorf("%s: %s: %q", who, what, got)
			}
			synctest.Wait()
		}
		writes := func(at *Studio, who string) bool {
			time.Sleep(10 * time.Second) // as often as they like
			return request(t, at, Actor{Identity: who}, `{"type":"chat","text":"x"}`) == ""
		}
		for _, r := range []string{
			`{"type":"planGroups","count":2}`, `{"type":"assignGroup","identity":"ann","group":1}`, `{"type":"assignGroup","identity":"bob","group":1}`,
			`{"type":"assignGroup","identity":"cy","group":2}`, `{"type":"openGroups"}`,
		} {
			do(s, "host", r, "")
		}
		go1 := func(id string, n int) *Studio {
			t.Helper()
			p, _ := toGroup(t, h, s, id, n)
			inMain[id].Leave(room.LeftByItself)
			synctest.Wait()
			return p.Studio()
		}
		do(s, "host", `{"type":"silence","identity":"ann"}`, "")
		one := go1("ann", 1)
		if writes(one, "ann") || !one.Standing("ann").Silenced {
			t.Error("who is silenced writes in a group that opens after it")
		}
		do(s, "host", `{"type":"unsilence","identity":"ann"}`, "")
		if !writes(one, "ann") {
			t.Error("who is not silenced any more writes nothing in a group")
		}
		do(s, "host", `{"type":"silence","identity":"ann","for":60}`, "")
		if writes(one, "ann") {
			t.Error("who is silenced writes in a group that is open")
		}
		time.Sleep(time.Minute)
		if !writes(one, "ann") {
			t.Error("a silence in a group does not end")
		}

		// A host who is in a group judges for all.
		two := go1("cy", 2)
		go1("bob", 1)
		go1("host", 1)
		do(one, "ann", `{"type":"silence","identity":"bob"}`, "forbidden")
		do(one, "bob", `{"type":"silence","identity":"ann"}`, "")
		do(one, "host", `{"type":"silence","identity":"cy"}`, "")
		if writes(two, "cy") || writes(one, "ann") || !s.Standing("cy").Silenced {
			t.Error("what is decided in a group holds there alone")
		}
		do(one, "host", `{"type":"ban","identity":"bob"}`, "")
		if len(one.Participants()) != 2 || s.RoleOf("bob").Directs() {
			t.Errorf("after the ban there are %+v", one.Participants())
		}
		do(two, "bob", `{"type":"unban","identity":"bob"}`, "forbidden")

		// Whoever directed when they went in, and does no more, has no word left; what an application decides holds as well.
		if err := one.StageAct(Actor{Identity: "bob", Admin: true}, stage.Action{Verb: stage.Unban, Identity: "bob"}); !errors.Is(err, stage.ErrForbidden) {
			t.Errorf("by an older token: %v", err)
		}
		if err := one.StageAct(Actor{App: true}, stage.Action{Verb: stage.Unban, Identity: "bob"}); err != nil {
			t.Error(err)
		}
		if stage := one.Stage(); len(stage.Banned) > 0 || len(stage.Silenced) != 2 {
			t.Errorf("in the group: %+v", stage)
		}
	})
}

func TestAPairInPrivate(t *testing.T) {
	onStage(t, "match", func(t *testing.T, h *House, s *Studio) {
		enter(t, h, "host", asHost)
		people := map[string]*Participant{}
		host := Actor{Identity: "host"}
		for _, id := range []string{"ann", "bob"} {
			if code := request(t, s, host, `{"type":"openSide"}`); code != "no_pair" {
				t.Errorf("without two: %q", code)
			}
			people[id] = enter(t, h, id, nil)
			letUp(t, s, id)
		}
		if code := request(t, s, host, `{"type":"planGroups","count":2}`); code != "off" {
			t.Errorf("groups of a match: %q", code)
		}
		if code := request(t, s, host, `{"type":"openSide","seconds":120}`); code != "" {
			t.Fatal(code)
		}
		for id, p := range people {
			toGroup(t, h, s, id, 1)
			p.Leave(room.LeftByItself)
		}
		synctest.Wait()
		if code := request(t, s, host, `{"type":"joinGroup","group":1}`); code != "forbidden" {
			t.Errorf("the matchmaker listens: %q", code)
		}
		time.Sleep(time.Minute)
		for _, seat := range s.Stage().Seats {
			if seat.Who == nil || seat.Who.Connected {
				t.Errorf("seat %d while they are away: %+v", seat.N, seat.Who)
			}
		}
		time.Sleep(70 * time.Second)
		enter(t, h, "ann", nil)
		enter(t, h, "bob", nil)
		synctest.Wait()
		for _, seat := range s.Stage().Seats {
			if seat.Who == nil || !seat.Who.Connected {
				t.Errorf("seat %d when they are back: %+v", seat.N, seat.Who)
			}
		}
	})
}

func TestWhoIsRemovedIsSoOutOfAGroup(t *testing.T) {
	onStage(t, "conference", func(t *testing.T, h *House, s *Studio) {
		enter(t, h, "host", asHost)
		ann := enter(t, h, "ann", nil)
		for _, r := range []string{`{"type":"planGroups","count":1}`, `{"type":"assignGroup","identity":"ann","group":1}`, `{"type":"openGroups"}`} {
			if code := request(t, s, Actor{Identity: "host"}, r); code != "" {
				t.Fatal(r, code)
			}
		}
		inGroup, _ := toGroup(t, h, s, "ann", 1)
		ann.Leave(room.LeftByItself)
		synctest.Wait()
		if err := h.Remove("r", "ann"); err != nil {
			t.Errorf("who is in a group is not found: %v", err)
		}
		synctest.Wait()
		if _, err := inGroup.Studio().Participant("ann"); !errors.Is(err, room.ErrNoParticipant) {
			t.Errorf("still in the group: %v", err)
		}
		if err := h.Remove("r", "ann"); !errors.Is(err, room.ErrNoParticipant) {
			t.Errorf("who is nowhere is removed: %v", err)
		}
	})
}

func TestTheEndOfARoomEndsItsGroups(t *testing.T) {
	onStage(t, "conference", func(t *testing.T, h *House, s *Studio) {
		enter(t, h, "host", asHost)
		enter(t, h, "ann", nil)
		for _, r := range []string{`{"type":"planGroups","count":1}`, `{"type":"assignGroup","identity":"ann","group":1}`, `{"type":"openGroups"}`} {
			if code := request(t, s, Actor{Identity: "host"}, r); code != "" {
				t.Fatal(r, code)
			}
		}
		_, moved := toGroup(t, h, s, "ann", 1)
		s.Close(room.LeftRoomDeleted)
		synctest.Wait()
		if _, err := h.Studio(moved.Room); !errors.Is(err, ErrNoRoom) {
			t.Error("a group outlives its room")
		}
		if _, err := admitted(h, moved); !errors.Is(err, auth.ErrRevoked) {
			t.Errorf("its token: %v", err)
		}
	})
}

// TestWhatIsWithheldIsSoInAGroup, and in the next one, and what the application said of somebody goes along.
func TestWhatIsWithheldIsSoInAGroup(t *testing.T) {
	onStage(t, "class", func(t *testing.T, h *House, s *Studio) {
		enter(t, h, "host", asHost)
		given := room.Permission{Publish: true, Subscribe: true, Sources: []room.Source{room.Microphone}}
		ann := enter(t, h, "ann", func(j *room.Join) {
			j.Name, j.Metadata, j.Attributes, j.Permission = "Ann", "of the application", map[string]string{"level": "3"}, given
		})
		mute := enter(t, h, "mute", func(j *room.Join) { j.Permission = room.Permission{Subscribe: true} })
		host := Actor{Identity: "host"}
		for _, r := range []string{
			`{"type":"planGroups","count":2}`, `{"type":"assignGroup","identity":"ann","group":1}`, `{"type":"assignGroup","identity":"mute","group":1}`,
			`{"type":"openGroups"}`,
		} {
			if code := request(t, s, host, r); code != "" {
				t.Fatal(r, code)
			}
		}
		withheld := func(identity string, n int, want room.Permission) auth.Claims {
			t.Helper()
			_, moved := toGroup(t, h, s, identity, n)
			claims, err := admitted(h, moved)
			if err != nil || !samePermission(Permission(claims.Video), want) {
				t.Errorf("%s may %+v, %v", identity, Permission(claims.Video), err)
			}
			return claims
		}
		withheld("mute", 1, room.Permission{Subscribe: true})
		mute.Leave(room.LeftByItself)
		withheld("ann", 1, given)
		ann.Leave(room.LeftByItself)
		synctest.Wait()
		if code := request(t, s, host, `{"type":"assignGroup","identity":"ann","group":2}`); code != "" {
			t.Fatal(code)
		}
		if c := withheld("ann", 2, given); c.Name != "Ann" || c.Metadata != "of the application" || c.Attributes["level"] != "3" {
			t.Errorf("from one group to the next: %+v", c)
		}
	})
}

// TestWhoDirectsNoMoreDirectsNoGroup over the connection on which they are.
func TestWhoDirectsNoMoreDirectsNoGroup(t *testing.T) {
	onStage(t, "conference", func(t *testing.T, h *House, s *Studio) {
		enter(t, h, "host", asHost)
		mal := enter(t, h, "mal", nil)
		host := Actor{Identity: "host"}
		for _, r := range []string{`{"type":"promote","identity":"mal"}`, `{"type":"planGroups","count":1}`, `{"type":"openGroups"}`} {
			if code := request(t, s, host, r); code != "" {
				t.Fatal(r, code)
			}
		}
		inGroup, moved := toGroup(t, h, s, "mal", 1)
		mal.Leave(room.LeftByItself)
		synctest.Wait()
		group := inGroup.Studio()
		if code := request(t, group, Actor{Identity: "mal"}, `{"type":"announce","text":"hello"}`); code != "" {
			t.Errorf("a cohost in a group: %q", code)
		}
		if code := request(t, s, host, `{"type":"demote","identity":"mal"}`); code != "" {
			t.Fatal(code)
		}
		synctest.Wait()
		if role := group.RoleOf("mal"); role != stage.Speaker || inGroup.Self().Permission.Admin {
			t.Errorf("who was demoted in the room is %s in the group, with %+v", role, inGroup.Self().Permission)
		}
		if code := request(t, group, Actor{Identity: "mal"}, `{"type":"announce","text":"hello"}`); code != "forbidden" {
			t.Errorf("who was demoted in the room announces in a group: %q", code)
		}
		if claims, err := admitted(h, moved); err != nil || claims.Video.RoomAdmin {
			t.Errorf("the token of who was demoted: %+v, %v", claims, err)
		}
	})
}

// TestWhoDirectsNoMoreDirectsNoGroupFromItsAudience, nor is told what hosts are; whoever does again, does there.
func TestWhoDirectsNoMoreDirectsNoGroupFromItsAudience(t *testing.T) {
	onStage(t, "conference", func(t *testing.T, h *House, s *Studio) {
		enter(t, h, "host", asHost)
		mal := enter(t, h, "mal", nil)
		host := Actor{Identity: "host"}
		act := func(r string) {
			t.Helper()
			if code := request(t, s, host, r); code != "" {
				t.Fatal(r, code)
			}
			synctest.Wait()
		}
		act(`{"type":"promote","identity":"mal"}`)
		act(`{"type":"planGroups","count":1}`)
		act(`{"type":"openGroups"}`)
		inGroup, moved := toGroup(t, h, s, "mal", 1)
		mal.Leave(room.LeftByItself)
		group := inGroup.Studio()
		claims, err := admitted(h, moved)
		if err != nil {
			t.Fatal(err)
		}
		watching := func() *Attendee {
			t.Helper()
			a, err := group.attend(&Attendee{studio: group, ear: unheard{}, name: "Mal", claims: claims})
			if err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			return a
		}
		look := func(what string, a *Attendee, view View, code string) {
			t.Helper()
			if _, sees := a.You(); sees != view {
				t.Errorf("%s: sees %v", what, sees)
			}
			for _, raw := range []string{`{"type":"announce","text":"hello"}`, `{"type":"setLayout","data":{"layout":"grid"}}`} {
				r, err := talk.Decode([]byte(raw))
				if err != nil {
					t.Fatal(err)
				}
				a.Do(r, func(reply talk.Reply) {
					var refusal *room.Refusal
					errors.As(reply.Err, &refusal)
					if refusal == nil && code != "" || refusal != nil && refusal.Code != code {
						t.Errorf("%s: %s: %v", what, raw, reply.Err)
					}
				})
			}
		}
		a := watching()
		look("a cohost", a, ViewHosts, "")
		act(`{"type":"demote","identity":"mal"}`)
		look("who was demoted", a, ViewAll, "forbidden")
		look("who was demoted between the door and the room", watching(), ViewAll, "forbidden")
		act(`{"type":"promote","identity":"mal"}`)
		look("who is a cohost again", a, ViewHosts, "")
	})
}

// TestOfficesInAGroupAreThoseOfTheRoom: a cohost makes nobody else one, who could make them one again.
func TestOfficesInAGroupAreThoseOfTheRoom(t *testing.T) {
	onStage(t, "conference", func(t *testing.T, h *House, s *Studio) {
		enter(t, h, "host", asHost)
		mal, ann := enter(t, h, "mal", nil), enter(t, h, "ann", nil)
		host := Actor{Identity: "host"}
		for _, r := range []string{
			`{"type":"promote","identity":"mal"}`, `{"type":"planGroups","count":1}`, `{"type":"assignGroup","identity":"ann","group":1}`, `{"type":"openGroups"}`,
		} {
			if code := request(t, s, host, r); code != "" {
				t.Fatal(r, code)
			}
		}
		toGroup(t, h, s, "ann", 1)
		inGroup, _ := toGroup(t, h, s, "mal", 1)
		mal.Leave(room.LeftByItself)
		ann.Leave(room.LeftByItself)
		group := inGroup.Studio()
		look := func(what string, want ...stage.Role) {
			t.Helper()
			synctest.Wait()
			if m, a, there := group.RoleOf("mal"), group.RoleOf("ann"), s.RoleOf("ann"); m != want[0] || a != want[1] || there.Directs() != a.Directs() {
				t.Errorf("%s: mal is %s, ann %s and in the room %s", what, m, a, there)
			}
		}
		synctest.Wait()
		for _, r := range []string{`{"type":"promote","identity":"ann"}`, `{"type":"demote","identity":"mal"}`} {
			if code := request(t, group, Actor{Identity: "mal"}, r); code != "forbidden" {
				t.Errorf("a cohost in a group: %s: %q", r, code)
			}
		}
		look("at first", stage.Host, stage.Speaker)
		toGroup(t, h, s, "host", 1)
		for _, c := range []struct {
			request  string
			mal, ann stage.Role
		}{
			{`{"type":"promote","identity":"ann"}`, stage.Host, stage.Cohost},
			{`{"type":"demote","identity":"mal"}`, stage.Speaker, stage.Cohost},
			{`{"type":"demote","identity":"ann"}`, stage.Speaker, stage.Speaker},
		} {
			if code := request(t, group, host, c.request); code != "" {
				t.Errorf("%s: %q", c.request, code)
			}
			look(c.request, c.mal, c.ann)
		}
	})
}

// TestWhoIsCutOffHasInAGroupWhatTheyWereGiven, no more and no less, as has who only attends.
func TestWhoIsCutOffHasInAGroupWhatTheyWereGiven(t *testing.T) {
	onStage(t, "conference", func(t *testing.T, h *House, s *Studio) {
		enter(t, h, "host", asHost)
		yes, no := true, false
		given := map[string]room.Permission{
			"mute": {Subscribe: true},
			"ann":  {Publish: true, Subscribe: true, PublishData: true, Sources: []room.Source{room.Microphone}},
			"eve":  {Subscribe: true},                                                         // attends, with an office
			"guy":  {Publish: true, Subscribe: true, PublishData: true, UpdateMetadata: true}, // too, by a link
			"cy":   {Subscribe: true, UpdateMetadata: true},                                   // has an office, and is not there at all
		}
		may := func(identity string) func(*room.Join) {
			return func(j *room.Join) { j.Permission = given[identity] }
		}
		mute, ann := enter(t, h, "mute", may("mute")), enter(t, h, "ann", may("ann"))
		cy := enter(t, h, "cy", may("ann"))
		for identity, claims := range map[string]auth.Claims{
			"eve": {Expires: time.Now().Add(time.Minute), Video: auth.Grant{CanPublish: &no, CanPublishData: &no, CanUpdateOwnMetadata: &no, CanSubscribe: &yes}},
			"guy": {},
		} {
			claims.Identity = identity
			if _, err := s.attend(&Attendee{studio: s, ear: unheard{}, name: identity, claims: claims}); err != nil {
				t.Fatal(err)
			}
		}
		act := func(r string) {
			t.Helper()
			if code := request(t, s, Actor{Identity: "host"}, r); code != "" {
				t.Fatal(r, code)
			}
		}
		for _, identity := range []string{"eve", "guy", "cy"} {
			act(`{"type":"promote","identity":"` + identity + `"}`)
		}
		cy.Leave(room.LeftByItself)
		act(`{"type":"planGroups","count":1}`)
		for _, p := range []*Participant{mute, ann} {
			act(`{"type":"assignGroup","group":1,"identity":"` + p.identity + `"}`)
			p.Leave(room.LeftByItself)
		}
		mustBring(t, h, "ann", nil) // her encoder is not her
		act(`{"type":"openGroups"}`)
		for identity, want := range given {
			_, moved := toGroup(t, h, s, identity, 1)
			claims, err := admitted(h, moved)
			perm := Permission(claims.Video)
			perm.Admin = false // that is their office
			if err != nil || !samePermission(perm, want) {
				t.Errorf("%s may %+v, %v", identity, perm, err)
			}
		}
	})
}
