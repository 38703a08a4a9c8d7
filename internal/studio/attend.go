package studio

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/tuttilive/tutti/internal/auth"
	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/room/chat"
	"github.com/tuttilive/tutti/internal/room/plain"
	"github.com/tuttilive/tutti/internal/room/poll"
	"github.com/tuttilive/tutti/internal/room/stage"
	"github.com/tuttilive/tutti/internal/studio/talk"
)

// Attendee is a door's handle to one connection of somebody in the audience. Whoever attended leaves.
type Attendee struct {
	studio *Studio
	ear    Ear
	url    string
	claims auth.Claims
	mute   bool // the token forbids to send data
	// vouched tells of a token or a link: who has none of them may be anybody.
	vouched bool
	address netip.Prefix // where the connection comes from
	// Guarded by the studio's lock.
	name     string
	position int // among the raised hands, as it was told last
	// waited and directed are whether the person waits to be let in, and is told what hosts are.
	waited, directed bool
}

// Attendance is what somebody brings along who wants to attend.
type Attendance struct {
	Credential Credential
	// Name is what they want to be called, Own their secret (see Introduce); either may be empty.
	Name, Own string
	// URL is where they reach rooms: "wss://HOST".
	URL string
	Ear Ear
}

// Attend lets somebody into the audience of a room: ErrNoRoom where nobody created it and nobody is in it. A room that somebody
// created is opened for its audience.
func (h *House) Attend(roomName string, at Attendance) (*Attendee, error) {
	c := at.Credential
	if err := room.CheckName(roomName); err != nil {
		return nil, err
	}
	_, created, err := h.rooms.Find(roomName)
	if err != nil {
		return nil, fmt.Errorf("reading the policy of room %q: %w", roomName, err)
	}
	created = created || h.isAnnex(roomName)
	if _, running := h.Studio(roomName); !created && running != nil {
		return nil, ErrNoRoom
	}
	claims, err := h.Admit(roomName, c, ToWatch)
	if err != nil {
		return nil, err
	}
	if claims, err = h.Introduce(roomName, c, claims, at.Name, at.Own); err != nil {
		return nil, err
	}
	claims.Name = plain.Name(claims.Name)
	for {
		s, err := h.Studio(roomName)
		if err != nil && created {
			s, _, err = h.open(roomName, room.Settings{})
		}
		if err != nil {
			return nil, err
		}
		mayWrite := c.Token == "" || claims.Video.CanPublishData == nil || *claims.Video.CanPublishData
		a, err := s.attend(&Attendee{studio: s, ear: at.Ear, url: at.URL, claims: claims, mute: !mayWrite, vouched: c.Token != "" || c.Key != "", address: c.address, name: claims.Name})
		if !errors.Is(err, errStudioClosed) {
			if err == nil {
				h.NoteUse(roomName)
			}
			return a, err
		}
	}
}

// attend fails with a *room.Refusal for those who may not come in.
func (s *Studio) attend(a *Attendee) (*Attendee, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, errStudioClosed
	}
	c, id := s.gather(), a.claims.Identity
	a.name = s.stage.NameFor(stage.Person{Identity: id, Name: a.name})
	if err := s.comeIn(stage.Person{Identity: id, Name: a.name}, a.claims.Video.RoomAdmin, a.vouched); err != nil {
		s.settle() // it may have been opened for this
		return nil, err
	}
	ears := c.people[id]
	if len(ears) >= maxEars {
		oldest := ears[0]
		ears = slices.Delete(ears, 0, 1)
		oldest.ear.Cut(talk.Frame(talk.Encode(talk.Bye{Reason: "replaced"})), "replaced")
	}
	c.people[id] = append(ears, a)
	if len(ears) == 0 && s.inPerson(id) == nil {
		s.noteCame(a.person())
	}
	s.settle()
	return a, nil
}

// Leave ends the attendance.
func (a *Attendee) Leave() {
	s := a.studio
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	c, id := s.crowd, a.claims.Identity
	i := slices.Index(c.people[id], a)
	if i < 0 {
		return
	}
	if c.people[id] = slices.Delete(c.people[id], i, i+1); len(c.people[id]) > 0 {
		return
	}
	delete(c.people, id)
	s.countLater()
	s.goOut(id)
}

// comeIn lets somebody in who is there in another way than as a participant; vouched tells of a token or a link. The caller holds the lock, and notes
// that they are.
func (s *Studio) comeIn(who stage.Person, admin, vouched bool) error {
	how := stage.Arrival{Admin: admin}
	if p := s.inPerson(who.Identity); p != nil { // who takes part is what that says
		how = arrival(p.grant)
		how.Admin = how.Admin || admin
	}
	happened, err := s.stage.Come(who, how, time.Now())
	if err != nil {
		return err
	}
	s.attendance.Came(who.Identity, who.Name, vouched, time.Now())
	s.stageChanged(happened)
	return nil
}

