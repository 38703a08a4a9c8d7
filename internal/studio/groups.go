package studio

import (
	"cmp"
	"encoding/json"
	"math/rand/v2"
	"time"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/room/breakout"
	"github.com/tuttilive/tutti/internal/room/stage"
	"github.com/tuttilive/tutti/internal/studio/talk"
)

// A room's groups are rooms of their own (annex). What is asked for in one of them is done by the main room, and what that tells of
// the groups is told in all. No two studios are ever locked at once: what the main room has to say in the others is said by a
// goroutine of its own (talkToGroups).

// groups is what a main room knows of those under it. It is guarded by the studio's lock.
type groups struct {
	breakout breakout.Breakout
	timer    *time.Timer // for the end
	// went is what those brought along who went into a group, or left while one was theirs: what they are in the main room but for their role
	// there.
	went map[string]auth.Claims
	// inside are those who are in a group at the moment.
	inside map[string]struct{}
	// said is what is to be said in groups: to somebody, or to all.
	said []errand
	due  bool
}

// errand is something to tell in the room of a group: to one person, or to all where that is "".
type errand struct {
	room, identity string
	event          talk.Event
}

// groupRequest is a request of the vocabulary with fields of its own.
type groupRequest struct {
	Count    int      `json:"count"`
	Names    []string `json:"names"`
	Random   bool     `json:"random"`
	Late     bool     `json:"late"`
	Identity string   `json:"identity"`
	Name     string   `json:"name"`
	Group    int      `json:"group"`
	Seconds  int      `json:"seconds"`
	Text     string   `json:"text"`
}

// groupRequests are done by the main room, wherever they are asked. Features are those of which the scene must have one.
var groupRequests = map[string]struct {
	forHosts bool
	features []string
	do       func(*Studio, Actor, groupRequest) talk.Reply
}{
	"planGroups":    {true, []string{"breakout"}, (*Studio).planGroups},
	"shuffleGroups": {true, []string{"breakout"}, (*Studio).shuffleGroups},
	"assignGroup":   {true, []string{"breakout"}, (*Studio).assignGroup},
	"openGroups":    {true, []string{"breakout"}, (*Studio).openGroups},
	"messageGroups": {true, []string{"breakout"}, (*Studio).messageGroups},
	"openSide":      {true, []string{"sideRoom"}, (*Studio).openSide},
	"closeGroups":   {true, []string{"breakout", "sideRoom"}, (*Studio).closeGroups},
	"joinGroup":     {false, []string{"breakout", "sideRoom"}, (*Studio).joinGroup},
	"leaveGroup":    {false, []string{"breakout", "sideRoom"}, (*Studio).leaveGroup},
}

