package studio

import (
	"slices"
	"time"

	"github.com/tuttilive/tutti/internal/room"
	"github.com/tuttilive/tutti/internal/room/applause"
	"github.com/tuttilive/tutti/internal/room/chat"
	"github.com/tuttilive/tutti/internal/room/pace"
	"github.com/tuttilive/tutti/internal/room/pk"
	"github.com/tuttilive/tutti/internal/room/poll"
	"github.com/tuttilive/tutti/internal/studio/talk"
)

const (
	// tellEvery is how long what happens is gathered before everybody is told, countEvery how long that is which only counts: to tell
	// an audience anything costs the same whatever it is. What is urgent waits for urgentEvery.
	tellEvery   = 100 * time.Millisecond
	countEvery  = 500 * time.Millisecond
	urgentEvery = 20 * time.Millisecond
	// presenceEvery is how often at most everybody is told how many watch.
	presenceEvery = time.Second
	// maxJoined is how many of those who came are named then.
	maxJoined = 5
	// recentChat is how much of what was written a newcomer is given.
	recentChat = 50
	// maxEars is how many connections one identity has; the oldest goes first.
	maxEars = 8
)

// urgentRate is how often what is urgent does not wait for tellEvery: each time costs as much as all else that is told in that time.
var urgentRate = pace.Rate{Burst: 5, Every: 200 * time.Millisecond}

// Outlet carries what everybody is told to a part of the audience. Its methods are called with the studio's lock held: they must
// not block or call back.
type Outlet interface {
	// Batch is what is new.
	Batch(talk.Batch)
	// End comes last, with an array of events.
	End(farewell []byte)
}

// Ear is one connection of somebody in the audience. Its methods are called with the studio's lock held: they must not block or
// call back.
type Ear interface {
	// Tell is for this person alone: an array of events.
	Tell(events []byte)
	// Cut ends the connection with an array of events, for a reason: the code of a refusal.
	Cut(farewell []byte, code string)
	// Refresh tells that the person is to be told otherwise from now on: Attendee.You and Studio.Overview have changed for them.
	Refresh()
}

// crowd is what a room has beside its participants: the audience and what is told to all. It is guarded by the studio's lock.
type crowd struct {
	chat         chat.Chat
	polls        poll.Polls
	applause     applause.Applause
	liked        int // likes that were told
	announcement *talk.Announcement

	people map[string][]*Attendee // by identity
	// spoken tells that a participant speaks the audience's vocabulary.
	spoken  bool
	outlets map[Outlet]struct{}
	// reviewing are those of whom a message is looked at by the application.
	reviewing map[string]struct{}

	pending talk.Pending
	toldAt  time.Time
	soon    *time.Timer // tells what waits
	soonAt  time.Time
	hurried pace.Bucket // of urgentRate

	present   talk.Presence // as it was told last
	countedAt time.Time
	counting  *time.Timer
	joined    []talk.Person

	handsLater *time.Timer // tells how the stage is when hands have been raised or lowered
}

// gather gives the room's crowd, which most rooms never have. The caller holds the lock.
func (s *Studio) gather() *crowd {
	if s.crowd == nil {
		s.crowd = &crowd{people: map[string][]*Attendee{}, outlets: map[Outlet]struct{}{}, reviewing: map[string]struct{}{}}
	}
	return s.crowd
}

// Hear has an outlet told everything until stop is called or the room ends. It fails with ErrNoRoom once the room has ended.
func (s *Studio) Hear(o Outlet) (stop func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, ErrNoRoom
	}
	c := s.gather()
	c.outlets[o] = struct{}{}
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(c.outlets, o)
	}, nil
}

// heard tells whether anybody would hear what is told. The caller holds the lock.
func (c *crowd) heard() bool { return c != nil && (c.spoken || len(c.outlets) > 0) }

// tell tells everybody soon: at once after a silence, else with what else happens meanwhile, for which the urgent does not wait. The
// caller holds the lock.
func (s *Studio) tell(e talk.Event) {
	s.tellInTurn(e)
	if talk.Urgent(e) {
		s.hurry()
	}
}

// tellInTurn is tell of what is not urgent. The caller holds the lock.
func (s *Studio) tellInTurn(e talk.Event) {
	if s.closed || !s.crowd.heard() {
		return
	}
	s.crowd.pending.Add(e)
	s.tellWithin(tellEvery)
}

// hurry has what waits told sooner than in its turn, unless that happened too often of late. The caller holds the lock.
func (s *Studio) hurry() {
	c, now := s.crowd, time.Now()
	if c == nil || c.soon == nil || !c.soonAt.After(now) || !c.soonAt.After(c.toldAt.Add(urgentEvery)) {
		return // it is told at once anyway
	}
	if c.hurried.Take(urgentRate, 1, now) == 0 {
		s.tellWithin(urgentEvery)
	}
}