// goOut follows somebody who was there in such a way, and may not be any more. The caller holds the lock.
func (s *Studio) goOut(identity string) {
	if s.closed || s.there(identity) {
		return
	}
	s.noteGone(identity)
	s.noteAway(identity)
	if s.inPerson(identity) == nil {
		s.stageChanged(s.stage.Go(identity, false, time.Now()))
	}
	s.settle()
}

// there tells whether somebody is in the audience, or in a group of this room. The caller holds the lock.
func (s *Studio) there(identity string) bool {
	_, inside := s.groups.inside[identity]
	return inside || s.watches(identity)
}

// Studio is the running room.
func (a *Attendee) Studio() *Studio { return a.studio }

// Identity is who attends.
func (a *Attendee) Identity() string { return a.claims.Identity }

func (a *Attendee) person() talk.Person {
	return talk.Person{Identity: a.claims.Identity, Name: a.name}
}

// View is how much of a room somebody is told.
type View uint8

const (
	// ViewAll is for everybody, ViewHosts for hosts and cohosts, ViewDoor for those who wait to be let in.
	ViewAll View = iota
	ViewHosts
	ViewDoor
	Views = 3
)

// You is what the attendee is in the room at the moment, and how much they are told.
func (a *Attendee) You() (talk.You, View) {
	a.studio.mu.Lock()
	defer a.studio.mu.Unlock()
	actor := a.actor()
	a.waited, a.directed = a.studio.stage.Waits(actor.Identity), a.studio.directs(actor)
	view := ViewAll
	switch {
	case a.waited:
		view = ViewDoor
	case a.directed:
		view = ViewHosts
	}
	return a.studio.you(actor), view
}

// own are the claims with which the attendee came; a link that only watches is as good as one for guests.
func (a *Attendee) own() auth.Claims {
	claims := a.claims
	if claims.Expires.IsZero() && !claims.Video.RoomAdmin {
		claims.Video = ClaimsOf(auth.Guest, a.studio.name).Video
	}
	return claims
}

func (a *Attendee) actor() Actor {
	return Actor{
		Identity: a.claims.Identity, Name: a.name, Admin: a.claims.Video.RoomAdmin, Mute: a.mute, Named: !MayRename(a.claims), Address: a.address,
	}
}

// Do does what the attendee asks for; reply hears what became of it, perhaps later and on another goroutine. It must not block.
func (a *Attendee) Do(r talk.Request, reply func(talk.Reply)) {
	a.studio.mu.Lock()
	actor := a.actor()
	a.studio.mu.Unlock()
	a.studio.Do(actor, r, reply)
}

// Overview is how the room stands: talk.Overview, encoded.
func (s *Studio) Overview(v View) []byte {
	policy, _, err := s.house.rooms.Find(s.name)
	if err != nil {
		s.log.Error("reading a room's title", "error", err)
	}
	s.mu.Lock()
	st := s.overview(v)
	s.mu.Unlock()
	st.Room.Title = policy.Title
	return st.Encode()
}

// overview is called with the lock held.
func (s *Studio) overview(v View) talk.Overview {
	c, present, on := s.gather(), s.presence(), s.stage.Snapshot()
	switch v {
	case ViewDoor:
		return talk.Overview{
			Room: talk.RoomHead{Name: s.name}, Scene: s.scene, Stage: &stage.Snapshot{Seats: []stage.Seat{}, Cohosts: []stage.Person{}},
			Chat: []chat.Message{}, Polls: []poll.Poll{}, Heartbeat: talk.Heartbeat,
		}
	case ViewAll:
		on = on.Public()
	}
	return talk.Overview{
		Scene: s.scene, Stage: &on,
		Room: talk.RoomHead{Name: s.name}, Live: liveEvent(s.room.Live()),
		Counts: talk.Counts{Viewers: present.Viewers, People: present.People, Likes: c.applause.Likes()},
		Chat:   c.chat.Recent(recentChat), Slow: int(c.chat.Slow().Seconds()), Announcement: c.announcement, Polls: c.polls.All(),
		PK: s.contest, Gifts: c.applause.Gifts(), GiftsTo: c.applause.To(), Board: s.boardState(), RollCall: s.rollState(), Groups: s.groupsState(v == ViewHosts),
		Songs: s.songsState(), Lyrics: s.lyricsState(),
		Heartbeat: talk.Heartbeat,
	}
}

func liveEvent(l room.Live) talk.Live {
	e := talk.Live{On: l.On, Title: l.Title, Returning: l.Returning}
	if l.On || l.Returning {
		e.Since = &l.Since
	}
	return e
}