// group does what somebody wants of the groups, from the main room or from one of them.
func (s *Studio) group(a Actor, r talk.Request) talk.Reply {
	if s.annex != nil {
		main, err := s.house.Studio(s.annex.main)
		if err != nil {
			return talk.Reply{Err: refused(err)}
		}
		a.Admin = false // that holds in the group
		return main.group(a, r)
	}
	var fields groupRequest
	if err := json.Unmarshal(r.Raw, &fields); err != nil {
		return talk.Reply{Err: talk.ErrMalformed}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	request := groupRequests[r.Type]
	has := a.App
	for _, feature := range request.features {
		has = has || s.scene.Has(feature)
	}
	switch {
	case s.closed:
		return talk.Reply{Err: refused(ErrNoRoom)}
	case request.forHosts && !s.directs(a):
		return talk.Reply{Err: ErrNotHost}
	case !has:
		return talk.Reply{Err: errOff}
	case s.stage.Waits(a.Identity):
		return talk.Reply{Err: refused(stage.ErrWaiting)}
	}
	reply := request.do(s, a, fields)
	reply.Err = refused(reply.Err)
	return reply
}

func (s *Studio) planGroups(_ Actor, r groupRequest) talk.Reply {
	names := r.Names
	if len(names) == 0 {
		if r.Count < 1 || r.Count > breakout.MaxGroups {
			return talk.Reply{Err: breakout.ErrCount}
		}
		names = make([]string, r.Count)
	}
	for i := range names {
		if err := s.house.words.Fit(&names[i]); err != nil {
			return talk.Reply{Err: err}
		}
	}
	if err := s.layOut(breakout.Groups, names, r.Late); err != nil {
		return talk.Reply{Err: err}
	}
	if r.Random {
		if err := s.groups.breakout.Shuffle(s.parted(), rand.IntN); err != nil {
			return talk.Reply{Err: err}
		}
	}
	s.tellGroups()
	return talk.Reply{}
}

// layOut plans groups with rooms for them.
func (s *Studio) layOut(kind breakout.Kind, names []string, late bool) error {
	rooms := make([]string, min(len(names), breakout.MaxGroups))
	for i := range rooms {
		rooms[i] = annexName()
	}
	return s.groups.breakout.Plan(kind, names, rooms, late)
}

// parted are those who go into groups: who takes part and does not direct, wherever they are. The caller holds the lock.
func (s *Studio) parted() (all []breakout.Person) {
	for _, p := range s.room.Participants() {
		if hasRole(p.Kind, p.Permission) && !s.stage.Waits(p.Identity) && !s.stage.RoleOf(p.Identity).Directs() {
			all = append(all, breakout.Person{Identity: p.Identity, Name: p.Name})
		}
	}
	return all
}

func (s *Studio) shuffleGroups(Actor, groupRequest) talk.Reply {
	err := s.groups.breakout.Shuffle(s.parted(), rand.IntN)
	if err == nil {
		s.tellGroups()
	}
	return talk.Reply{Err: err}
}

func (s *Studio) assignGroup(_ Actor, r groupRequest) talk.Reply {
	who := breakout.Person{Identity: r.Identity, Name: s.nameOf(r.Identity)}
	b := &s.groups.breakout
	_, in := b.GroupOf(r.Identity)
	if who.Name == "" && in == 0 {
		return talk.Reply{Err: refused(room.ErrNoParticipant)}
	}
	if err := b.Assign(who, r.Group); err != nil {
		return talk.Reply{Err: err}
	}
	if b.Running() {
		s.send(who, r.Group)
	}
	s.tellGroups()
	return talk.Reply{}
}

// nameOf is the name of somebody who takes part here, "" for others.
func (s *Studio) nameOf(identity string) string {
	p, ok := s.room.Participant(identity)
	if !ok {
		return ""
	}
	if p.Name == "" {
		return p.Identity
	}
	return p.Name
}

func (s *Studio) openGroups(_ Actor, r groupRequest) talk.Reply {
	b := &s.groups.breakout
	if err := b.Start(r.Seconds, time.Now()); err != nil {
		return talk.Reply{Err: err}
	}
	scene := annexScene(s.scene)
	settings := s.room.Settings
	settings.Metadata = ""
	for i, name := range b.Rooms() {
		s.house.annexes.add(name, annex{main: s.name, n: i + 1, scene: scene, settings: settings})
	}
	view := b.View(nil)
	for _, g := range view.Groups {
		for _, p := range g.People {
			s.send(p.Person, g.N)
		}
	}
	s.wind()
	s.tellGroups()
	s.emit([]room.Event{room.GroupsChanged{Groups: view}})
	return talk.Reply{}
}

// openSide sends those who sit into a room of their own.
func (s *Studio) openSide(a Actor, r groupRequest) talk.Reply {
	var pair []breakout.Person
	for _, seat := range s.stage.Snapshot().Seats {
		if seat.Who != nil && seat.Who.Connected {
			pair = append(pair, breakout.Person{Identity: seat.Who.Identity, Name: seat.Who.Name})
		}
	}
	if len(pair) < 2 {
		return talk.Reply{Err: errNoPair}
	}
	if err := s.layOut(breakout.Side, []string{""}, false); err != nil {
		return talk.Reply{Err: err}
	}
	for _, p := range pair {
		if err := s.groups.breakout.Assign(p, 1); err != nil {
			return talk.Reply{Err: err}
		}
	}
	return s.openGroups(a, r)
}

var errNoPair = &room.Refusal{Code: "no_pair", Message: "two must sit on the stage"}

func (s *Studio) closeGroups(_ Actor, r groupRequest) talk.Reply {
	b := &s.groups.breakout
	if err := b.Close(r.Seconds, time.Now()); err != nil {
		return talk.Reply{Err: err}
	}
	if s.endGroups() {
		return talk.Reply{}
	}
	s.wind()
	s.tellGroups()
	return talk.Reply{}
}

// messageGroups has the people of all groups, and those in the main room, read something.
func (s *Studio) messageGroups(a Actor, r groupRequest) talk.Reply {
	b := &s.groups.breakout
	if !b.Running() {
		return talk.Reply{Err: breakout.ErrNone}
	}
	reply := s.setAnnouncement(a, talk.Request{Text: r.Text})
	if reply.Err != nil {
		return reply
	}
	told := talk.Announcement{} // an empty one takes the last away
	if said := s.crowd.announcement; said != nil {
		told = *said
	}
	s.sayInGroups(errand{event: told})
	return reply
}

// joinGroup gives somebody the token for a group: their own, or any for those who direct.
func (s *Studio) joinGroup(a Actor, r groupRequest) talk.Reply {
	directs := s.directs(a)
	a, err := s.whose(a, talk.Request{Identity: r.Identity, Name: r.Name})
	if err != nil {
		return talk.Reply{Err: err}
	}
	who := breakout.Person{Identity: a.Identity, Name: a.Name}
	if s.stage.Banned(who.Identity) {
		return talk.Reply{Err: stage.ErrBanned}
	}
	if err := s.groups.breakout.MayJoin(who.Identity, r.Group, directs); err != nil {
		return talk.Reply{Err: err}
	}
	moved, err := s.moved(a, r.Group)
	if err != nil {
		s.log.Error("making a token for a group", "participant", who.Identity, "error", err)
		return talk.Reply{Err: err}
	}
	data, err := json.Marshal(moved)
	return talk.Reply{Err: err, Data: data}
}

// leaveGroup tells somebody the way back.
func (s *Studio) leaveGroup(Actor, groupRequest) talk.Reply {
	data, err := json.Marshal(talk.Moved{Room: s.name})
	return talk.Reply{Err: err, Data: data}
}

// moved is what somebody is told who goes into a group. The caller holds the lock.
func (s *Studio) moved(who Actor, n int) (talk.Moved, error) {
	b := &s.groups.breakout
	claims := s.given(who)
	claims.Name, claims.Video.RoomAdmin = cmp.Or(who.Name, claims.Name), claims.Video.RoomAdmin || who.Admin
	s.remember(claims)
	token, err := s.annexToken(b.Room(n), claims)
	return talk.Moved{Room: b.Room(n), Token: token, Group: n, Name: b.Name(n)}, err
}

// given is what somebody was given here, as they take part, took part or attend. Whom the application alone knows is a guest; of others nothing
// is known that would permit them to speak. The caller holds the lock.
func (s *Studio) given(who Actor) auth.Claims {
	claims := auth.Claims{Identity: who.Identity}
	if p := s.members[who.Identity]; p != nil && p.encoder == nil {
		claims, _ = p.refreshed(claims)
		return claims
	}
	if went, known := s.groups.went[who.Identity]; known {
		return went
	}
	if s.watches(who.Identity) {
		ears := s.crowd.people[who.Identity]
		claims = ears[len(ears)-1].own()
		claims.Expires = time.Time{} // it opens the group until that ends, as all others do
		return claims
	}
	claims.Video = ClaimsOf(auth.Guest, s.name).Video
	if !who.App {
		no := false
		claims.Video.CanPublish, claims.Video.CanPublishData = &no, &no
	}
	return claims
}

// remember keeps what somebody brings along. The caller holds the lock.
func (s *Studio) remember(claims auth.Claims) {
	if s.groups.went == nil {
		s.groups.went = map[string]auth.Claims{}
	}
	s.groups.went[claims.Identity] = claims
}

// rememberLeft keeps what somebody was given who leaves, perhaps cut off, and has a group to go to. The right to direct goes along with who goes
// there alone. The caller holds the lock.
func (s *Studio) rememberLeft(self room.Participant) {
	p := s.members[self.Identity]
	went, known := s.groups.went[self.Identity]
	to, _ := s.groups.breakout.GroupOf(self.Identity)
	if p == nil || !hasRole(p.kind, p.grant) || !known && to == 0 && !s.stage.RoleOf(self.Identity).Directs() {
		return
	}
	claims := p.given(auth.Claims{Identity: self.Identity}, self)
	claims.Video.RoomAdmin = went.Video.RoomAdmin
	s.remember(claims)
}

// send tells somebody, wherever they are, to go into a group, or back for 0. The caller holds the lock.
func (s *Studio) send(who breakout.Person, n int) {
	_, in := s.groups.breakout.GroupOf(who.Identity)
	if in == n {
		return
	}
	moved := talk.Moved{Room: s.name}
	if n > 0 {
		var err error
		if moved, err = s.moved(Actor{Identity: who.Identity, Name: who.Name}, n); err != nil {
			s.log.Error("making a token for a group", "participant", who.Identity, "error", err)
			return
		}
	}
	if in > 0 {
		s.sayInGroups(errand{room: s.groups.breakout.Room(in), identity: who.Identity, event: moved})
		return
	}
	s.tellOne(who.Identity, moved)
}

// groupsView is how the groups are for hosts.
func (s *Studio) groupsView() talk.Groups {
	return talk.Groups{View: s.groups.breakout.View(s.parted())}
}

// groupsState is what newcomers are told, nil where there is nothing to tell. The caller holds the lock.
func (s *Studio) groupsState(hosts bool) *breakout.View {
	v := s.groupsView().View
	if s.annex != nil {
		v = s.fromMain
	}
	if !hosts {
		v = v.Public()
	}
	if v.State == "" {
		return nil
	}
	return &v
}

// Groups is how a room's groups are, with all that hosts may know.
func (s *Studio) Groups() breakout.View {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.annex != nil {
		return s.fromMain
	}
	return s.groupsView().View
}