// tellWithin has what waits told when so much time has passed since something was told last, or sooner. The caller holds the lock,
// and there is a crowd.
func (s *Studio) tellWithin(d time.Duration) {
	c, at := s.crowd, s.crowd.toldAt.Add(d)
	switch {
	case s.closed || !c.heard() || c.soon != nil && !at.Before(c.soonAt):
		return
	case c.soon != nil:
		c.soon.Stop()
	}
	c.soonAt = at
	var timer *time.Timer
	timer = time.AfterFunc(max(time.Until(at), 0), func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if c.soon == timer { // else it was stopped too late
			c.soon = nil
			s.tellNow()
		}
	})
	c.soon = timer
}

// tellNow tells what waits. The caller holds the lock.
func (s *Studio) tellNow() {
	c := s.crowd
	if s.closed {
		return
	}
	if likes := c.applause.Likes(); likes > c.liked && c.heard() {
		c.pending.Add(talk.Likes{Total: likes, Added: likes - c.liked})
		c.liked = likes
	}
	if c.pending.Empty() {
		return
	}
	batch := c.pending.Take()
	c.toldAt = time.Now()
	for o := range c.outlets {
		o.Batch(batch)
	}
	s.mirror(batch)
}

// tellOne tells one person something, on all their connections. The caller holds the lock.
func (s *Studio) tellOne(identity string, e talk.Event) {
	if s.crowd == nil {
		return
	}
	events, ears := talk.Frame(talk.Encode(e)), s.crowd.people[identity]
	if len(ears) == 0 {
		s.tellMember(identity, events)
	}
	for _, a := range ears {
		a.ear.Tell(events)
	}
}

// disperse tells everybody that the room ends. The caller holds the lock.
func (s *Studio) disperse(reason string) {
	c := s.crowd
	if c == nil {
		return
	}
	for _, t := range []*time.Timer{c.soon, c.counting, c.handsLater} {
		if t != nil {
			t.Stop()
		}
	}
	c.pending.Add(talk.Bye{Reason: reason})
	last := c.pending.Take()
	for o := range c.outlets {
		o.End(last.All)
	}
	clear(c.outlets)
	clear(c.people)
}

// noteCame has everybody told of somebody who came, by and by. The caller holds the lock.
func (s *Studio) noteCame(p talk.Person) {
	if c := s.crowd; len(c.joined) < maxJoined && !slices.Contains(c.joined, p) {
		c.joined = append(c.joined, p)
	}
	s.countLater()
}

// countLater has everybody told soon how many there are. The caller holds the lock.
func (s *Studio) countLater() {
	c := s.crowd
	if c == nil || c.counting != nil || s.closed {
		return
	}
	c.counting = time.AfterFunc(max(presenceEvery-time.Since(c.countedAt), 0), func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		c.counting = nil
		if s.closed {
			return
		}
		now := s.presence()
		if len(c.joined) == 0 && now.Viewers == c.present.Viewers && now.People == c.present.People {
			return
		}
		c.countedAt, c.present = time.Now(), now
		now.Joined, c.joined = c.joined, nil
		s.tell(now)
	})
}

// Likes is how many there were.
func (s *Studio) Likes() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.gather().applause.Likes()
}

// presence counts who is there: those who watch, and those who take part. The caller holds the lock.
func (s *Studio) presence() talk.Presence {
	return talk.Presence{Viewers: s.viewers(), People: s.info().People}
}

// viewers counts those who watch, each once: who plays the program, by whatever protocol, or is in the audience's channel without taking part.
// A page does both, and nothing tells which player is whose; but there are as many as the larger of the two at least. The caller
// holds the lock.
func (s *Studio) viewers() int {
	n := 0
	if s.crowd != nil {
		n = len(s.crowd.people)
		for identity := range s.members {
			if s.watches(identity) {
				n--
			}
		}
	}
	if s.air != nil {
		n = s.air.seenBy(n)
	}
	return n
}

// viewersChanged has everybody told soon how many watch.
func (s *Studio) viewersChanged() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.countLater()
}

// Audience are those who watch, ordered by identity: at most limit of those after one.
func (s *Studio) Audience(after string, limit int) (people []talk.Person, all talk.Presence) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.crowd != nil {
		ids := make([]string, 0, len(s.crowd.people))
		for identity := range s.crowd.people {
			if identity > after {
				ids = append(ids, identity)
			}
		}
		slices.Sort(ids)
		for _, identity := range ids[:min(limit, len(ids))] {
			people = append(people, s.crowd.people[identity][0].person())
		}
	}
	return people, s.presence()
}

// tellAudience tells of what happens in the room what concerns those who watch. The caller holds the lock.
func (s *Studio) tellAudience(e room.Event) {
	if !s.crowd.heard() {
		return
	}
	switch e := e.(type) {
	case room.LiveChanged:
		s.tell(liveEvent(e.Live))
	case room.StageChanged:
		s.tellStage(e)
	case room.PKChanged:
		if e.PK.State == pk.Ended {
			s.tell(talk.PKEnded{Result: e.PK.Result, EndedBy: e.PK.EndedBy})
			return
		}
		s.tell(talk.PK{View: e.PK})
	case room.ParticipantJoined, room.ParticipantLeft:
		s.countLater()
	}
}
